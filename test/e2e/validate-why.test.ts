import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { Report } from "../../src/validation/types.js";
import { runCli } from "../support/cli.js";
import { hostDirectory, hostFiles, hostTree } from "../support/scratch.js";
import { describeValidation, validateConfig, validated, validateFiles } from "../support/validating.js";

const SUITE = `import assert from "node:assert"; import { test } from "node:test";
test("THE-NAME", () => assert.equal(1, 2, "THE-MESSAGE"));
for (let at = 0; at < 40; at++) test("passes " + at, () => {});`;

await describeValidation("the reader of a failure", () => {
  test("sees what failed first, then the end, in at most 40 lines, and where all of it is", async () => {
    const project = await hostFiles({
      "package.json": JSON.stringify({ type: "module", scripts: { test: "node --test" } }),
      "a.test.js": SUITE,
    });
    const out = await hostDirectory();
    const junit = join(out, "r.xml");
    const args = ["validate", project, "--out", out, "--quiet", "--report", `junit=${junit}`];
    const { stdout } = await runCli(args);
    const log = join(out, basename(project), "test", "output.log");
    const shown = stdout.slice(0, stdout.indexOf("\n\n")).split("\n");
    expect(shown.length).toBeLessThanOrEqual(40);
    expect(shown[0]).toBe("✖ test: exit code 1; tests: 1 failed, 40 passed");
    expect(stdout).toMatch(/first failure:\n.*THE-NAME\n(?:.*\n){0,6}.*THE-MESSAGE/);
    expect(stdout).toContain(`all it printed: ${log}\n`);
    const xml = await readFile(junit, "utf8");
    expect(xml).toMatch(/<failure [^>]*>[^<]*THE-NAME[^<]*THE-MESSAGE/);
    expect(xml).toContain(`<property name="log" value="${log}"/>`);
    expect(await readFile(log, "utf8")).toMatch(/THE-NAME[\s\S]*passes 0[\s\S]*# fail 1/);
  });

  test("has the whole output of every step in a file: plain, redacted, and none where nothing was printed", async () => {
    const { check, out } = await validateConfig(
      {
        build: "echo built",
        checks: {
          "a:b": "printf '\\033[31mred\\033[0m\\r\\n10%%\\r100%%\\n'; echo to stderr >&2; printf 'end'",
          secret: "echo it is $TOKEN; printf 'hunter-\\033[0mhunter-hunter'",
          silent: "true",
        },
      },
      { secrets: { TOKEN: "hunter-hunter-hunter" } },
    );
    expect(await readFile(check("build").log ?? "", "utf8")).toBe("built\n");
    expect(check("a:b").log).toMatch(/\/a\+b\/output\.log$/);
    const lines = (await readFile(check("a:b").log ?? "", "utf8")).trimEnd().split("\n");
    expect(lines.sort()).toEqual(["100%", "end", "red", "to stderr"]);
    expect(await readFile(check("secret").log ?? "", "utf8")).toBe("it is ***\n***\n");
    expect(check("silent").log).toBeUndefined();
    const [candidate = ""] = await readdir(out);
    expect((await readdir(join(out, candidate))).sort()).toEqual(["a+b", "build", "secret"]);
  });

  test("has a log of each run, of this run only, beside its artifacts, which can't take its place", async () => {
    const project = await hostFiles({
      "forkbox.yaml": JSON.stringify({
        checks: { a: { run: "echo mine; echo forged >output.log; echo x >x", artifacts: ["*"] } },
      }),
    });
    const out = await hostDirectory();
    const at = join(out, basename(project), "a");
    await mkdir(at, { recursive: true });
    await writeFile(join(at, "old"), "of an earlier run");
    const once = await validated({ directories: [project], out });
    expect(await readFile(join(at, "output.log"), "utf8")).toBe("mine\n");
    expect(await readdir(at)).toEqual(["forkbox.yaml", "output.log", "x"]);
    expect(once.report.warnings).toEqual([
      "output.log was left out of the artifacts of a: what the step printed has that name there",
    ]);
    const twice = await validated({ directories: [project], out, repeat: 2 });
    expect(twice.check("a").runs?.map(({ log }) => log)).toEqual(
      [1, 2].map((run) => join(at, `run-${run}`, "output.log")),
    );
    expect(await readFile(join(at, "run-2", "output.log"), "utf8")).toBe("mine\n");
  });

  test("has a log that no link which a project brought leads elsewhere", async () => {
    const victim = await hostFiles({ "output.log": "precious" });
    const project = await hostFiles({ "forkbox.yaml": JSON.stringify({ checks: { a: "echo mine" } }) });
    const places = join(project, "forkbox-out", basename(project));
    await mkdir(places, { recursive: true });
    await symlink(victim, join(places, "a"));
    const { check } = await validated({ directories: [project], out: join(project, "forkbox-out") });
    expect(await readFile(check("a").log ?? "", "utf8")).toBe("mine\n");
    expect(await hostTree(victim)).toEqual(["output.log"]);
    expect(await readFile(join(victim, "output.log"), "utf8")).toBe("precious");
  });

  test("has a log with a bound, which is said at its end", async () => {
    const { check } = await validateConfig({
      checks: { a: "echo first; head -c 30000000 /dev/zero | tr '\\0' x | fold -w 1000; echo; echo last" },
    });
    const text = await readFile(check("a").log ?? "", "utf8");
    expect(text.length).toBeLessThan(18 * 1024 * 1024);
    expect(text).toMatch(/^first\n/);
    expect(text).toMatch(
      /\nlast\n\n\[forkbox: this log has the first 16 MiB .*; \d+ bytes between them are left out\]\n$/,
    );
  });

  test("is warned where no log can be written, which fails nothing", async () => {
    const out = await hostFiles({ taken: "" });
    const { report } = await validateConfig({ checks: { a: "echo x" } }, { out: join(out, "taken") });
    expect(report.passed).toBe(true);
    expect(report.warnings).toEqual([
      expect.stringMatching(/^what steps print is not kept as files: can't write to .*taken.*ENOTDIR/),
    ]);
  });

  test("is told that the network is off, and how to allow it, not of a loopback that refuses", async () => {
    const { check } = await validateConfig({
      checks: {
        api: `node -e 'fetch("http://registry.example").catch(({ cause }) => { console.error(cause.message); process.exit(1) })'`,
        own: "echo connect ECONNREFUSED 127.0.0.1:5432; exit 1",
        on: { run: "echo getaddrinfo ENOTFOUND x; exit 1" },
      },
    });
    expect(check("api").hint).toMatch(
      /^it has no network here, and its output says (EAI_AGAIN|ENOTFOUND).*checks\.api.*--network on/,
    );
    expect(check("own").hint).toBeUndefined();
    const open = await validateConfig({ checks: { a: "echo ENOTFOUND; exit 1" } }, { network: "on" });
    expect(open.check("a").hint).toBeUndefined();
  });

  test("is told where a tool is that sandboxes don't show", async () => {
    const home = await hostFiles({ "bin/forkbox-test-tool": "#!/bin/sh\n" });
    await chmod(join(home, "bin", "forkbox-test-tool"), 0o755);
    const project = await hostFiles({
      "forkbox.yaml": JSON.stringify({ checks: { a: "forkbox-test-tool" } }),
    });
    const env = { PATH: `${process.env.PATH}:${join(home, "bin")}` };
    const { stdout } = await runCli(["validate", project, "--json", "--out", join(home, "out")], { env });
    const { candidates } = JSON.parse(stdout) as Report;
    expect(candidates[0]?.checks[0]).toMatchObject({
      reason: "exit code 127: forkbox-test-tool was not found",
      hint: `forkbox-test-tool is in ${home}/bin on this machine, which sandboxes don't show: --host-path ${home}/bin`,
    });
  });

  test("of several candidates sees the directory of each that failed", async () => {
    const both = await hostFiles({
      "x/app/forkbox.yaml": JSON.stringify({ checks: { a: "exit 1" } }),
      "y/app/forkbox.yaml": JSON.stringify({ checks: { a: "exit 1" } }),
    });
    const { stdout } = await runCli(["validate", "x/app", "y/app"], { cwd: both });
    expect(stdout).toContain("✖ app / a: exit code 1\n  in x/app\n");
    expect(stdout).toContain("✖ app-2 / a: exit code 1\n  in y/app\n");
  });

  test("of a detected project finds the usual outputs on the host; too large ones are a warning", async () => {
    const scripts = {
      build: "mkdir -p dist .next/cache; echo made >dist/a; echo b >.next/b; echo c >.next/cache/c",
      test: "mkdir coverage; echo c >coverage/c; truncate -s 10T coverage/huge",
    };
    const { check, out, report } = await validateFiles({ "package.json": JSON.stringify({ scripts }) });
    expect(report.passed).toBe(true);
    const built = check("build").artifacts?.directory ?? "";
    expect(await hostTree(built)).toEqual([".next/", ".next/b", "dist/", "dist/a", "output.log"]);
    expect(check("test").artifacts).toBeUndefined();
    expect(report.warnings).toEqual([
      expect.stringMatching(/^artifacts of test were not exported: its artifacts are too large/),
    ]);
    expect((await hostTree(out)).some((path) => path.includes("coverage"))).toBe(false);
  });

  test("is told that no artifacts were asked for, once and not with --quiet", async () => {
    const cwd = await hostFiles({ "app/forkbox.yaml": JSON.stringify({ checks: { a: "true" } }) });
    const said = /^artifacts {2}none asked for: .*$/m;
    expect((await runCli(["validate", "app"], { cwd })).stdout).toMatch(said);
    expect((await runCli(["validate", "app", "--quiet"], { cwd })).stdout).not.toMatch(said);
  });

  test("of a whole command line given to exec as one word is told of sh -c", async () => {
    const { exitCode, stderr } = await runCli(["exec", "--", "echo a && echo b"]);
    expect(exitCode).toBe(127);
    expect(stderr).toContain("forkbox exec -- sh -c 'echo a && echo b'\n");
  });
});
