import { Minimatch } from "minimatch";
import { SandboxError } from "../errors.js";

/** Compiled globs. Paths are relative, with "/" between parts and none at the ends. */
export interface Globs {
  /** The path itself matches. */
  matches(path: string): boolean;
  /** The path, or a directory above it, matches. */
  covers(path: string): boolean;
  /** Something below this directory can match: whether it is worth reading. */
  mayMatchBelow(directory: string): boolean;
}

/** Where globs come from, for the message when one is no good. */
export interface GlobSource {
  operation: string;
  option: string;
}

/**
 * Compiles globs: `*` and `?` stay within a name, `**` crosses directories, `{a,b}`, `[a-z]`, a leading dot is
 * like any other character. They are anchored: `dist` is the top one, a `dist` at any depth is written with
 * two asterisks and a slash before it. What matches a directory stands for all that is in it.
 *
 * The matcher takes polynomial time, so a pattern or a name from an unreviewed project can't hang it.
 *
 * @throws SandboxError INVALID_ARGUMENT for an empty glob, an absolute one, one with `..` or a leading `!`.
 */
export function compileGlobs(patterns: readonly string[], source: GlobSource): Globs {
  const compiled = patterns.map((pattern) => compile(pattern, source));
  const matches = (path: string): boolean => compiled.some((glob) => glob.match(path));
  return {
    matches,
    covers(path) {
      if (matches(path)) return true;
      for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
        if (matches(path.slice(0, end))) return true;
      }
      return false;
    },
    mayMatchBelow: (directory) => compiled.some((glob) => glob.match(directory, true)),
  };
}

function compile(pattern: string, source: GlobSource): Minimatch {
  const refuse = (why: string): never => {
    const shown = JSON.stringify(pattern) ?? String(pattern);
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `${source.operation}: ${source.option}: the glob ${shown} ${why}.`,
      {
        operation: source.operation,
      },
    );
  };
  if (typeof pattern !== "string" || pattern.length === 0)
    return refuse("must be a string that is not empty");
  if (pattern.includes("\0")) return refuse("must not hold a NUL byte");
  if (pattern.startsWith("/")) return refuse("must be relative");
  if (/^!(?!\()/.test(pattern))
    return refuse("can't be negated with `!`; use the other of include and exclude");
  const bare = pattern.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  if (bare.split("/").includes("..")) return refuse("must not leave the directory with `..`");
  const glob = new Minimatch(bare === "." || bare === "" ? "**" : bare, {
    dot: true,
    nocomment: true,
    nonegate: true,
    platform: "linux",
    braceExpandMax: 1000,
  });
  return glob;
}
