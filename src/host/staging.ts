import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { isAlive } from "../files/alive.js";
import { baseName, joinBytes } from "../files/bytes.js";
import { Slices } from "../files/slices.js";
import { wallClock } from "../timers.js";
import { removeTree } from "./remove.js";
import { namesOf } from "./selection/names.js";

const PREFIX = ".forkbox-export-";
const NAME = /^\.forkbox-export-([0-9a-f]+)-(\d+)-(\d+)-(\d+)-[0-9a-f]+$/;
const STRANGER_MS = 24 * 60 * 60 * 1000;

/**
 * A private directory on the host in which an export is built before any of it is put in its place. Its name
 * tells who made it, so that what a killed process left can be told from what is being written.
 */
export class Staging {
  readonly path: Buffer;
  /** What is built. */
  readonly tree: Buffer;
  /** Where what is replaced is moved before it is deleted. */
  readonly old: Buffer;

  /** Throws what mkdir throws. */
  constructor(directory: Buffer) {
    this.path = joinBytes(directory, Buffer.from(temporaryName()));
    fs.mkdirSync(this.path, 0o700);
    this.tree = joinBytes(this.path, Buffer.from("tree"));
    this.old = joinBytes(this.path, Buffer.from("old"));
    fs.mkdirSync(this.tree, 0o755);
  }

  get name(): Buffer {
    return baseName(this.path);
  }

  async remove(): Promise<void> {
    await removeTree(this.path, new Slices("exportDirectory"));
  }
}

/** A name for something temporary of this process. */
export function temporaryName(): string {
  return `${PREFIX}${[...identity(process.pid), randomBytes(6).toString("hex")].join("-")}`;
}

/** Whether a name in a sandbox could be taken for a temporary of ours. */
export function isTemporaryName(name: Buffer): boolean {
  return name.toString("latin1", 0, PREFIX.length) === PREFIX;
}

/** Removes what killed exports of this user left in a directory. What can't be removed is left. */
export async function removeStale(directory: Buffer): Promise<void> {
  let names: string[];
  try {
    names = await namesOf(directory);
  } catch {
    return;
  }
  for (const name of names) {
    if (!name.startsWith(PREFIX)) continue;
    const path = joinBytes(directory, Buffer.from(name, "latin1"));
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.uid !== process.geteuid?.()) continue;
    if (isStale(name, stat.mtimeMs)) {
      await removeTree(path, new Slices("exportDirectory")).catch(() => undefined);
    }
  }
}

function isStale(name: string, mtimeMs: number): boolean {
  const [, boot, space, pid, start] = NAME.exec(name) ?? [];
  if (pid === undefined) return false;
  const now = identity(Number(pid));
  // Of another boot, another container or another machine that shares the disk: nobody here can ask.
  if (boot !== now[0] || space !== now[1]) return wallClock() - mtimeMs > STRANGER_MS;
  return start !== now[3];
}

/** Boot, pid namespace, pid, and the time that process started ("0" when there is no such process). */
function identity(pid: number): [string, string, string, string] {
  if (process.platform !== "linux") return ["0", "0", String(pid), isAlive(pid) ? "1" : "0"];
  const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
  const space = /\d+/.exec(fs.readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  return [boot, space, String(pid), startTime(pid)];
}

function startTime(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The program's name stands in parentheses and may hold anything; field 22 is the 20th after it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
  } catch {
    return "0";
  }
}
