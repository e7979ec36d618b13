import { shown } from "../../arguments/arguments.js";
import { type Values, warnIfShort } from "../../arguments/variables.js";
import { invalid } from "../config/invalid.js";
import type { Grant } from "./grant.js";
import { netrcGrant } from "./netrc.js";
import { npmGrant } from "./npm.js";
import { type Caller, caller } from "./operator-file.js";
import { pipGrant } from "./pip.js";
import { proxyGrant } from "./proxy.js";
import { type Registry, registryNames } from "./registry.js";

const readers: Readonly<Record<Registry, (caller: Caller) => Promise<Grant>>> = {
  ...{ npm: npmGrant, pip: pipGrant, netrc: netrcGrant, proxy: proxyGrant },
};

/** The operator's settings of private registries, for commands that install. */
export interface Registries {
  env: Values;
  /** What has a token in it. */
  secrets: Values;
  /** Every token, for redaction: a variable holds more than one. */
  tokens: readonly string[];
  /** The same command, which finds the files while it runs. */
  command(command: string): string;
}

/** @throws SandboxError INVALID_ARGUMENT for one that is not known, or whose settings are missing. */
export async function readRegistries(names: readonly Registry[], from = caller): Promise<Registries> {
  if (!Array.isArray(names)) throw invalid(`validate: registries must be a list, not ${shown(names)}`);
  const grants = await Promise.all([...new Set(names)].map((name) => readerOf(name)(from)));
  const tokens = [...new Set(grants.flatMap(({ secrets }) => secrets))];
  for (const token of tokens) warnIfShort("of a registry", token);
  const files = grants.flatMap((grant) => Object.entries(grant.files));
  const variables = [
    ...grants.flatMap((grant) => Object.entries(grant.variables)),
    ...files.map(([name, text]): [string, string] => [carrier(name), oneLine(text)]),
  ];
  const isSecret = ([, value]: [string, string]) => tokens.some((token) => holds(value, token));
  return {
    env: Object.fromEntries(variables.filter((variable) => !isSecret(variable))),
    secrets: Object.fromEntries(variables.filter(isSecret)),
    tokens,
    command: (command) => `${files.map(([name]) => placing(name)).join("")}${command}`,
  };
}

function readerOf(name: Registry): (caller: Caller) => Promise<Grant> {
  if (registryNames.includes(name)) return readers[name];
  throw invalid(
    `validate: registries names ${shown(name)}, which is none. There are ${registryNames.join(", ")}.`,
  );
}

function carrier(name: string): string {
  return `FORKBOX_${name}`;
}

/** For printf's %b. Of several lines each would be redacted for itself, where it is a word like "default", too. */
function oneLine(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function holds(value: string, token: string): boolean {
  return value.includes(token) || value.includes(oneLine(token));
}

/**
 * /dev is each command's own and gone with it, so that no snapshot has what lies there. Of .netrc git and most curls
 * only know the home's: there is a link, which leads nowhere afterwards.
 */
function placing(name: string): string {
  const directory = "/dev/shm/forkbox-registries";
  const file = `${directory}/${name}`;
  const write = `(umask 077; mkdir -p ${directory} && printf %b "$${carrier(name)}" >${file}) || exit 125; `;
  const tell = `unset ${carrier(name)}; export ${name}=${file}; `;
  if (name !== "NETRC") return write + tell;
  const link = '"$HOME/.netrc"';
  return `${write}${tell}if [ ! -e ${link} ]; then ln -sf ${file} ${link}; trap 'rm -f ${link}' EXIT; fi; `;
}
