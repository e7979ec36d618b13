import * as fs from "node:fs";
import { SandboxError } from "../../errors.js";
import { joinBytes } from "../../files/bytes.js";
import { isGone } from "../../files/errors.js";
import { type Kind, kindOf } from "../../files/kind.js";
import { Slices } from "../../files/slices.js";
import type { Beneath } from "../../programs/beneath.mjs";
import { type IgnoreRules, isIgnored, parseGitignore } from "./gitignore.js";
import { readIgnoreFile } from "./gitignore-file.js";
import { compileGlobsInSlices, type Globs } from "./globs.js";
import { MatchWork } from "./match-work.js";
import { readNames } from "./names.js";
import type { Repository } from "./repository.js";

const GITIGNORE = ".gitignore";

/** Something found in a tree. */
export interface Found {
  /** Relative to the root of the walk. */
  path: Buffer;
  /** The same for {@link Beneath}. */
  name: string;
  kind: Kind;
  stat: fs.BigIntStats;
  /** The directory it is in; undefined at the top. */
  parent: Found | undefined;
}

export interface WalkOptions {
  operation: string;
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** The same, but for what git tracks. */
  excludeUntracked?: readonly string[] | undefined;
  gitignore?: boolean | undefined;
  /** What git knows of the root. */
  repository?: Repository | undefined;
  signal?: AbortSignal | undefined;
}

export interface Visitor {
  /** Called for all that is selected, directories before what is in them. False: leave a directory's content out. */
  visit(found: Found): boolean;
  /** Called for what could not be read (an empty path is the root); throws, or returns to go on without it. */
  unreadable(path: Buffer, error: unknown): void;
}

interface Directory {
  /** Undefined for the root. */
  found: Found | undefined;
  text: string;
  ignore: IgnoreRules | undefined;
  /** It is left out, but for what git tracks in it. */
  onlyTracked: boolean;
  /** A glob of `include` names it or a directory above it, or there is no `include`. */
  included: boolean;
  /** What `visit` said; undefined while nothing in it has been selected. */
  wanted: boolean | undefined;
  above: Directory | undefined;
}

/**
 * Visits a tree that may be changing, without ever following a link. What vanishes meanwhile is treated as never having
 * been there.
 */
export async function walkTree(tree: Beneath, options: WalkOptions, visitor: Visitor): Promise<void> {
  const { operation } = options;
  const slices = new Slices(operation, options.signal);
  const compiled = (globs: readonly string[], option: "include" | "exclude") =>
    compileGlobsInSlices(globs, { operation, option }, slices);
  const { excludeUntracked: untracked, repository } = options;
  const include = options.include && (await compiled(options.include, "include"));
  const exclude = options.exclude?.length ? await compiled(options.exclude, "exclude") : undefined;
  const weak = untracked?.length ? await compiled(untracked, "exclude") : undefined;
  const lead = repository?.lead ?? "";
  const tracked = repository?.tracked;
  const work = new MatchWork(operation, "the .gitignore rules");
  const stack: Directory[] = [
    {
      ...{ found: undefined, text: "", ignore: options.gitignore ? repository?.rules : undefined },
      ...{ onlyTracked: false, included: !include, wanted: true, above: undefined },
    },
  ];

  for (let directory = stack.pop(); directory !== undefined; directory = stack.pop()) {
    const names = await namesIn(tree, directory, visitor);
    if (slices.due()) await slices.rest();
    slices.throwIfAborted();
    if (options.gitignore && !directory.onlyTracked)
      await readGitignore(tree, directory, names, lead, operation, visitor, slices);
    const prefix = directory.found === undefined ? "" : `${directory.found.name}/`;
    const children: Directory[] = [];
    for (const last of names) {
      if (slices.due()) await slices.rest();
      const name = prefix + last;
      const path = Buffer.from(name, "latin1");
      const stat = lstat(tree, name, path, visitor);
      if (stat === undefined) continue;
      const kind = kindOf(stat);
      const text = include || exclude || weak ? path.toString() : "";
      if (exclude?.matches(text)) continue;
      const inRepository = lead === "" ? path : Buffer.from(lead + name, "latin1");
      const leftOut =
        directory.onlyTracked ||
        weak?.matches(text) === true ||
        isIgnored(directory.ignore, inRepository, kind === "directory", work);
      const isTracked = leftOut && tracked?.has(lead + name) === true;
      const onlyTracked = leftOut && !isTracked;
      if (onlyTracked && (kind !== "directory" || tracked?.hasBelow(lead + name) !== true)) continue;

      const found: Found = { path, name, kind, stat, parent: directory.found };
      const included = directory.included || include?.matches(text) === true;
      if (kind === "directory") {
        const child = {
          found,
          text,
          ignore: directory.ignore,
          onlyTracked,
          included,
          wanted: undefined,
          above: directory,
        };
        if (isWorthReading(child, include, visitor)) children.push(child);
      } else if (included && want(directory, visitor)) {
        visitor.visit(found);
      }
    }
    for (const child of children.reverse()) stack.push(child);
  }
}

