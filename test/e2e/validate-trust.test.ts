import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectCode, rejection } from "../support/errors.js";
import { processesWith } from "../support/host-processes.js";
import { hostDirectory, hostFiles, hostTree, uniqueWord } from "../support/scratch.js";
import { describeValidation, validateConfig, validated, validateFiles } from "../support/validating.js";

const yaml = (config: object) => ({ "forkbox.yaml": JSON.stringify(config) });

await describeValidation("whose words count:", () => {
  const greedy = { network: "on", checks: { a: "true" } };

  test("a project's own config can't grant itself anything, and nothing runs", async () => {
    const out = join(await hostDirectory(), "out");
    const error = await expectCode(validateConfig(greedy, { out }), "INVALID_ARGUMENT");
    expect(error).toMatchObject({ operation: "validate", path: expect.stringMatching(/forkbox\.yaml$/) });
    expect(error.message).toMatch(/:1: a project's own config can't grant itself "network".*--network/);
  });

  test("it can when it is trusted, or is the operator's, outside the project", async () => {
    const trusted = await validateConfig(greedy, { trustConfig: true });
    expect(trusted.check("a").network).toBe("on");
    const project = await hostFiles({ source: "" });
    const config = join(await hostFiles({ "judge.yaml": JSON.stringify(greedy) }), "judge.yaml");
    const judged = await validated({ directories: [project], config });
    expect(judged.check("a").network).toBe("on");
    expect(judged.candidate.configFrom).toBe(config);
  });

  test("a file inside the project stays the project's, whoever names it and through what link", async () => {
    const project = await hostFiles({ "judge.yaml": JSON.stringify(greedy) });
    const outside = await hostDirectory();
    await symlink(join(project, "judge.yaml"), join(outside, "judge.yaml"));
    await symlink(project, join(outside, "project"));
    for (const config of [
      join(project, "judge.yaml"),
      join(outside, "judge.yaml"),
      join(outside, "project/judge.yaml"),
    ]) {
      await expectCode(validated({ directories: [project], config }), "INVALID_ARGUMENT");
      await expectCode(validated({ directories: [join(outside, "project")], config }), "INVALID_ARGUMENT");
    }
  });
});

await describeValidation("secrets and variables", () => {
  const secret = `s3cr3t-${uniqueWord()}`;

  test("reach the checks, and setup and build only where they are listed", async () => {
    const has = 'test -n "$TOKEN"';
    const { verdicts, check } = await validateFiles(
      { "package.json": uniqueWord() },
      {
        secrets: { TOKEN: secret },
        env: { HOST: "h" },
        config: {
          setup: `! ${has} && test $HOST = h`,
          build: { run: has, secrets: ["TOKEN"] },
          checks: {
            a: has,
            b: { run: `! ${has}`, secrets: [] },
            c: { run: `! ${has}`, from: "a", secrets: [] },
          },
        },
      },
    );
    expect(verdicts).toEqual({ setup: "passed", build: "passed", a: "passed", b: "passed", c: "passed" });
    expect(check("setup").cached).toBeUndefined();
  });

  test("a setup that has secrets is not cached", async () => {
    const directory = await hostFiles({ "package.json": uniqueWord() });
    const config = { setup: { run: 'test -n "$TOKEN"', secrets: ["TOKEN"] }, checks: { a: "true" } };
    for (let time = 0; time < 2; time++) {
      const { check } = await validated({ directories: [directory], config, secrets: { TOKEN: secret } });
      expect(check("setup")).toMatchObject({ verdict: "passed" });
      expect(check("setup").cached).toBeUndefined();
    }
  });

  test("are redacted from events, reports, tails and commands, also after another check wrote them down", async () => {
    const directory = await hostDirectory();
    const reports = { json: join(directory, "r.json"), junit: join(directory, "r.xml") };
    const { report, events, check } = await validateFiles(
      { source: "" },
      {
        reports,
        secrets: { TOKEN: secret },
        config: {
          checks: {
            print: `echo "$TOKEN"; echo "$TOKEN" | base64 >&2; : ${secret}; exit 1`,
            slow: { run: 'echo "$TOKEN"; sleep 60', timeoutMs: 1000 },
            write: 'echo "$TOKEN" > file',
            read: { run: "cat file; exit 1", from: "write", secrets: [] },
          },
        },
      },
    );
    expect(check("read").tail).toBe("***");
    expect(check("slow").tail).toBe("***");
    const said = [
      ...[JSON.stringify(report), JSON.stringify(events)],
      ...[await readFile(reports.json, "utf8"), await readFile(reports.junit, "utf8")],
    ].join();
    expect(said).not.toContain(secret);
    expect(said).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
    expect(said).toContain("***");
  });

  test("in an artifact fail the check and land nowhere", async () => {
    const { report, check, out } = await validateFiles(
      { source: "" },
      {
        secrets: { TOKEN: secret },
        config: { checks: { a: { run: 'mkdir o; echo "$TOKEN" > o/x', artifacts: ["o/**"] } } },
      },
    );
    expect(check("a")).toMatchObject({ verdict: "failed", error: { code: "SECRET_LEAK" } });
    expect(report.exitCode).toBe(1);
    expect(await hostTree(out).catch(() => [])).not.toContainEqual(expect.stringContaining("x"));
  });

  test("that a config names and the host doesn't have are refused", async () => {
    const config = { checks: { a: { run: "true", secrets: ["NOT_SET_ANYWHERE"] } } };
    const error = await expectCode(validateFiles({ source: "" }, { config }), "INVALID_ARGUMENT");
    expect(error.message).toMatch(/secrets names NOT_SET_ANYWHERE, which is not set/);
  });
});

