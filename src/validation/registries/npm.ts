import { join } from "node:path";
import { invalid } from "../config/invalid.js";
import { type Grant, urlSecrets } from "./grant.js";
import { type Caller, readOperatorFile } from "./operator-file.js";

/** Where packages come from, and who asks for them. Paths, scripts and shells in it are of the host. */
const REGISTRY_KEY =
  /^(registry|@[^:/\s]+:registry|replace-registry-host|always-auth|strict-ssl|ca(\[\])?|email|(\/\/\S+:)?(_auth|_authToken|username|_password|email|always-auth))$/;
const SECRET_KEY = /(^|:)(_auth|_authToken|_password)$/;

/** The caller's own `.npmrc`, as npm, pnpm and Yarn 1 find it. */
export async function npmGrant({ env, home }: Caller): Promise<Grant> {
  const named = env.npm_config_userconfig || env.NPM_CONFIG_USERCONFIG;
  const path = named || join(home, ".npmrc");
  const text = await readOperatorFile(path);
  if (text === undefined)
    throw invalid(
      `validate: the registry "npm" asks for your .npmrc, and there is no ${path}. Log in with \`npm login\`, name the file in NPM_CONFIG_USERCONFIG, or leave it out.`,
      { path },
    );
  const settings = text.split("\n").flatMap((line) => setting(line, env, path));
  return {
    variables: {},
    files: { NPM_CONFIG_USERCONFIG: settings.map(({ line }) => `${line}\n`).join("") },
    secrets: settings.flatMap(({ key, value }) => secretsOf(key, value)),
  };
}

interface Setting {
  key: string;
  value: string;
  line: string;
}

function setting(line: string, env: Caller["env"], path: string): Setting[] {
  const [, written = "", text = ""] = /^\s*([^;#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
  const key = expanded(written, env, path);
  if (!REGISTRY_KEY.test(key)) return [];
  const value = expanded(text, env, path);
  return [{ key, value: bare(value), line: `${key}=${value}` }];
}

/** npm's own `${NAME}`, whose variables sandboxes don't have. */
function expanded(text: string, env: Caller["env"], path: string): string {
  return text.replace(/(\\*)\$\{([^${}?]+)(\?)?\}/g, (whole, escapes: string, name: string, optional) => {
    if (escapes.length % 2 === 1) return whole;
    const value = env[name] ?? (optional ? "" : undefined);
    if (value !== undefined && !/[\r\n\0]/.test(value)) return `${escapes}${value}`;
    throw invalid(
      `validate: ${path} says \${${name}}, which is ${value === undefined ? "not set" : "no single line"}. Export ${name}.`,
      { path },
    );
  });
}

/** As npm reads it: without quotes, or up to a comment. */
function bare(value: string): string {
  const [, double, single] = /^(?:"(.*)"|'(.*)')$/.exec(value) ?? [];
  if (double === undefined && single === undefined) return value.replace(/(?<!\\)\s*[;#].*$/, "");
  try {
    return double === undefined ? (single ?? "") : String(JSON.parse(value));
  } catch {
    return double ?? "";
  }
}

function secretsOf(key: string, value: string): string[] {
  if (key === "registry" || key.endsWith(":registry")) return urlSecrets(value);
  if (!SECRET_KEY.test(key) || value === "") return [];
  if (key.endsWith("_authToken")) return [value];
  // Both are base64: of a password, and of USER:PASSWORD.
  const plain = Buffer.from(value, "base64").toString();
  const password = key.endsWith("_auth") ? plain.slice(plain.indexOf(":") + 1) : plain;
  return [value, plain, password].filter((text) => text !== "");
}
