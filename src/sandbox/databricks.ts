/** What {@link databricksEnv} gives: options of `Sandbox.create`. */
export interface DatabricksEnv {
  /** DATABRICKS_HOST and DATABRICKS_WAREHOUSE_ID, those that are set. */
  env: Record<string, string>;
  /** DATABRICKS_TOKEN, if it is set. */
  secrets: Record<string, string>;
}

/**
 * The Databricks credentials of an environment: DATABRICKS_HOST and DATABRICKS_WAREHOUSE_ID as env,
 * DATABRICKS_TOKEN as a secret. What is not set, or empty, is left out.
 *
 * @param source - Default: the environment of this process.
 *
 * @example
 * ```ts
 * const sandbox = await Sandbox.create({ ...databricksEnv() });
 * ```
 */
export function databricksEnv(
  source: Readonly<Record<string, string | undefined>> = process.env,
): DatabricksEnv {
  return {
    env: pick(source, ["DATABRICKS_HOST", "DATABRICKS_WAREHOUSE_ID"]),
    secrets: pick(source, ["DATABRICKS_TOKEN"]),
  };
}

function pick(source: Readonly<Record<string, string | undefined>>, names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (source[name] ? [[name, source[name]]] : [])));
}
