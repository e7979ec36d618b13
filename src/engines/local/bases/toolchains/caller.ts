import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join, normalize } from "node:path";

/** Whose toolchains are looked for, and what of the host may be shown. */
export interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the base shows a path by itself. */
  readonly isShown: (path: string) => boolean;
  /** Why a path without links can't be shown whatever lies there: it holds a home, or forkbox's state. */
  readonly whyNever: (real: string) => string | undefined;
  /** Sandboxed users are others on the host. */
  readonly strangers: boolean;
}

/** What of the host is shown at a place. */
export interface Place {
  readonly at: string;
  readonly from: string;
}

/** The directories of the caller's PATH, as they are written. */
export function pathOf({ env }: Pick<Caller, "env">): string[] {
  const entries = (env.PATH ?? "").split(":").filter((entry) => entry.startsWith("/"));
  return [...new Set(entries.map((entry) => normalize(entry).replace(/(?<=.)\/$/, "")))];
}

/** What a root of a toolchain may be for this caller: see {@link Toolchain.roots}. */
export function placesOf(root: string, { env }: Pick<Caller, "env">): string[] {
  const [first = "", ...rest] = root.split("/");
  const starts = first.startsWith("$")
    ? (env[first.slice(1)] ?? "").split(":")
    : [{ "~": homeOf(env), "%": dataOf(env), "": "/" }[first] ?? ""];
  return starts
    .filter((start) => start.startsWith("/"))
    .map((start) => join(start, ...rest).replace(/(?<=.)\/$/, ""));
}

/** Of which a toolchain is a part: as its root they would show what is none. */
export function broadPlaces({ env }: Pick<Caller, "env">): string[] {
  const home = homeOf(env);
  const own = home ? [home, ...[".local", ".config", ".cache"].map((name) => join(home, name))] : [];
  return [...own, dataOf(env), env.XDG_CONFIG_HOME ?? ""]
    .filter((path) => path.startsWith("/"))
    .map(withoutLinks);
}

function homeOf(env: Caller["env"]): string {
  const home = env.HOME || safeHome();
  return home === "/" ? "" : home;
}

function dataOf(env: Caller["env"]): string {
  const home = homeOf(env);
  return env.XDG_DATA_HOME || (home && join(home, ".local/share"));
}

/** An id without an account has none. */
function safeHome(): string {
  try {
    return homedir();
  } catch {
    return "";
  }
}

function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
