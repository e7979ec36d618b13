import { readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { SandboxError } from "../../../errors.js";
import { stateDirectory } from "./state.js";

/**
 * Every place of this host where a state directory can be seen: its own, and those of mounts that show the same files
 * elsewhere. Those of other engines by this environment count, made or not: a pipe in them takes orders, and a
 * read-only mount does not keep anybody from writing to a pipe.
 */
export function placesOfState(own: string): string[] {
  const mounts = readMounts();
  const states = new Set([own, stateDirectory(), stateDirectory({ ...process.env, FORKBOX_STATE_DIR: "" })]);
  return [...new Set([...states].map(withoutLinks).flatMap((path) => [path, ...aliases(path, mounts)]))];
}

/** Throws INVALID_ARGUMENT where showing a host directory would show a state directory, or a part of one. */
export function refuseState(path: string, option: string, places: readonly string[]): void {
  const real = withoutLinks(path);
  const place = places.find((each) => isWithin(each, real) || isWithin(real, each) || holdsAlias(real, each));
  if (place === undefined) return;
  throw new SandboxError(
    "INVALID_ARGUMENT",
    `create: ${option} ${path} can't be shown in a sandbox: it is, holds or lies in forkbox's own state (${place}), from which sandboxed code could get out. Name something narrower, or set FORKBOX_STATE_DIR elsewhere.`,
    { operation: "create", path },
  );
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/** Also of a path whose end is not there yet. */
export function withoutLinks(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(withoutLinks(parent), relative(parent, absolute));
  }
}

/** By device and inode, for what no table of mounts tells: one of them is a directory on the way to the other. */
function holdsAlias(path: string, place: string): boolean {
  return hasOnItsWay(place, path) || hasOnItsWay(path, place);
}

function hasOnItsWay(path: string, directory: string): boolean {
  const wanted = statOf(directory);
  if (!wanted) return false;
  for (let at = path; at !== "/"; at = dirname(at)) {
    const stat = statOf(at);
    if (stat && isSame(stat, wanted)) return true;
  }
  return false;
}

export function isSame(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Undefined also for what this caller may not look at, and a sandbox of its own may not either. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

interface Mount {
  device: string;
  /** What of its file system it shows. */
  root: string;
  at: string;
}

/** See proc_pid_mountinfo(5). The last of those that lie on each other is the one that is seen. */
function readMounts(): Mount[] {
  const plain = (escaped: string) =>
    escaped.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
  return readFileSync("/proc/self/mountinfo", "latin1")
    .trim()
    .split("\n")
    .map((line) => {
      const [, , device = "", root = "", at = ""] = line.split(" ");
      return { device, root: text(plain(root)), at: text(plain(at)) };
    });
}

function text(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

/** Where other mounts of the same file system show a path, or a part of it. */
function aliases(path: string, mounts: readonly Mount[]): string[] {
  const on = mounts
    .filter(({ at }) => isWithin(path, at))
    .reduce<Mount | undefined>(
      (best, each) => (best && best.at.length > each.at.length ? best : each),
      undefined,
    );
  if (!on) return [];
  const inside = join(on.root, relative(on.at, path));
  return mounts
    .filter(({ device }) => device === on.device)
    .flatMap(({ root, at }) => {
      if (isWithin(inside, root)) return [join(at, relative(root, inside))];
      return isWithin(root, inside) ? [at] : [];
    });
}
