import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { SandboxError } from "../errors.js";
import { ToolError } from "./errors.js";

const LONGEST_PATH = 4096;

/**
 * The host directories that tools may reach, links resolved when the server started. A path is resolved again at each
 * use, and what it leads to then has to be in one of them: a link in a root that leads out of it leads nowhere.
 */
export class Roots {
  readonly directories: readonly string[];

  /** @throws SandboxError for what is no directory. */
  constructor(directories: readonly string[]) {
    this.directories = directories.map(realDirectory);
  }

  /** A directory that is there, or with `mayBeMissing` one that can be made. Its path has no links in it. */
  resolve(hostPath: string, tool: string, mayBeMissing = false): string {
    const [first] = this.directories;
    if (first === undefined) {
      const next = "Work with files in the sandbox, or ask the operator to start the server with --root DIR.";
      throw new ToolError("PERMISSION", `${tool}: no directory of the host is open to tools.`, next);
    }
    if (hostPath.includes("\0") || hostPath.length > LONGEST_PATH)
      throw this.#refusal("INVALID_ARGUMENT", tool, hostPath, "it can be no path");
    if (hostPath.split("/").includes(".."))
      throw this.#refusal("INVALID_ARGUMENT", tool, hostPath, 'it has ".." in it');
    const real = realPath(resolve(first, hostPath));
    if (real === undefined || !this.directories.some((root) => isWithin(real.path, root)))
      throw this.#refusal("PERMISSION", tool, hostPath, "it is not in a root, or leads out of it");
    if (real.missing && !mayBeMissing)
      throw this.#refusal("NOT_FOUND", tool, hostPath, "there is no such directory");
    if (!real.missing && !statSync(real.path).isDirectory())
      throw this.#refusal("NOT_A_DIRECTORY", tool, hostPath, "it is no directory");
    return real.path;
  }

  /** Replacing a root would take what is beside it: the new one is built there. */
  isRoot(path: string): boolean {
    return this.directories.includes(path);
  }

  #refusal(code: string, tool: string, hostPath: string, why: string): ToolError {
    const next = `Name a directory in one of the roots: ${this.directories.join(", ")}.`;
    return new ToolError(
      code,
      `${tool}: the host path ${JSON.stringify(hostPath.slice(0, 300))}: ${why}.`,
      next,
    );
  }
}

/** With the links in it resolved as far as it exists; undefined where a link on the way leads to nothing. */
function realPath(wanted: string): { path: string; missing: boolean } | undefined {
  const names: string[] = [];
  for (let at = wanted; ; at = dirname(at)) {
    try {
      return { path: join(realpathSync.native(at), ...names), missing: names.length > 0 };
    } catch {
      if (!isMissing(at) || at === dirname(at)) return undefined;
      names.unshift(at.slice(dirname(at).length).replace(/^\//, ""));
    }
  }
}

/** Not even a link is there. What can't be looked at is not taken to be missing. */
function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function realDirectory(directory: string): string {
  const fail = (why: string) =>
    new SandboxError("INVALID_ARGUMENT", `The root ${directory}: ${why}. Name a directory that is there.`, {
      operation: "mcp",
      path: directory,
    });
  let real: string;
  try {
    real = realpathSync.native(directory);
  } catch {
    throw fail("there is no such directory");
  }
  if (!statSync(real).isDirectory()) throw fail("it is no directory");
  return real;
}

function isWithin(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}
