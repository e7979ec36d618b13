import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { isRequired } from "./engines.js";

const hasGit = spawnSync("git", ["--version"]).status === 0;

/** Describes behaviour that is compared with git's own; one skipped test where git isn't installed. */
export async function describeGit(
  name: string,
  tests: () => void,
  how: (name: string, tests: () => void) => unknown = describe,
): Promise<void> {
  if (hasGit) await how(name, tests);
  else
    describe(name, () => {
      test("git is installed", (context) => {
        if (isRequired("local")) expect.fail("git is not installed");
        context.skip("git is not installed");
      });
    });
}

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
