import { createHash } from "node:crypto";
import type { Engine, Entry, Snapshot } from "../engine.js";
import { SandboxError } from "../errors.js";
import { Slices } from "../files/slices.js";
import { compileGlobs, type Globs } from "../host/selection/globs.js";

/** More than this is looked through before every second command: it has to be said instead. */
const MOST_ENTRIES = 20_000;
const MOST_HASHED_BYTES = 16 * 1024 * 1024;
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

  /**
   * Every path that is covered, links not followed, with a word that changes when it does: for noticing what commands
   * did, which can't be refused.
   * @throws SandboxError LIMIT where there is too much to look through.
   */
  async state(engine: Engine, snapshot: Snapshot, slices: Slices): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    if (this.#none) return found;
    const directories = ["/"];
    let looked = 0;
    for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
      for (const entry of await engine.list(snapshot, at, slices.signal)) {
        if (slices.due()) await slices.rest();
        looked += 1;
        if (looked > MOST_ENTRIES) throw tooMuch();
        const path = at === "/" ? `/${entry.name}` : `${at}/${entry.name}`;
        const covered = this.#globs.covers(path.slice(1));
        if (covered) found.set(path, await wordFor(engine, snapshot, path, entry, slices.signal));
        if (entry.type === "directory" && (covered || this.#globs.mayMatchBelow(path.slice(1))))
          directories.push(path);
      }
    }
    return found;
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

async function wordFor(
  engine: Engine,
  snapshot: Snapshot,
  path: string,
  { type, mode, size }: Entry,
  signal: AbortSignal | undefined,
): Promise<string> {
  const word = `${type}:${mode.toString(8)}`;
  // What a link leads to counts: it may be changed where no glob looks.
  if (type === "symlink")
    return `${word}:${await engine.resolve(snapshot, path, true, signal).catch(() => "nowhere")}`;
  if (type !== "file") return word;
  if (size > MOST_HASHED_BYTES) return `${word}:${size}`;
  return `${word}:${createHash("sha256")
    .update(await engine.read(snapshot, path, signal))
    .digest("hex")}`;
}

function tooMuch(): SandboxError {
  const message = `The globs of readOnlyPaths lead through more than ${MOST_ENTRIES} files and directories, so that what commands change there can't be noticed. Name the paths without "**".`;
  return new SandboxError("LIMIT", message, { operation: "readOnlyPaths" });
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
