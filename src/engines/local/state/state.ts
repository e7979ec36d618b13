import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, fchmodSync, openSync, realpathSync, renameSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { spreadOut } from "../../../files/spread-out.js";
import { makeMissing } from "../../../make-missing.js";

/** Where the local engine keeps everything: FORKBOX_STATE_DIR, else $XDG_STATE_HOME/forkbox. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const directory =
    env.FORKBOX_STATE_DIR || join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "forkbox");
  return resolve(directory); // the holder has another working directory
}

export interface State {
  sessions: string;
  kept: string;
  bases: string;
  caches: string;
  /** Copies of large host files. */
  files: string;
  /** A file to lock: shared by who comes to use something of the state, alone by who removes what nobody uses. */
  lock: string;
}

/** Directories of the state, made when missing. Nobody else may look in. */
export function openState(directory: string): State {
  makeDirectories(directory, 0o700);
  // One spelling: what is in use is told by comparing paths.
  const real = realpathSync(directory);
  const made = (name: string) => {
    const path = join(real, name);
    makeDirectories(path, 0o711);
    // Whoever made it may have been killed before it had all of its rights.
    if ((statSync(path).mode & 0o711) !== 0o711) chmodSync(path, 0o711);
    return path;
  };
  const isNew = !existsSync(join(real, "sessions"));
  const state: State = {
    sessions: made("sessions"),
    kept: made("kept"),
    bases: made("bases"),
    caches: made("caches"),
    files: made("files"),
    lock: join(real, "lock"),
  };
  if (isNew) spreadOut(state.sessions);
  return state;
}

/**
 * A new session's directory: layers, work directories and mount points of one engine in one process.
 * Its name stays hidden until the holder has locked its lease, so that nobody takes it for a dead one. The lease is
 * an open file that this process and its holder share: the lock on it ends when both have.
 */
export function openSession(sessions: string): { hidden: string; path: string; lease: number } {
  const id = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const hidden = join(sessions, `.${id}`);
  for (const name of ["", "l", "w", "v", "net"]) makeDirectories(join(hidden, name), 0o711);
  const lease = openSync(join(hidden, "lease"), "w", 0o600);
  fchmodSync(lease, 0o600);
  return { hidden, path: join(sessions, id), lease };
}

/** Moves what is to be removed to a name that prune knows to be half removed; undefined when another was first. */
export function setAside(path: string): string | undefined {
  const gone = `${path}.gone-${randomBytes(4).toString("hex")}`;
  try {
    renameSync(path, gone);
    return gone;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Makes a directory and those missing above it, each with this mode. The umask is the process's and a worker thread
 * may not change it: where it took rights away they are given afterwards, and there are never more than that.
 */
export function makeDirectories(path: string, mode: number): void {
  for (const made of makeMissing(path, mode)) chmodSync(made, mode);
}
