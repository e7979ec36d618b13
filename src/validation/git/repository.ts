import { SandboxError } from "../../errors.js";
import { printable } from "../../files/bytes.js";
import { type ConfigFacts, freshConfig } from "../../host/git/config-facts.js";
import { factsOf, type GitDirectories, grantedGit, lookForGit } from "../../host/git/gitdir.js";
import { historyGlobs } from "../../host/git/history.js";
import { importSelection } from "../../sandbox/internals.js";
import type { Sandbox } from "../../sandbox/sandbox.js";

/** What of a candidate's repository comes along with its sources. */
export interface Repository {
  facts: ConfigFacts;
  /** Where it lies, if not in the candidate. */
  directories?: GitDirectories;
}

/** Whom an import has to please. */
interface Limits {
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Finds the repository of a candidate: in its own directory, or, where its `.git` leads elsewhere, in the gitdir that an
 * operator named. Undefined where there is none that may be brought; `warn` says why.
 */
export async function findGit(
  directory: string,
  named: string | undefined,
  warn: (message: string) => void,
): Promise<Repository | undefined> {
  const found = await lookForGit(directory);
  if (found.kind === "none") return undefined;
  if (found.kind === "inside") {
    if (found.borrows)
      warn(
        "its git repository borrows objects from another (objects/info/alternates), which is not followed: git may miss some in the sandbox. `git repack -a -d` brings them in",
      );
    return { facts: found.facts };
  }
  const directories = named === undefined ? undefined : await grantedGit(named, directory, found.target);
  if (directories !== undefined) return { facts: await factsOf(directories), directories };
  const target = printable(found.target.slice(0, 200));
  warn(
    `its .git leads out of it${target === "" ? "" : ` (to ${target})`} and was not followed, so there is no git repository in the sandbox. If it is a worktree or submodule of yours, name its repository with --git-dir`,
  );
  return undefined;
}

/** Makes what was brought of a repository one that git reads: a config of its own, and an index that knows these files. */
export async function settleGit(
  sandbox: Sandbox,
  { facts, directories }: Repository,
  limits: () => Limits,
  canBeOff: boolean,
): Promise<void> {
  if (directories !== undefined) await bringFrom(sandbox, directories, limits);
  await sandbox.writeFile(".git/config", freshConfig(facts), { signal: limits().signal });
  // The files are others than those that git wrote down, and some programs ask it for changes without looking again.
  try {
    await sandbox.exec(["git", "update-index", "-q", "--refresh"], {
      ...limits(),
      ...(canBeOff && { network: "off" }),
    });
  } catch (error) {
    if (!(error instanceof SandboxError) || (error.code !== "TIMEOUT" && error.code !== "LIMIT")) throw error;
  }
}

async function bringFrom(
  sandbox: Sandbox,
  { common, own }: GitDirectories,
  limits: () => Limits,
): Promise<void> {
  const parts = own === common ? (["all"] as const) : (["repository", "worktree"] as const);
  for (const part of parts) {
    const from = part === "worktree" ? own : common;
    await importSelection(sandbox, from, ".git", { ...historyGlobs("", part), ...limits() });
  }
}
