import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What a run of test files as another user came to. */
export interface UserRun {
  passed: number;
  failed: string[];
  /** Why nothing could be said, if so. */
  output: string;
}

/**
 * Runs test files again as an ordinary user with a home and a state of its own. Needs root. Where
 * /dev/net/tun is root's only, the user gets a copy in a mount namespace, as udev would give everybody one.
 */
export async function runAsUser(
  files: readonly string[],
  env: Record<string, string> = {},
): Promise<UserRun> {
  const { uid, gid } = ordinaryUser();
  const home = mkdtempSync(join(tmpdir(), "forkbox-test-user-"));
  chownSync(home, uid, gid);
  const report = join(home, "report.json");
  const vitest = join(repository, "node_modules/vitest/vitest.mjs");
  const options = ["--configLoader=runner", "--cache=false", "--reporter=json", `--outputFile=${report}`];
  const drop = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const run = [...drop, process.execPath, vitest, "run", ...options, ...files];
  const child = spawn("unshare", ["--mount", "sh", "-c", withTun, "sh", home, ...run], {
    cwd: repository,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, ...requirements(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      output = `${output}${text}`.slice(-4000);
    });
  }
  await once(child, "close");
  try {
    return { ...read(report), output };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const withTun = `
  if [ -c /dev/net/tun ] && ! [ "$(stat -c %a /dev/net/tun)" = 666 ]; then
    mkdir "$1/dev" && mount -t tmpfs -o mode=755 tmpfs "$1/dev" &&
      mknod -m 666 "$1/dev/tun" c 10 200 && mount --bind "$1/dev/tun" /dev/net/tun
  fi
  shift
  exec "$@"
`;

/** The first ordinary account, else an id that has none. */
function ordinaryUser(): { uid: number; gid: number } {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [, , uid, gid] = line.split(":").map(Number);
    if (uid !== undefined && gid !== undefined && uid >= 1000 && uid < 60_000) return { uid, gid };
  }
  return { uid: 1000, gid: 1000 };
}

function requirements(): Record<string, string> {
  const required = process.env.FORKBOX_REQUIRE_ENGINES;
  return required === undefined ? {} : { FORKBOX_REQUIRE_ENGINES: required };
}

function read(report: string): { passed: number; failed: string[] } {
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as {
    numPassedTests: number;
    testResults: {
      name: string;
      message: string;
      assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
    }[];
  };
  const failed = testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message ? [`${name}: ${message}`] : []),
    ...assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.slice(0, 500)}`),
  ]);
  return { passed: numPassedTests, failed };
}
