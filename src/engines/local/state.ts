import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, realpathSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

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
  /** A file to lock: shared by who comes to use something of the state, alone by who removes what nobody uses. */
  lock: string;
}

/** Directories of the state, made when missing. Nobody else may look in. */
export function openState(directory: string): State {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // One spelling: what is in use is told by comparing paths.
  const real = realpathSync(directory);
  const made = (name: string) => {
    const path = join(real, name);
    withUmask(0, () => mkdirSync(path, { recursive: true, mode: 0o711 }));
    return path;
  };
  return {
    sessions: made("sessions"),
    kept: made("kept"),
    bases: made("bases"),
    caches: made("caches"),
    lock: join(real, "lock"),
  };
}

/**
 * A new session's directory: layers, work directories and mount points of one engine in one process.
 * Its name stays hidden until the holder has locked its lease, so that nobody takes it for a dead one. The lease is
 * an open file that this process and its holder share: the lock on it ends when both have.
 */
export function openSession(sessions: string): { hidden: string; path: string; lease: number } {
  const id = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const hidden = join(sessions, `.${id}`);
  withUmask(0, () => {
    for (const name of ["", "l", "w", "v", "net"]) mkdirSync(join(hidden, name), { mode: 0o711 });
    mkdirSync(join(hidden, "io"), { mode: 0o700 });
  });
  return { hidden, path: join(sessions, id), lease: openSync(join(hidden, "lease"), "w", 0o600) };
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

/** The caller's umask may be anything; modes of a sandbox's files must not depend on it. */
export function withUmask<T>(umask: number, make: () => T): T {
  const before = process.umask(umask);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
