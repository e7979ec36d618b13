import { join } from "node:path";
import { invalid } from "../config/invalid.js";
import { type Grant, urlSecrets } from "./grant.js";
import { type Caller, readOperatorFile } from "./operator-file.js";

/** Where packages come from. Certificates and directories are of the host. */
const KEYS: Readonly<Record<string, string>> = {
  "index-url": "PIP_INDEX_URL",
  "extra-index-url": "PIP_EXTRA_INDEX_URL",
  "trusted-host": "PIP_TRUSTED_HOST",
};

/** The caller's indexes, from the files that pip reads in its order, and from its variables, which win. */
export async function pipGrant(caller: Caller): Promise<Grant> {
  const paths = pipFiles(caller);
  const texts = await Promise.all(paths.map(readOperatorFile));
  const settings = texts.map((text) => sections(text ?? ""));
  const variables: Record<string, string> = {};
  // A command's own section wins over the general one of any file.
  for (const section of ["global", "install"])
    for (const { [section]: found = {} } of settings)
      for (const [key, name] of Object.entries(KEYS)) {
        const value = found[key];
        if (value !== undefined) variables[name] = value;
      }
  for (const name of Object.values(KEYS)) variables[name] = caller.env[name] || (variables[name] ?? "");
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
  if (Object.keys(set).length === 0)
    throw invalid(
      `validate: the registry "pip" asks for your package index, and neither PIP_INDEX_URL and PIP_EXTRA_INDEX_URL nor ${paths.join(", ")} names one. Set it with \`pip config set global.index-url URL\`, or leave it out.`,
    );
  return {
    variables: set,
    files: {},
    secrets: Object.values(set).flatMap((value) => value.split(/\s+/).flatMap(urlSecrets)),
  };
}

/** What comes later wins. */
function pipFiles({ env, home }: Caller): string[] {
  const named = env.PIP_CONFIG_FILE;
  const shared = (env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").filter((path) => path !== "");
  return [
    ...shared.map((path) => join(path, "pip/pip.conf")),
    "/etc/pip.conf",
    ...(named
      ? []
      : [join(home, ".pip/pip.conf"), join(env.XDG_CONFIG_HOME || join(home, ".config"), "pip/pip.conf")]),
    ...(env.VIRTUAL_ENV ? [join(env.VIRTUAL_ENV, "pip.conf")] : []),
    ...(named && named !== "/dev/null" ? [named] : []),
  ];
}

/** As Python's configparser reads it: a value goes on in lines that are indented. */
function sections(text: string): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  let section: Record<string, string> = {};
  let key: string | undefined;
  for (const line of text.split("\n")) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const [, name] = /^\[([^\]]+)\]/.exec(line) ?? [];
    const [, option = "", value = ""] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      found[name] ??= {};
      section = found[name];
      key = undefined;
    } else if (option !== "") {
      key = option.toLowerCase().replaceAll("_", "-").replace(/^--/, "");
      section[key] = value.trim();
    } else if (key !== undefined && /^\s/.test(line)) {
      section[key] = `${section[key]} ${line.trim()}`.trim();
    }
  }
  return found;
}
