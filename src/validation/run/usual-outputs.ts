import type { Sandbox } from "../../sandbox/sandbox.js";
import type { StepKind } from "../types.js";

/** Where builds and test runners put what people look at afterwards. */
const usual: Readonly<Partial<Record<StepKind, readonly string[]>>> = {
  build: ["dist", "build", ".next"],
  check: ["coverage", "test-results", "playwright-report"],
};

/** Large, and of no use to anybody but the next build. */
export const USUAL_EXCLUDE = [".next/cache"];

/** As globs. */
export function usualOutputs(kind: StepKind): string[] {
  return (usual[kind] ?? []).map((name) => `${name}/**`);
}

/** Those of which there is something. */
export async function usualOutputsIn(
  sandbox: Sandbox,
  kind: StepKind,
  signal: AbortSignal,
): Promise<string[]> {
  const names = usual[kind] ?? [];
  if (names.length === 0) return [];
  const there = new Set(
    (await sandbox.listDirectory(".", { signal })).flatMap(({ name, type }) =>
      type === "directory" ? [name] : [],
    ),
  );
  return names.filter((name) => there.has(name)).map((name) => `${name}/**`);
}
