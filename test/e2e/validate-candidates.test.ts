import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectCode } from "../support/errors.js";
import { hostFiles, uniqueWord } from "../support/scratch.js";
import { describeValidation, started, validateConfig, validated } from "../support/validating.js";

const yaml = (config: object) => ({ "forkbox.yaml": JSON.stringify(config) });

await describeValidation("a setup", () => {
  test("comes from the cache the second time, and only where all that goes into it is the same", async () => {
    const lock = uniqueWord("lock");
    const directory = await hostFiles({
      ...{ "package.json": "{}", "package-lock.json": lock, "index.js": "1" },
      ...yaml({ setup: "date +%s%N > installed", checks: { a: "test -s installed" } }),
    });
    const again = async (spec = {}) => {
      const { check, verdicts } = await validated({ directories: [directory], ...spec });
      expect(verdicts).toEqual({ setup: "passed", a: "passed" });
      return check("setup").cached === true;
    };
    expect(await again()).toBe(false);
    expect(await again()).toBe(true);
    await writeFile(join(directory, "index.js"), "2");
    expect(await again()).toBe(true);
    expect(await again({ fresh: true })).toBe(false);
    expect(await again({ env: { MODE: "x" } })).toBe(false);
    expect(await again({ env: { MODE: "x" } })).toBe(true);
    await writeFile(join(directory, "package-lock.json"), `${lock} changed`);
    expect(await again()).toBe(false);
    await writeFile(
      join(directory, "forkbox.yaml"),
      JSON.stringify({ setup: "date > installed; true", checks: { a: "test -s installed" } }),
    );
    expect(await again()).toBe(false);
  });

  test("that fails is not cached, and hides behind no earlier one", async () => {
    const directory = await hostFiles({
      ...{ "package.json": uniqueWord() },
      ...yaml({ setup: "exit $FAIL", checks: { a: "true" } }),
    });
    const setup = async (fail: string, fresh = false) => {
      const { check } = await validated({ directories: [directory], env: { FAIL: fail }, fresh });
      return [check("setup").verdict, check("setup").cached ?? false];
    };
    expect(await setup("1")).toEqual(["failed", false]);
    expect(await setup("1")).toEqual(["failed", false]);
    expect(await setup("0")).toEqual(["passed", false]);
    expect(await setup("0")).toEqual(["passed", true]);
  });

  test("cached before and failing when run afresh, fails the next time, too", async () => {
    // Whether it fails is no part of what goes into it, like a registry that is down.
    const directory = await hostFiles({
      "package.json": uniqueWord(),
      ...yaml({ setup: "true", checks: { a: "true" } }),
    });
    const setup = (timeoutMs: number, fresh: boolean) =>
      validated({
        ...{ directories: [directory], fresh, timeoutMs },
        config: { setup: "sleep 3", checks: { a: "true" } },
      });
    expect((await setup(60_000, false)).verdicts.setup).toBe("passed");
    expect((await setup(1000, true)).verdicts.setup).toBe("timed-out");
    expect((await setup(60_000, false)).check("setup").cached).toBeUndefined();
  });

  test("of several candidates with the same files runs once", async () => {
    const files = { "package.json": uniqueWord() };
    const directories = [await hostFiles(files), await hostFiles(files)];
    const { report } = await validated({
      directories,
      config: { setup: "sleep 1; date +%s%N > installed", checks: { a: "test -s installed" } },
    });
    expect(report.passed).toBe(true);
    const cached = report.candidates.map(({ stages }) => stages[0]?.cached ?? false);
    expect(cached.sort()).toEqual([false, true]);
  });
});

await describeValidation("checks that are repeated", () => {
  // Forks are alike; what differs from run to run here is the time, as with real flaky tests.
  const alternating =
    "n=$(cat /proc/sys/kernel/random/uuid | tr -dc 0-9a-f | cut -c1); case $n in [0-7]) exit 1;; esac";

  test("pass or fail when all runs agree", async () => {
    const { check, verdicts, events } = await validateConfig(
      { checks: { a: "true", b: "exit 1" } },
      { repeat: 3 },
    );
    expect(verdicts).toEqual({ a: "passed", b: "failed" });
    expect(check("a").runs?.map(({ verdict }) => verdict)).toEqual(["passed", "passed", "passed"]);
    expect(started(events).filter((name) => name === "a")).toHaveLength(3);
  });

  test("are flaky when they don't, which is no pass", async () => {
    const { report, check, verdicts } = await validateConfig(
      { checks: { a: alternating, b: { run: "true", needs: ["a"] } } },
      { repeat: 24 },
    );
    expect(verdicts).toEqual({ a: "flaky", b: "skipped" });
    expect(check("a").reason).toMatch(/^passed \d+ of 24 times, else: exit code 1$/);
    expect(report).toMatchObject({ passed: false, exitCode: 1 });
  });

  test("export the artifacts of each run", async () => {
    const { check } = await validateConfig(
      { checks: { a: { run: "echo 1 > a", artifacts: ["a"] } } },
      { repeat: 2 },
    );
    const directories = check("a").runs?.map(({ artifacts }) => artifacts?.directory.split("/").slice(-2));
    expect(directories).toEqual([
      ["a", "run-1"],
      ["a", "run-2"],
    ]);
  });
});

