import type { Report } from "../validation/types.js";

/** What `--report github` writes. */
export interface GithubReport {
  write(report: Report): Promise<void>;
}

/**
 * From now on GitHub Actions takes nothing on this stream for a command, until the report is written. Where none comes
 * of it that stays so: what is printed then may have a candidate's words, too.
 */
export async function startGithub(stream: NodeJS.WriteStream, env = process.env): Promise<GithubReport> {
  const { githubErrors, githubFence, writeGithubSummary } = await import("../validation/reports/github.js");
  const fence = githubFence();
  stream.write(fence.start);
  return {
    async write(report) {
      stream.write(`${fence.end}${githubErrors(report, env.GITHUB_WORKSPACE ?? process.cwd())}`);
      if (env.GITHUB_STEP_SUMMARY) await writeGithubSummary(report, env.GITHUB_STEP_SUMMARY);
    },
  };
}
