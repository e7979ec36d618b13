import { SandboxError } from "../../../errors.js";
import { call, type Step } from "./graphql.js";

/** Stat, which every file operation needs, is there since this one. */
const OLDEST = [0, 19, 9] as const;

/** node(id) is there since this one for every CLI, and the fields that it replaces only for CLIs before 0.22. */
const NODE = [0, 21, 1] as const;

/** What differs between engines' versions of the API. */
export interface Dialect {
  readonly version: string;
  /** A step to a container by its ID. */
  container(id: string): Step;
  directory(id: string): Step;
  secret(id: string): Step;
}

/** The dialect of a version that an engine says of itself. Throws ENGINE_UNAVAILABLE for one that is too old. */
export function dialectOf(version: string, endpoint: string): Dialect {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (parts && compare(parts, OLDEST) < 0) {
    throw new SandboxError(
      "ENGINE_UNAVAILABLE",
      `create: the Dagger engine (${endpoint}) is ${version}; forkbox needs v${OLDEST.join(".")} or newer. Update the Dagger CLI and engine: https://docs.dagger.io/install`,
      { operation: "create" },
    );
  }
  // One that says no number was built by its user, hardly from an old source.
  const byNode = parts === undefined || compare(parts, NODE) >= 0;
  const load = (type: string) => (id: string) =>
    byNode ? { ...call("node", { id }), on: type } : call(`load${type}FromID`, { id });
  return { version, container: load("Container"), directory: load("Directory"), secret: load("Secret") };
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, part] of one.entries()) {
    const difference = part - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
