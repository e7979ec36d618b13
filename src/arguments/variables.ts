import { isLongEnough, SHORTEST_SECRET_BYTES } from "../redaction/forms.js";

export type Values = Readonly<Record<string, string>>;

/** Secret wherever they come from, env included. */
const ALWAYS_SECRET: ReadonlySet<string> = new Set(["DATABRICKS_TOKEN"]);
/** Names of variables that say where a proxy is. */
export const PROXY_VARIABLE = /^(https?|ftp|all)_proxy$/i;

/** Whether a variable that was given as plain env is a secret. */
export function isSecret(name: string, value: string): boolean {
  if (value === "") return false;
  return ALWAYS_SECRET.has(name) || (PROXY_VARIABLE.test(name) && proxyPasswords(value).length > 0);
}

export function warnIfShort(name: string, value: string): void {
  if (isLongEnough(value)) return;
  process.emitWarning(
    `The secret ${name} is shorter than ${SHORTEST_SECRET_BYTES} bytes: it reaches commands but is not redacted.`,
    { type: "ForkboxWarning", code: "FORKBOX_SHORT_SECRET" },
  );
}

/** The password in a proxy's URL, if it has one. */
export function proxyPasswords(value: string): string[] {
  const { password } = URL.canParse(value) ? new URL(value) : { password: "" };
  if (password === "") return [];
  try {
    // As it stands in the URL, and as its owner knows it.
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
