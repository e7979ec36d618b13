import { PROXY_VARIABLE } from "../../arguments/variables.js";
import { invalid } from "../config/invalid.js";
import { type Grant, urlSecrets } from "./grant.js";
import type { Caller } from "./operator-file.js";

/** The caller's proxies with their passwords; engines pass proxies on without them. */
export async function proxyGrant({ env }: Caller): Promise<Grant> {
  const proxies = Object.entries(env).filter(
    (entry): entry is [string, string] => PROXY_VARIABLE.test(entry[0]) && !!entry[1],
  );
  if (proxies.length === 0)
    throw invalid(
      'validate: the registry "proxy" asks for your proxy, and neither HTTP_PROXY nor HTTPS_PROXY is set. Export it, or leave it out.',
    );
  const direct = ["NO_PROXY", "no_proxy"].flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  return {
    variables: Object.fromEntries([...proxies, ...direct]),
    files: {},
    secrets: proxies.flatMap(([, value]) => urlSecrets(value.includes("://") ? value : `http://${value}`)),
  };
}
