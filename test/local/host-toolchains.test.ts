import { spawnSync } from "node:child_process";
import { chmodSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal, isRoot } from "./base-sandbox.js";
import { furnish, type Home, PRIVATE } from "./toolchain-homes.js";

/** Callers to run as: this one, and where that is root an ordinary one too. */
const callers = isRoot ? [0, 54321] : [process.getuid?.() ?? 0];

const PROGRAM = `
  import { local, Sandbox } from "${fileURLToPath(new URL("../../src/index.ts", import.meta.url))}";
  const engine = local();
  const sandbox = await Sandbox.create({ engine, network: "off" });
  const { stdout, stderr } = await sandbox.exec(process.argv[2]);
  console.log(stdout + stderr);
  await sandbox.close();
  await engine.close();
`;

describeLocal("toolchains in the caller's home", () => {
  /** What a command prints in a sandbox of somebody with this home, and the base's identity. */
  function runAs(uid: number, home: Home, command: string, env: Record<string, string> = {}) {
    const drop = isRoot ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"] : ["env"];
    const program = join(home.path, "program.mjs");
    writeFileSync(program, PROGRAM);
    const [first = "", ...rest] = drop;
    const { stdout, stderr } = spawnSync(
      first,
      [...rest, process.execPath, "--import", import.meta.resolve("tsx"), program, command],
      {
        encoding: "utf8",
        env: {
          ...{ HOME: home.path, TMPDIR: home.path, FORKBOX_STATE_DIR: join(home.path, "state") },
          PATH: [...home.entries, "/usr/local/bin:/usr/bin:/bin"].join(":"),
          ...env,
        },
      },
    );
    return stdout + stderr;
  }

  async function homeOf(uid: number): Promise<Home> {
    return furnish(await hostDirectory(), uid);
  }

  for (const uid of callers) {
    test(`are found in the order of PATH, and no credential beside them is, called by ${uid}`, async () => {
      const home = await homeOf(uid);
      const calls = Object.keys(home.programs).map((name) => `echo ${name}=$(${name} 2>&1)`);
      const look = `grep -rl ${PRIVATE} ${home.path} 2>/dev/null; echo CARGO_HOME=$CARGO_HOME; echo $RUSTUP_HOME; ls $RUSTUP_HOME/toolchains`;
      const said = runAs(uid, home, [...calls, look].join("\n"));
      const expected = Object.entries(home.programs).map(([name, place]) => `${name}=${place}`);
      const rest = ["CARGO_HOME=", `${home.path}/.rustup`, "stable"];
      expect(said.trim().split("\n")).toEqual([...expected, ...rest]);
    });
  }

  const uid = callers.at(-1) as number;

  test("that others can change, that lead elsewhere or hold forkbox's state are not shown", async () => {
    const home = await homeOf(uid);
    const at = (path: string) => join(home.path, path);
    chmodSync(at(".cargo/bin"), 0o777);
    chmodSync(at("go"), 0o777);
    renameSync(at(".deno/bin"), at("elsewhere"));
    symlinkSync("../elsewhere", at(".deno/bin"));
    renameSync(at(".bun"), at("moved"));
    symlinkSync("moved", at(".bun"));
    const env = { FORKBOX_STATE_DIR: at(".nvm/versions/node/v20.1.0/bin/state") };
    const said = runAs(uid, home, "for each in cargo gopls deno bun nvm-node; do $each; done", env);
    const notFound = (name: string) => expect.stringMatching(new RegExp(`${name}: not found$`));
    expect(said.trim().split("\n")).toEqual([
      at(".bun/bin/bun"),
      ...["cargo", "gopls", "deno", "nvm-node"].map(notFound),
    ]);
  });

  test("that are not known are named where a command misses one of their programs, with what shows it", async () => {
    const home = await homeOf(process.getuid?.() ?? 0);
    const env = {
      HOME: home.path,
      PATH: `${home.path}/bin:/usr/bin:/bin`,
      FORKBOX_STATE_DIR: `${home.path}/state`,
    };
    const run = (...args: string[]) =>
      runCli(["exec", "--engine", "local", "--network", "off", ...args], { env });
    const hint = `forkbox: own-tool is in ${home.path}/bin on this machine, which sandboxes don't show: --host-path ${home.path}/bin\n`;
    for (const command of [["own-tool"], ["sh", "-c", "own-tool; exit 3"]])
      expect((await run("--", ...command)).stderr).toContain(hint);
    expect(
      await run("--host-path", `${home.path}/bin`, "--", "sh", "-c", "command -v own-tool"),
    ).toMatchObject({
      exitCode: 0,
      stdout: `${home.path}/bin/own-tool\n`,
      stderr: "",
    });
    expect((await run("--", "nowhere")).stderr).toBe("nowhere: not found\n");
  });
});
