import { spawnSync } from "node:child_process";
import { chmodSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal, isRoot } from "./base-sandbox.js";
import { furnish, type Home, PRIVATE, write } from "./toolchain-homes.js";

/** Callers to run as: this one, and where that is root an ordinary one too. */
const callers = isRoot ? [0, 54321] : [process.getuid?.() ?? 0];

const PROGRAM = `
  import { local, Sandbox } from "${fileURLToPath(new URL("../../src/index.ts", import.meta.url))}";
  const engine = local();
  const say = async (text) => console.log(JSON.stringify(text));
  const base = { host: true };
  await say(await engine.identify(base));
  const sandbox = await Sandbox.create({ engine, network: "off", user: process.argv[3] });
  const { stdout, stderr } = await sandbox.exec(process.argv[2]);
  await say(stdout + stderr);
  await sandbox.close();
  await engine.close();
`;

describeLocal("toolchains in the caller's home", () => {
  /** What a command prints in a sandbox of somebody with this home, and the base's identity. */
  function runAs(
    uid: number,
    home: Home,
    command: string,
    env: Record<string, string> = {},
    user = "sandbox",
  ) {
    const drop = isRoot ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"] : ["env"];
    const program = join(home.path, "program.mjs");
    writeFileSync(program, PROGRAM);
    const [first = "", ...rest] = drop;
    const { stdout, stderr } = spawnSync(
      first,
      [...rest, process.execPath, "--import", import.meta.resolve("tsx"), program, command, user],
      {
        encoding: "utf8",
        env: {
          ...{ HOME: home.path, TMPDIR: home.path, FORKBOX_STATE_DIR: join(home.path, "state") },
          PATH: [...home.entries, "/usr/local/bin:/usr/bin:/bin"].join(":"),
          ...env,
        },
      },
    );
    const [identity = "", said = ""] = stdout.split("\n").map((line) => line && JSON.parse(line));
    return { identity: identity as string, said: said as string, stderr };
  }

  async function homeOf(uid: number): Promise<Home> {
    return furnish(await hostDirectory(), uid);
  }

  for (const uid of callers) {
    test(`are found in the order of PATH, and no credential beside them is, called by ${uid}`, async () => {
      const home = await homeOf(uid);
      const calls = Object.keys(home.programs).map((name) => `echo ${name}=$(${name} 2>&1)`);
      const look = `grep -rl ${PRIVATE} ${home.path} 2>/dev/null; echo CARGO_HOME=$CARGO_HOME; echo $RUSTUP_HOME; ls $RUSTUP_HOME/toolchains`;
      const { said, stderr } = runAs(uid, home, [...calls, look].join("\n"));
      expect(stderr).toBe("");
      const expected = Object.entries(home.programs).map(([name, place]) => `${name}=${place}`);
      const rest = ["CARGO_HOME=", `${home.path}/.rustup`, "stable"];
      expect(said.trim().split("\n")).toEqual([...expected, ...rest]);
    });
  }
});
