import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Caller, placesOf } from "./caller.js";
import { MIXED, PROGRAMS } from "./known.js";

/** A program in a directory that holds others, too. */
export interface Launcher {
  readonly at: string;
  /** Of a link: where it leads in the end. */
  readonly target?: string;
}

/** Directories of PATH of which only known programs are shown. */
export function mixedDirectories(caller: Caller): ReadonlySet<string> {
  return new Set(MIXED.flatMap((each) => placesOf(each, caller)));
}

/**
 * Links, which say by where they lead whether they are known, and known names. A person's own scripts lie there as
 * well, and may hold a password.
 */
export function launchersIn(directory: string, caller: Caller): Launcher[] {
  const pnpm = ["$PNPM_HOME", "%/pnpm"].flatMap((each) => placesOf(each, caller));
  // What is there pnpm has put there.
  const isKnown = (name: string) => PROGRAMS.has(name) || pnpm.includes(directory);
  return entriesOf(directory).flatMap((entry) => {
    const at = join(directory, entry.name);
    if (entry.isSymbolicLink()) return linkAt(at);
    return entry.isFile() && isKnown(entry.name) && isProgram(at) ? [{ at }] : [];
  });
}

function linkAt(at: string): Launcher[] {
  try {
    return [{ at, target: realpathSync(at) }];
  } catch {
    return []; // it leads nowhere
  }
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o111) !== 0;
}