function isWorthReading(directory: Directory, include: Globs | undefined, visitor: Visitor): boolean {
  if (directory.included) return want(directory, visitor);
  return include?.mayMatchBelow(directory.text) === true;
}

/** Visits a directory, and those above it, the first time that something in it is selected. */
function want(directory: Directory, visitor: Visitor): boolean {
  if (directory.wanted === undefined) {
    const above = directory.above === undefined || want(directory.above, visitor);
    directory.wanted = above && directory.found !== undefined && visitor.visit(directory.found);
  }
  return directory.wanted;
}

async function namesIn(tree: Beneath, { found }: Directory, visitor: Visitor): Promise<string[]> {
  try {
    return await readNames(tree, found === undefined ? "" : `${found.name}/`);
  } catch (error) {
    if (found === undefined || !isGone(error)) visitor.unreadable(found?.path ?? Buffer.alloc(0), error);
    return [];
  }
}

function lstat(tree: Beneath, name: string, path: Buffer, visitor: Visitor): fs.BigIntStats | undefined {
  try {
    return fs.lstatSync(tree.place(name), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (!isGone(error)) visitor.unreadable(path, error);
    return undefined;
  }
}

async function readGitignore(
  tree: Beneath,
  directory: Directory,
  names: readonly string[],
  lead: string,
  operation: string,
  visitor: Visitor,
  slices: Slices,
): Promise<void> {
  if (!names.includes(GITIGNORE)) return;
  const above = directory.found?.path;
  const path = above ? joinBytes(above, Buffer.from(GITIGNORE)) : Buffer.from(GITIGNORE);
  let content: Buffer | undefined;
  try {
    content = readIgnoreFile(tree.place(path.toString("latin1")), path, operation);
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    if (!isGone(error)) visitor.unreadable(path, error);
    return;
  }
  if (content === undefined) return;
  const at = above
    ? Buffer.concat([Buffer.from(lead, "latin1"), above])
    : Buffer.from(lead.slice(0, -1), "latin1");
  directory.ignore = await parseGitignore(
    content,
    at.length === 0 ? undefined : at,
    directory.ignore,
    operation,
    slices,
  );
}

/** What a file that is neither file, directory nor link is called. */
export function describeSpecial(stat: fs.BigIntStats): string {
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return "a device";
}

/**
 * Whether this process can read a file. Asks the system only where the mode bits don't say; of what is gone meanwhile
 * nothing is said here.
 */
export function isReadable(tree: Beneath, { name, stat }: Found): boolean {
  const mode = Number(stat.mode);
  if ((mode & 0o444) === 0o444) return true;
  if (Number(stat.uid) === process.geteuid?.() && (mode & 0o400) !== 0) return true;
  try {
    fs.accessSync(tree.place(name), fs.constants.R_OK);
    return true;
  } catch (error) {
    return isGone(error);
  }
}
