/** Printed by a detected check that finds its tool missing, with why: it is skipped then, and has not passed. */
export const NOT_CHECKED = "forkbox: not checked, as";

/** A command, and what it was concluded from: `--print-config` says it as a comment. */
export interface Found {
  run: string;
  because: string;
}

/** What was found of one language. */
export interface Detected {
  language: string;
  /** Brings the dependencies. Sees `setupFiles` only; its snapshot is cached. */
  setup: Found[];
  /** Left out: those of its language, see {@link setupFilesOf}. */
  setupFiles?: string[];
  /** Installs the project itself and runs its lifecycle scripts, once its sources are there; never cached. */
  install: Found[];
  build: Found[];
  checks: Record<string, Found>;
  /** What looks like a check and is not run, with the reason. */
  leftOut?: string[];
  /** Directories below that it takes care of: the packages of a workspace. */
  parts?: string[];
}
