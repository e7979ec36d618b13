import { isLongEnough, SHORTEST_SECRET_BYTES } from "../redaction/forms.js";

/** Secret wherever they come from, env included. */
const ALWAYS_SECRET: ReadonlySet<string> = new Set(["DATABRICKS_TOKEN"]);
const PROXY_VARIABLE = /^(https?|ftp|all)_proxy$/i;

/** One environment variable of commands. */
interface Variable {
  value: string;
  secret: boolean;
}

/** The environment that a sandbox gives its commands: plain and secret in one map, as a name has one value. */
export type Variables = ReadonlyMap<string, Variable>;

export type Values = Readonly<Record<string, string>>;

/** `before`, overridden by env, then by secrets. */
export function withVariables(before: Variables, env: Values = {}, secrets: Values = {}): Variables {
  const after = new Map(before);
  for (const [name, value] of Object.entries(env)) after.set(name, { value, secret: isSecret(name, value) });
  for (const [name, value] of Object.entries(secrets)) after.set(name, { value, secret: true });
  return after;
}

/** As an engine takes them. */
export function splitVariables(variables: Variables): { env: Values; secrets: Values } {
  const named = (secret: boolean) =>
    Object.fromEntries(
      [...variables].filter(([, v]) => v.secret === secret).map(([name, v]) => [name, v.value]),
    );
  return { env: named(false), secrets: named(true) };
}

/** The values to redact. */
export function secretValues(variables: Variables): string[] {
  return [...variables].flatMap(([name, { value, secret }]) =>
    secret ? [value, ...(PROXY_VARIABLE.test(name) ? proxyPasswords(value) : [])] : [],
  );
}

/** Passwords of the caller's proxies: engines pass those on to commands. */
export function callerSecrets(caller: NodeJS.ProcessEnv = process.env): string[] {
  return Object.entries(caller).flatMap(([name, value]) =>
    value !== undefined && PROXY_VARIABLE.test(name) ? proxyPasswords(value) : [],
  );
}

export function warnIfShort(name: string, value: string): void {
  if (isLongEnough(value)) return;
  process.emitWarning(
    `The secret ${name} is shorter than ${SHORTEST_SECRET_BYTES} bytes: it reaches commands but is not redacted.`,
    { type: "ForkboxWarning", code: "FORKBOX_SHORT_SECRET" },
  );
}

/** Whether a variable that was given as plain env is a secret. */
export function isSecret(name: string, value: string): boolean {
  if (value === "") return false;
  return ALWAYS_SECRET.has(name) || (PROXY_VARIABLE.test(name) && proxyPasswords(value).length > 0);
}

function proxyPasswords(value: string): string[] {
  const { password } = URL.canParse(value) ? new URL(value) : { password: "" };
  if (password === "") return [];
  try {
    // As it stands in the URL, and as its owner knows it.
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
