import { isSecret, PROXY_VARIABLE, proxyPasswords, type Values } from "../arguments/variables.js";

/** One environment variable of commands. */
interface Variable {
  value: string;
  secret: boolean;
}

/** The environment that a sandbox gives its commands: plain and secret in one map, as a name has one value. */
export type Variables = ReadonlyMap<string, Variable>;

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
