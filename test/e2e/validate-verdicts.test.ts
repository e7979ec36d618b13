import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostFiles } from "../support/scratch.js";
import {
  describeValidation,
  started,
  validateConfig,
  validated,
  validateFiles,
} from "../support/validating.js";

await describeValidation("a validation", () => {
  test("passes when all of its checks pass, and says so with 0", async () => {
    const { report, candidate, verdicts } = await validateConfig({
      checks: { a: "true", b: ["true", "test -e forkbox.yaml"] },
    });
    expect(verdicts).toEqual({ a: "passed", b: "passed" });
    expect(candidate.verdict).toBe("passed");
    expect(report).toMatchObject({
      version: 1,
      passed: true,
      exitCode: 0,
      interrupted: false,
      engine: "local",
    });
  });

  test("tells each way not to pass from the others, with the last lines printed", async () => {
    const { report, check, verdicts } = await validateConfig({
      checks: {
        good: "echo fine",
        bad: "echo out; echo err >&2; exit 3",
        slow: { run: "echo waiting; sleep 60", timeoutMs: 1500 },
        gone: "no-such-program-here",
        killed: "kill -9 $$",
        second: ["true", "exit 2", "touch never"],
        after: { run: "true", needs: ["good", "bad"] },
        afterAfter: { run: "true", needs: ["after"] },
        fromBad: { run: "true", from: "bad" },
      },
    });
    expect(verdicts).toEqual({
      ...{
        good: "passed",
        bad: "failed",
        slow: "timed-out",
        gone: "error",
        killed: "failed",
        second: "failed",
      },
      ...{ after: "skipped", afterAfter: "skipped", fromBad: "skipped" },
    });
    expect(report).toMatchObject({ passed: false, exitCode: 1 });
    expect(check("good").tail).toBe("");
    expect(check("bad")).toMatchObject({ exitCode: 3, reason: "exit code 3" });
    expect(check("bad").tail.split("\n").sort()).toEqual(["err", "out"]);
    expect(check("slow")).toMatchObject({ reason: "timed out after 1.5 s", tail: "waiting" });
    expect(check("gone")).toMatchObject({ exitCode: 127, reason: expect.stringContaining("not found") });
    expect(check("killed").reason).toBe("exit code 137 (SIGKILL)");
    expect(check("after").reason).toBe("needs bad, which failed");
    expect(check("afterAfter").reason).toBe("needs after, which was skipped");
  });

  test("keeps the last hundred lines, without colours and overdrawn progress", async () => {
    const { check } = await validateConfig({
      checks: { a: "seq 1 500; printf '10%%\\r50%%\\r\\033[31m100%%\\033[0m\\n'; exit 1" },
    });
    const lines = check("a").tail.split("\n");
    expect(lines).toHaveLength(100);
    expect(lines.slice(-2)).toEqual(["500", "100%"]);
  });

  test("runs checks in forks of one build: none sees another's changes", async () => {
    const { verdicts } = await validateConfig({
      build: "echo built > result",
      checks: {
        a: "test -e result && touch mine && sleep 1 && ls && test ! -e other",
        b: "test -e result && touch other && sleep 1 && test ! -e mine",
        c: { run: "test ! -e mine", needs: ["a"] },
        d: { run: "test -e mine", from: "a" },
        e: { run: "test ! -e other && test -e mine", from: "d" },
      },
    });
    expect(verdicts).toEqual({
      build: "passed",
      a: "passed",
      b: "passed",
      c: "passed",
      d: "passed",
      e: "passed",
    });
  });

  test("runs at least three checks at the same time", async () => {
    const { events, verdicts } = await validateConfig({
      checks: { a: "sleep 2", b: "sleep 2", c: "sleep 2" },
    });
    expect(verdicts).toEqual({ a: "passed", b: "passed", c: "passed" });
    const types = events.filter(({ type }) => type === "step-started" || type === "step-ended").slice(2);
    expect(types.slice(0, 3).map(({ type }) => type)).toEqual([
      "step-started",
      "step-started",
      "step-started",
    ]);
  });

  test("runs one step at a time with jobs: 1, in the order of the config", async () => {
    const { events } = await validateConfig({ checks: { b: "true", a: "true", c: "true" } }, { jobs: 1 });
    const order = events.flatMap((event) =>
      event.type === "step-started" || event.type === "step-ended"
        ? [`${event.type} ${event.step.name}`]
        : [],
    );
    expect(order).toEqual(
      ["sources", "b", "a", "c"].flatMap((name) => [`step-started ${name}`, `step-ended ${name}`]),
    );
  });

  test("starts a check after what it needs, wherever that stands", async () => {
    const { events, verdicts } = await validateConfig({
      checks: { last: { run: "true", needs: ["first"] }, first: "sleep 1" },
    });
    expect(verdicts).toEqual({ last: "passed", first: "passed" });
    expect(started(events)).toEqual(["sources", "first", "last"]);
  });

  test("that can't build runs no check", async () => {
    const { report, check, verdicts } = await validateConfig({
      setup: "true",
      build: "echo no; exit 4",
      checks: { a: "true", b: { run: "true", needs: ["a"] } },
    });
    expect(verdicts).toEqual({ setup: "passed", build: "failed", a: "skipped", b: "skipped" });
    expect(check("build")).toMatchObject({ exitCode: 4, tail: "no" });
    expect(check("a").reason).toBe("needs build, which failed");
    expect(report.exitCode).toBe(1);
  });

  test("that can't be set up builds nothing", async () => {
    const { report, check, verdicts } = await validateConfig({
      setup: "exit 1",
      build: "true",
      checks: { a: "true" },
    });
    expect(verdicts).toEqual({ setup: "failed", build: "skipped", a: "skipped" });
    expect(check("a").reason).toBe("needs setup, which failed");
    expect(report.exitCode).toBe(1);
  });

  test("gives checks CI=1 and loopback only, setup and build neither", async () => {
    const interfaces = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort | xargs";
    const { check, candidate, verdicts } = await validateConfig({
      setup: `test -z "$CI"; ${interfaces} > interfaces`,
      build: 'test -z "$CI"',
      checks: { a: `test "$CI" = 1 && test "$(${interfaces})" = lo`, b: "cat interfaces; false" },
    });
    expect(verdicts).toEqual({ setup: "passed", build: "passed", a: "passed", b: "failed" });
    expect(check("a").network).toBe("off");
    if (check("setup").network === "on") expect(check("b").tail).not.toBe("lo");
    else expect(candidate.warnings).toContainEqual(expect.stringContaining("setup runs with network off"));
  });

  test("imports the project without what git ignores, .git, node_modules and an earlier run's artifacts", async () => {
    const directory = await hostFiles({
      ...{ ".gitignore": "ignored\n", ignored: "x", ".git/config": "x", "src/node_modules/a": "x" },
      ...{ "forkbox-out/old": "x", "results/old": "x", "src/a.txt": "x" },
      "forkbox.yaml": JSON.stringify({ checks: { a: "find . -type f | sort; false" } }),
    });
    const { check } = await validated({ directories: [directory], out: join(directory, "results") });
    expect(check("a").tail.split("\n")).toEqual(["./.gitignore", "./forkbox.yaml", "./src/a.txt"]);
  });

  test("shows setup only its files", async () => {
    const { verdicts, check } = await validateFiles({
      ...{ "package.json": "{}", "package-lock.json": "{}", "index.js": "", ".npmrc": "", "patches/a": "x" },
      "forkbox.yaml": JSON.stringify({ setup: "find . -type f | sort; false", checks: { a: "true" } }),
    });
    expect(verdicts).toEqual({ setup: "failed", a: "skipped" });
    expect(check("setup").tail.split("\n")).toEqual([
      ...["./.npmrc", "./package-lock.json", "./package.json", "./patches/a"],
    ]);
  });

  test("exports the artifacts of every check, also of one that failed, and of the build", async () => {
    const { out, check, candidate, verdicts, events } = await validateConfig({
      build: { run: "mkdir dist; echo 1 > dist/app", artifacts: ["dist/**"] },
      checks: {
        "test:unit": {
          run: "mkdir -p cov/deep; echo 2 > cov/deep/a; touch cov/b; exit 1",
          artifacts: ["cov/**"],
        },
        none: { run: "true", artifacts: ["nothing/**"] },
      },
    });
    expect(verdicts).toEqual({ build: "passed", "test:unit": "failed", none: "passed" });
    expect(await readFile(join(out, candidate.name, "build/dist/app"), "utf8")).toBe("1\n");
    expect(await readFile(join(out, candidate.name, "test+unit/cov/deep/a"), "utf8")).toBe("2\n");
    expect(check("test:unit").artifacts).toMatchObject({
      directory: join(out, candidate.name, "test+unit"),
      bytes: 2,
    });
    expect(candidate.warnings).toEqual(["no file matches the artifacts of none: nothing/**"]);
    expect(events.filter(({ type }) => type === "artifacts-exported")).toHaveLength(3);
  });
});
