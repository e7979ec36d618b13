/** The caller's proxies, as commands with a network get to see them: without passwords, which only a caller may hand on. */
export interface Proxies {
  environment: Readonly<Record<string, string>>;
  /** Proxies on the host's loopback, which a sandbox's own network can't reach: they are forwarded. */
  loopback: readonly { host: string; port: number }[];
}

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

export function callerProxies(env: NodeJS.ProcessEnv = process.env): Proxies {
  const environment: Record<string, string> = {};
  const loopback = new Map<number, { host: string; port: number }>();
  for (const name of NAMES.flatMap((upper) => [upper, upper.toLowerCase()])) {
    const value = env[name];
    const url = value && parse(value);
    if (!value || !url) continue;
    environment[name] = withoutPassword(value, url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (/^(localhost|127\..*|::1)$/.test(host)) {
      const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
      loopback.set(port, { host, port });
    }
  }
  for (const name of ["NO_PROXY", "no_proxy"]) if (env[name]) environment[name] = env[name];
  return { environment, loopback: [...loopback.values()] };
}

/** The variables of a command that has these services beside it: what it asks of them is not for a proxy. */
export function withoutProxy({ environment }: Proxies, names: readonly string[]): Proxies["environment"] {
  if (names.length === 0 || Object.keys(environment).length === 0) return environment;
  const near = ["localhost", "127.0.0.1", "::1", ...names].join(",");
  const both = ["NO_PROXY", "no_proxy"].map((name) => [
    name,
    [environment[name], near].filter(Boolean).join(","),
  ]);
  return { ...environment, ...Object.fromEntries(both) };
}

function withoutPassword(value: string, url: URL): string {
  if (url.username === "" && url.password === "") return value;
  url.username = url.password = "";
  return url.href;
}

function parse(value: string): URL | undefined {
  const url = value.includes("://") ? value : `http://${value}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}
