import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeVictims } from "../support/dagger-victim.js";
import { recordWire } from "../support/dagger-wire.js";
import { expectCode } from "../support/errors.js";
import { watchArguments } from "../support/host-processes.js";
import { hostDirectory, hostFiles, uniqueWord } from "../support/scratch.js";
import { validated } from "../support/validating.js";

/** Where a secret's value is to be found as it is: in the one query that tells it to the engine. */
describeVictims("a secret's value", 1, (victim) => {
  const filesWith = async (value: string, directories: readonly string[]): Promise<string[]> => {
    const options = ["-rlaF", "--", value, ...directories];
    // 1: nothing found; 2: a file went away while it was read.
    const { stdout } = await promisify(execFile)("grep", options).catch(
      (error) => error as { stdout: string },
    );
    return stdout.split("\n").filter(Boolean);
  };

  test("is in no other query, answer, ID, telemetry, argument, log or state of a command that uses it", async () => {
    const wire = await recordWire();
    const state = await hostDirectory();
    await using engine = victim.options({ stateDirectory: state }).engine;
    const options = { ...victim.options(), engine };
    const word = uniqueWord("canary");
    const value = (name: string) => `${word}-${name}`;
    const arguments_ = watchArguments(word);

    await using sandbox = await Sandbox.create({ ...options, secrets: { CREATED: value("create") } });
    sandbox.withSecret("ADDED", value("with")).withEnv("DATABRICKS_TOKEN", value("token"));
    const secrets = { CALLED: value("exec") };
    const all = 'test -n "$CREATED" && test -n "$ADDED" && test -n "$DATABRICKS_TOKEN" && test -n "$CALLED"';
    expect((await sandbox.exec(all, { secrets })).exitCode).toBe(0);
    expect((await sandbox.exec(["sh", "-c", all, "x".repeat(5000)], { secrets })).exitCode).toBe(0);
    expect((await sandbox.exec(`${all}; exit 7`, { secrets, stdin: "text" })).exitCode).toBe(7);
    await expectCode(sandbox.exec(`${all}; sleep 60`, { secrets, timeoutMs: 2000 }), "TIMEOUT");
    await sandbox.writeFile("file", "text");
    await using fork = await sandbox.fork();
    expect((await fork.exec('printf %s "$ADDED" | wc -c')).stdout).toMatch(/^\d+\n$/);
    const { verdicts } = await validated({
      ...options,
      directories: [await hostFiles({ "package-lock.json": "{}" })],
      secrets: { CHECKED: value("check") },
      config: { setup: "true", checks: { good: 'test -n "$CHECKED"', bad: 'test -z "$CHECKED"' } },
    });
    expect(verdicts).toEqual({ setup: "passed", good: "passed", bad: "failed" });

    expect(
      wire.queries.filter((query) => query.includes(word)).every((query) => /^\{setSecret\(/.test(query)),
    ).toBe(true);
    expect(wire.queries.filter((query) => query.includes(word)).length).toBe(5);
    expect(wire.answers.filter((answer) => answer.includes(word))).toEqual([]);
    expect(wire.ids().length).toBeGreaterThan(10);
    expect(wire.ids().filter((id) => id.includes(word))).toEqual([]);
    expect(wire.telemetry.join("").length).toBeGreaterThan(1000);
    expect(wire.telemetry.filter((body) => body.includes(word))).toEqual([]);
    expect(await arguments_.stop()).toEqual([]);
    expect(await filesWith(word, [state, ...(await victim.files())])).toEqual([]);
  });

  test("that a command prints is in no answer and no telemetry; the engine has it with the output, in files", async () => {
    const wire = await recordWire();
    await using engine = victim.options({ stateDirectory: await hostDirectory() }).engine;
    const word = uniqueWord("canary");
    const options = { ...victim.options(), engine, secrets: { S: word } };
    await using sandbox = await Sandbox.create(options);
    const shown: string[] = [];
    const printing = 'echo "out $S"; echo "err $S" >&2';
    const result = await sandbox.exec(printing, { onStdout: (text) => shown.push(text) });
    expect(result).toMatchObject({ stdout: "out ***\n", stderr: "err ***\n" });
    expect(shown.join("")).toBe("out ***\n");
    const error = await expectCode(sandbox.exec(`${printing}; sleep 60`, { timeoutMs: 2000 }), "TIMEOUT");
    expect(error).toMatchObject({ stdout: "out ***\n", stderr: "err ***\n" });
    expect(wire.answers.filter((answer) => answer.includes(word))).toEqual([]);
    expect(wire.telemetry.filter((body) => body.includes(word))).toEqual([]);
    const files = await filesWith(word, await victim.files());
    expect(files.filter((path) => !/\/fs\/(out|err)$/.test(path))).toEqual([]);
    // Else this would look in the wrong place.
    expect(files.length).toBeGreaterThan(0);
  });
});
