import type { Engine, Snapshot } from "../engine.js";
import { SandboxError } from "../errors.js";
import { Slices } from "../files/slices.js";
import { compileGlobs, type Globs } from "../host/selection/globs.js";

const GLOB_CHARACTERS = /[\\*?[\]{}()!+@]/g;

/** The globs of `readOnlyPaths`. What matches a directory stands for all that is in it. */
export class ReadOnlyPaths {
  readonly #globs: Globs;
  readonly #none: boolean;

  /** Relative globs start at `workdir`. */
  constructor(patterns: readonly string[], workdir: string) {
    const source = { operation: "create", option: "readOnlyPaths" };
    this.#none = patterns.length === 0;
    this.#globs = compileGlobs(
      patterns.map((pattern) => fromRoot(pattern, workdir)),
      source,
    );
  }

  /** @throws SandboxError READ_ONLY_PATH, also where a link leads to such a path or a directory holds one. */
  async check(
    engine: Engine,
    snapshot: Snapshot,
    path: string,
    act: "write" | "delete",
    operation: string,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#none) return;
    this.#refuse(path, path, operation);
    const real = await engine.resolve(snapshot, path, act === "write", signal);
    this.#refuse(real, path, operation);
    if (act !== "delete") return;
    const slices = new Slices(operation, signal);
    await this.#refuseBelow({ engine, snapshot, asked: path, operation, slices }, real);
  }

  /** Of the directory itself, and those above it, it is known that none matches. */
  async #refuseBelow(walk: Walk, real: string): Promise<void> {
    const { engine, snapshot, asked, operation, slices } = walk;
    if (!this.#globs.mayMatchBelow(real.slice(1))) return;
    if ((await engine.stat(snapshot, real, slices.signal))?.type !== "directory") return;
    const directories = [real];
    for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
      for (const { name, type } of await engine.list(snapshot, at, slices.signal)) {
        if (slices.due()) await slices.rest();
        const below = `${at}/${name}`;
        if (this.#globs.matches(below.slice(1))) throw refusal(below, asked, operation);
        if (type === "directory" && this.#globs.mayMatchBelow(below.slice(1))) directories.push(below);
      }
      if (slices.due()) await slices.rest();
    }
  }

  #refuse(path: string, asked: string, operation: string): void {
    if (this.#globs.covers(path.slice(1))) throw refusal(path, asked, operation);
  }
}

interface Walk {
  engine: Engine;
  snapshot: Snapshot;
  asked: string;
  operation: string;
  slices: Slices;
}

function refusal(path: string, asked: string, operation: string): SandboxError {
  const what = path === asked ? path : `${asked}, which would change ${path}`;
  const message = `${operation} ${what}: the sandbox was created with readOnlyPaths that match it.`;
  return new SandboxError("READ_ONLY_PATH", message, { operation, path: asked });
}

function fromRoot(pattern: unknown, workdir: string): string {
  // What is no glob is refused where they are compiled.
  if (typeof pattern !== "string" || /^(!(?!\()|$)/.test(pattern)) return pattern as string;
  if (pattern.startsWith("/")) return pattern.slice(1);
  const directory = workdir.slice(1).replace(GLOB_CHARACTERS, "\\$&");
  return directory === "" ? pattern : `${directory}/${pattern.replace(/^(\.\/+)+/, "")}`;
}
