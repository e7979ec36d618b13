import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeLocal, isRoot } from "../local/base-sandbox.js";
import { buildLibrary } from "../support/build.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";

/** Callers to run as: this one, and where that is root an ordinary one too. */
const callers = isRoot ? [0, 54321] : [process.getuid?.() ?? 0];

const PROGRAM = `
  import { local, Sandbox } from "LIBRARY";
  const engine = local();
  const ended = Sandbox.create({ engine, network: "off" }).then((sandbox) => sandbox.exec(process.argv[2]));
  await ended.then(({ stdout, stderr }) => console.log(stdout, stderr), ({ message }) => console.log(message));
  await engine.close();
`;

describeLocal("the caller's home and the state", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  beforeAll(async () => {
    library = await buildLibrary();
  }, 120_000);
  afterAll(() => library?.remove());

  /** Runs a command by a Node that lies in `prefix`, in a home that holds a private key. */
  function runFrom(home: string, prefix: string, uid: number, command: string, env = {}) {
    for (const path of [".ssh", ".local"]) mkdirSync(join(home, path), { recursive: true });
    mkdirSync(join(prefix, "bin"), { recursive: true });
    mkdirSync(join(prefix, "lib/node_modules/npm/bin"), { recursive: true });
    copyFileSync(process.execPath, join(prefix, "bin/node"));
    writeFileSync(
      join(prefix, "lib/node_modules/npm/bin/npm-cli.js"),
      '#!/usr/bin/env node\nconsole.log("npm here")',
      {
        mode: 0o755,
      },
    );
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(prefix, "bin/npm"));
    writeFileSync(join(home, ".ssh/id"), "PRIVATE", { mode: 0o600 });
    writeFileSync(join(home, ".npmrc"), "PRIVATE", { mode: 0o644 });
    chmodSync(home, 0o755);
    if (isRoot) spawnSync("chown", ["-R", `${uid}:${uid}`, home]);
    const drop = isRoot ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"] : ["env"];
    const program = join(home, "program.mjs");
    writeFileSync(program, PROGRAM.replace("LIBRARY", library.index));
    const run = [...drop, "env", "-i", `HOME=${home}`, `PATH=${prefix}/bin:/usr/bin:/bin`, `TMPDIR=${home}`];
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const [first = "", ...args] = [...run, ...variables, join(prefix, "bin/node"), program, command];
    const { stdout, stderr } = spawnSync(first, args, { encoding: "utf8" });
    return stdout + stderr;
  }

  const look = (home: string) =>
    `node -p 1+1; npm; cat ${home}/.ssh/id ${home}/.npmrc; find / -path /proc -prune -o -type p -print -o -type s -print 2>/dev/null`;

  for (const uid of callers) {
    test.each([".", ".local", ".nvm/versions/node/v20"])(
      `Node in ~/%s/bin shows itself, its packages and no more of a home, called by ${uid}`,
      async (place) => {
        const home = await hostDirectory();
        const said = runFrom(home, join(home, place), uid, look(home));
        expect(said).toContain("2\nnpm here\n");
        expect(said).not.toContain("PRIVATE");
        expect(said).not.toMatch(/^\/.*(args|go|status|p\d+)$/m); // pipes and sockets of the state
      },
    );
  }

  test.runIf(isRoot)(
    "a home and a state in /opt are not shown with it, nor read by way of a link",
    async () => {
      const home = `/opt/forkbox-test-${process.pid}`;
      mkdirSync(home);
      try {
        for (const uid of callers) {
          const own = join(home, String(uid));
          mkdirSync(own);
          const said = runFrom(own, join(own, "node"), uid, look(own), {
            FORKBOX_STATE_DIR: join(own, "state"),
          });
          expect(said).toContain("2\nnpm here\n");
          expect(said).not.toContain("PRIVATE");
          expect(said).not.toMatch(/^\/.*(args|go|status)$/m);
        }
        const stateDirectory = join(home, "state");
        await using engine = local({ stateDirectory });
        await using sandbox = await Sandbox.create({ engine, network: "off" });
        expect(
          (await sandbox.exec(`ls -A ${stateDirectory} && ln -s ${stateDirectory}/sessions l`)).stdout,
        ).toBe("");
        await expectCode(sandbox.listDirectory("l/x"), "NOT_FOUND");
      } finally {
        spawnSync("rm", ["-rf", home]);
      }
    },
  );

  test("a path or a root file system that is, holds or lies in the state is refused, by whatever name", async () => {
    const host = await hostDirectory();
    const stateDirectory = join(host, "a/state");
    mkdirSync(join(stateDirectory, "bases/mine"), { recursive: true });
    mkdirSync(join(host, "beside"));
    symlinkSync(join(host, "a"), join(host, "link"));
    await using engine = local({ stateDirectory });
    const base = (path: string) => [{ host: true, paths: [path] } as const, { rootfs: path } as const];
    for (const path of [
      host,
      join(host, "a"),
      stateDirectory,
      join(stateDirectory, "bases/mine"),
      join(host, "link"),
    ]) {
      for (const each of base(path)) {
        const error = await expectCode(
          Sandbox.create({ engine, network: "off", base: each }),
          "INVALID_ARGUMENT",
        );
        expect(error.message).toMatch("host" in each ? /--host-path/ : /rootfs/);
      }
    }
    for (const path of ["/", "/proc/self/root", "/proc/self/cwd"])
      await expectCode(
        Sandbox.create({ engine, network: "off", base: { host: true, paths: [path] } }),
        "INVALID_ARGUMENT",
      );
    await using sandbox = await Sandbox.create({
      engine,
      network: "off",
      base: { host: true, paths: [join(host, "beside")] },
    });
    expect((await sandbox.exec(`ls -d ${host}/beside`)).exitCode).toBe(0);
  });

  test.runIf(isRoot)("a mount elsewhere that shows the state is refused too", async () => {
    const host = await hostDirectory();
    for (const name of ["a/state", "b/inner", "c", "d/e"]) mkdirSync(join(host, name), { recursive: true });
    const program = join(host, "program.mjs");
    writeFileSync(
      program,
      `import { local, Sandbox } from ${JSON.stringify(library.index)};
      const engine = local({ stateDirectory: "${host}/a/state" });
      for (const path of ["${host}/b", "${host}/b/inner", "${host}/c", "${host}/c/state", "${host}/d"])
        for (const base of [{ host: true, paths: [path] }, { rootfs: path }])
          await Sandbox.create({ engine, network: "off", base }).then(() => console.log("shown", path), (e) => console.log(e.code));
      await engine.close();`,
    );
    const mounts = `mount --bind "$0/a/state" "$0/b/inner" && mount --bind "$0/a" "$0/c" && mkdir "$0/a/state/kept" && mount --bind "$0/a/state/kept" "$0/d/e"`;
    const { stdout } = spawnSync(
      "unshare",
      ["--mount", "sh", "-c", `${mounts} && exec "$1" "$2"`, host, process.execPath, program],
      { encoding: "utf8" },
    );
    expect(stdout).toBe("INVALID_ARGUMENT\n".repeat(10));
  });

  test("Node that lies in the state directory is refused, with the reason", async () => {
    const home = await hostDirectory();
    if (isRoot) chownSync(home, 54321, 54321);
    const said = runFrom(home, join(home, "all"), callers.at(-1) as number, "true", {
      FORKBOX_STATE_DIR: join(home, "all"),
    });
    expect(said).toMatch(/all\/bin\/node.* lies in forkbox's own state directory/);
  });
});
