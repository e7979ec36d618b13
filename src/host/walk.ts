import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { joinBytes } from "./bytes.js";
import { systemCode } from "./errors.js";
import { type IgnoreRules, isIgnored, parseGitignore } from "./gitignore.js";
import { readIgnoreFile } from "./gitignore-file.js";
import { compileGlobs, type Globs } from "./globs.js";
import { type Kind, kindOf } from "./kind.js";
import { MatchWork } from "./match-work.js";
import { Slices } from "./slices.js";

const GITIGNORE = Buffer.from(".gitignore");

/** Something found in a tree. */
export interface Found {
  /** Relative to the root of the walk. */
  path: Buffer;
  /** What to open. */
  full: Buffer;
  kind: Kind;
  stat: fs.BigIntStats;
  /** The directory it is in; undefined at the top. */
  parent: Found | undefined;
}

export interface WalkOptions {
  operation: string;
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  gitignore?: boolean | undefined;
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
  full: Buffer;
  text: string;
  ignore: IgnoreRules | undefined;
  /** A glob of `include` names it or a directory above it, or there is no `include`. */
  included: boolean;
  /** What `visit` said; undefined while nothing in it has been selected. */
  wanted: boolean | undefined;
  above: Directory | undefined;
}

/** Visits a tree without ever following a link. What vanishes meanwhile is treated as never having been there. */
export async function walkTree(root: Buffer, options: WalkOptions, visitor: Visitor): Promise<void> {
  const { operation } = options;
  const include = options.include && compileGlobs(options.include, { operation, option: "include" });
  const exclude = options.exclude?.length
    ? compileGlobs(options.exclude, { operation, option: "exclude" })
    : undefined;
  const slices = new Slices(operation, options.signal);
  const work = new MatchWork(operation, "the .gitignore rules");
  const stack: Directory[] = [
    {
      found: undefined,
      full: root,
      text: "",
      ignore: undefined,
      included: !include,
      wanted: true,
      above: undefined,
    },
  ];
  const skipRoot = joinBytes(root, Buffer.from("x")).length - 1;

  for (let directory = stack.pop(); directory !== undefined; directory = stack.pop()) {
    const names = readNames(directory, visitor);
    if (options.gitignore) await readGitignore(directory, names, operation, visitor, slices);
    const children: Directory[] = [];
    for (const name of names) {
      if (slices.due()) await slices.rest();
      const full = joinBytes(directory.full, name);
      const path = full.subarray(skipRoot);
      const stat = lstat(full, path, visitor);
      if (stat === undefined) continue;
      const kind = kindOf(stat);
      const text = include || exclude ? path.toString() : "";
      if (exclude?.matches(text) || isIgnored(directory.ignore, path, kind === "directory", work)) continue;

      const found: Found = { path, full, kind, stat, parent: directory.found };
      const included = directory.included || include?.matches(text) === true;
      if (kind === "directory") {
        const child = {
          found,
          full,
          text,
          ignore: directory.ignore,
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

function readNames(directory: Directory, visitor: Visitor): Buffer[] {
  try {
    return fs.readdirSync(directory.full, { encoding: "buffer" });
  } catch (error) {
    if (directory.found === undefined || !isGone(error)) {
      visitor.unreadable(directory.found?.path ?? Buffer.alloc(0), error);
    }
    return [];
  }
}

function lstat(full: Buffer, path: Buffer, visitor: Visitor): fs.BigIntStats | undefined {
  try {
    return fs.lstatSync(full, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (!isGone(error)) visitor.unreadable(path, error);
    return undefined;
  }
}

async function readGitignore(
  directory: Directory,
  names: Buffer[],
  operation: string,
  visitor: Visitor,
  slices: Slices,
): Promise<void> {
  if (!names.some((name) => name.equals(GITIGNORE))) return;
  const { found, full, ignore } = directory;
  let content: Buffer | undefined;
  try {
    content = readIgnoreFile(joinBytes(full, GITIGNORE), operation);
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    if (!isGone(error)) visitor.unreadable(found ? joinBytes(found.path, GITIGNORE) : GITIGNORE, error);
    return;
  }
  if (content === undefined) return;
  directory.ignore = await parseGitignore(content, found?.path, ignore, operation, slices);
}

function isGone(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** What a file that is neither file, directory nor link is called. */
export function describeSpecial(stat: fs.BigIntStats): string {
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return "a device";
}

/** Whether this process can read a file. Asks the system only where the mode bits don't say. */
export function isReadable({ full, stat }: Found): boolean {
  const mode = Number(stat.mode);
  if ((mode & 0o444) === 0o444) return true;
  if (Number(stat.uid) === process.geteuid?.() && (mode & 0o400) !== 0) return true;
  try {
    fs.accessSync(full, fs.constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
