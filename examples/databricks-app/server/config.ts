export interface Config {
  /** The workspace: scheme and host, nothing after it. */
  host: URL;
  warehouseId: string;
  token: string;
}

/** Reads the warehouse's coordinates. Throws one error that names everything that is wrong with them. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const { DATABRICKS_HOST = "", DATABRICKS_WAREHOUSE_ID = "", DATABRICKS_TOKEN = "" } = env;
  const missing = Object.entries({ DATABRICKS_HOST, DATABRICKS_WAREHOUSE_ID, DATABRICKS_TOKEN })
    .filter(([, value]) => value === "")
    .map(([name]) => name);
  if (missing.length > 0) throw new Error(`Set ${missing.join(", ")} in the environment.`);

  return {
    host: parseHost(DATABRICKS_HOST),
    warehouseId: DATABRICKS_WAREHOUSE_ID,
    token: DATABRICKS_TOKEN,
  };
}

function parseHost(value: string): URL {
  // Databricks Apps gives a bare host name, the Databricks CLI a URL.
  const text = value.includes("://") ? value : `https://${value}`;
  if (!URL.canParse(text)) throw new Error(`DATABRICKS_HOST is not a host: ${value}`);
  const url = new URL(text);
  const isLoopback = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  // Plain HTTP would show the token to everyone on the way.
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) {
    throw new Error(`DATABRICKS_HOST must be https (http only on loopback): ${value}`);
  }
  return new URL(url.origin);
}