await describeValidation("fail-fast", () => {
  test("cancels what runs and what waits at the first check that does not pass", async () => {
    const { report, verdicts, check } = await validateConfig(
      { checks: { long: "sleep 60", bad: "sleep 1; exit 1", after: { run: "true", needs: ["long"] } } },
      { failFast: true },
    );
    expect(verdicts).toEqual({ long: "cancelled", bad: "failed", after: "cancelled" });
    expect(check("long").reason).toBe("fail-fast: bad did not pass");
    expect(report).toMatchObject({ passed: false, exitCode: 1, interrupted: false });
  });

  test("with `any` leaves the other candidates alone", async () => {
    const directories = [await hostFiles({ ok: "0" }), await hostFiles({ ok: "1" })];
    const config = { checks: { a: "exit $(cat ok)", b: "sleep 2; exit $(cat ok)" } };
    const { report } = await validated({ directories, config, any: true, failFast: true });
    const verdicts = report.candidates.map(({ checks }) => checks.map(({ verdict }) => verdict));
    expect(verdicts).toEqual([
      ["passed", "passed"],
      ["failed", "cancelled"],
    ]);
    expect(report).toMatchObject({ passed: true, exitCode: 0 });
  });
});

await describeValidation("several candidates", () => {
  const config = { checks: { a: "test -e good", b: "true" } };

  test("are judged by one config of the operator's, whatever they bring", async () => {
    const own = yaml({ checks: { a: "true" } });
    const directories = [await hostFiles({ good: "", ...own }), await hostFiles(own)];
    const { report } = await validated({ directories, config });
    expect(report.candidates.map(({ verdict }) => verdict)).toEqual(["passed", "failed"]);
    expect(report).toMatchObject({ passed: false, exitCode: 1 });
    expect((await validated({ directories, config, any: true })).report).toMatchObject({
      passed: true,
      exitCode: 0,
    });
  });

  test("get names of their own when their directories share one", async () => {
    const root = await hostFiles({ "x/app/good": "", "y/app/good": "" });
    const { report } = await validated({ directories: [join(root, "x/app"), join(root, "y/app")], config });
    expect(report.candidates.map(({ name }) => name)).toEqual(["app", "app-2"]);
  });

  test("of which one brings a config that is refused are judged without it, with 2", async () => {
    const directories = [
      await hostFiles(yaml({ checks: { a: "true" } })),
      await hostFiles(yaml({ secrets: ["HOME"], checks: { a: "true" } })),
    ];
    const { report } = await validated({ directories });
    expect(report.candidates.map(({ verdict }) => verdict)).toEqual(["passed", "error"]);
    expect(report.candidates[1]?.error).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("--secret"),
    });
    expect(report).toMatchObject({ passed: false, exitCode: 2 });
    expect((await validated({ directories, any: true })).report.exitCode).toBe(0);
  });

  test("of which none can be run are refused with the first one's mistake", async () => {
    const directories = [await hostFiles({}), await hostFiles({ "forkbox.yaml": "checks: {a: b}\nx: 1" })];
    const error = await expectCode(validated({ directories }), "INVALID_ARGUMENT");
    expect(error.message).toMatch(/nothing to check/);
  });

  test("that don't exist are the operator's mistake", async () => {
    const directory = await hostFiles({ file: "" });
    await rm(join(directory, "none"), { force: true });
    await expectCode(validated({ directories: [join(directory, "none")], config }), "INVALID_ARGUMENT");
    await expectCode(validated({ directories: [join(directory, "file")], config }), "INVALID_ARGUMENT");
    await expectCode(validated({ directories: [], config }), "INVALID_ARGUMENT");
  });
});
