import { execFileSync, spawnSync } from "node:child_process";
import { isRequired } from "./engines.js";

/** Whether there is a git to compare with; FORKBOX_REQUIRE_ENGINES means a machine that has all that tests need. */
export const hasGit = spawnSync("git", ["--version"]).status === 0;
if (!hasGit && isRequired("local")) throw new Error("git is not installed, which these tests need");

const env = {
  ...process.env,
  ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  ...{ GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.com" },
  ...{ GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.com" },
};

/** Runs the host's git, with nobody's config, in a directory of the test's own making. */
export function git(directory: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

/** All of a directory as the one commit of a repository, what .gitignore names too. */
export function commitAll(directory: string, ...initOptions: string[]): void {
  git(directory, "init", "-q", "-b", "main", ...initOptions);
  git(directory, "add", "-A", "-f");
  git(directory, "commit", "-q", "--allow-empty", "-m", "first");
}