await describeValidation("output of a hostile project", () => {
  test("goes through no link that it brought", async () => {
    const target = await hostDirectory();
    const directory = await hostFiles(yaml({ checks: { a: { run: "echo x > x", artifacts: ["x"] } } }));
    await symlink(target, join(directory, "forkbox-out"));
    await mkdir(join(directory, "reports"));
    await symlink(target, join(directory, "reports/deep"));
    const out = join(directory, "forkbox-out");
    await expectCode(validated({ directories: [directory], out }), "INVALID_ARGUMENT");
    const json = join(directory, "reports/deep/r.json");
    await expectCode(validated({ directories: [directory], reports: { json } }), "INVALID_ARGUMENT");
    expect(await hostTree(target)).toEqual([]);
  });

  test("never replaces the project, or a directory that holds it", async () => {
    const root = await hostFiles({ "app/source": "x" });
    const config = { checks: { a: { run: "true", artifacts: ["**"] } } };
    for (const out of [root, join(root, "app"), "/"]) {
      await expectCode(validated({ directories: [join(root, "app")], config, out }), "INVALID_ARGUMENT");
    }
    expect(await hostTree(root)).toEqual(["app/", "app/source"]);
  });

  test("replaces what an earlier run exported", async () => {
    const directory = await hostFiles({ name: "first" });
    const config = { checks: { a: { run: 'mkdir o; touch "o/$(cat name)"', artifacts: ["o/**"] } } };
    const out = join(await hostDirectory(), "out");
    const { candidate } = await validated({ directories: [directory], config, out });
    await writeFile(join(directory, "name"), "second");
    await validated({ directories: [directory], config, out });
    expect(await hostTree(join(out, candidate.name))).toEqual(["a/", "a/o/", "a/o/second"]);
    // Also where this run comes to no export.
    await validated({ directories: [directory], config: { ...config, build: "false" }, out });
    expect(await hostTree(join(out, candidate.name))).toEqual([]);
  });
});

await describeValidation("a validation that is stopped", () => {
  test("by an abort says what was cancelled, with 130, and leaves nothing running", async () => {
    const word = uniqueWord();
    const controller = new AbortController();
    const { report, verdicts } = await validateConfig(
      {
        checks: {
          a: "true",
          b: { run: `echo ready; sleep 600 && : ${word}`, needs: ["a"] },
          c: { run: "true", needs: ["b"] },
        },
      },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === "step-output" && event.text.includes("ready")) controller.abort();
        },
      },
    );
    expect(verdicts).toEqual({ a: "passed", b: "cancelled", c: "cancelled" });
    expect(report).toMatchObject({ passed: false, interrupted: true, exitCode: 130 });
    expect(await processesWith(word)).toEqual([]);
  });

  test("before it began is rejected", async () => {
    await expectCode(validateConfig({ checks: { a: "true" } }, { signal: AbortSignal.abort() }), "ABORTED");
  });

  test("by a listener that throws rejects with what it threw", async () => {
    const thrown = new Error("enough");
    const word = uniqueWord();
    const stopped = validateConfig(
      { checks: { a: `sleep 600 && : ${word}` } },
      {
        onEvent: (event) => {
          if (event.type === "step-started" && event.step.name === "a") throw thrown;
        },
      },
    );
    expect(await rejection(stopped)).toBe(thrown);
    expect(await processesWith(word)).toEqual([]);
  });
});
