import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { watchArguments } from "../support/host-processes.js";
import { prepare } from "../support/prepared.js";
import { hostDirectory, hostTree, uniqueWord } from "../support/scratch.js";

/** A secret reaches the environment of the command and nothing else. */
export function describeSecrets(engine: EngineUnderTest): void {
  describe("secrets", () => {
    const prepared = prepare(engine);

    test("the command has the true value and the caller gets it redacted", async () => {
      const secret = uniqueWord("secret");
      await using sandbox = await Sandbox.create({ ...engine.options, secrets: { A: secret } });
      sandbox.withSecret("B", `${secret}-b`).withSecrets({ C: `${secret}-c` });
      const result = await sandbox.exec('printf %s "$A$B$C$D" | wc -c; echo "$A $B $C $D"; echo "$D" >&2', {
        secrets: { D: `${secret}-d` },
      });
      expect(result.stdout.trim().split("\n")[0]?.trim()).toBe(String(secret.length * 4 + 6));
      expect(inspect(result)).not.toContain(secret);
      expect(result.stdout).toContain("***");
      expect(result.stderr).toContain("***");
    });

    test("a secret may be named as a script would name its own variables", async () => {
      const secret = uniqueWord("secret");
      const names = ["input", "io", "live", "tail", "seconds", "code", "cwd", "why", "logs", "pid", "piece"];
      const sandbox = await prepared.fork();
      const { stdout } = await sandbox.exec(
        `printf %s "${names.map((name) => `$${name}`).join("")}" | wc -c`,
        {
          secrets: Object.fromEntries(names.map((name) => [name, secret])),
          timeoutMs: 30_000,
        },
      );
      expect(Number(stdout)).toBe(names.length * secret.length);
    });

    test("a secret of one command stays redacted in later ones and in forks, which may have its files", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      await sandbox.exec('echo "$ONCE" > file', { secrets: { ONCE: secret } });
      await using fork = await sandbox.fork();
      for (const each of [sandbox, fork]) {
        const { stdout } = await each.exec('cat file; echo "[$ONCE]"');
        expect(stdout).toBe("***\n[]\n");
      }
    });

    test("a secret that a variable replaced stays redacted", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      sandbox.withSecret("X", secret);
      await sandbox.exec('echo "$X" > file');
      sandbox.withEnv("X", "plain");
      expect((await sandbox.exec('cat file; echo "$X"')).stdout).toBe("***\nplain\n");
    });

    test("DATABRICKS_TOKEN is a secret wherever it comes from", async () => {
      const token = uniqueWord("dapi");
      const show = 'printf %s "$DATABRICKS_TOKEN" | wc -c; echo "$DATABRICKS_TOKEN"';
      const expected = new RegExp(`^\\s*${token.length}\n\\*\\*\\*\n$`);
      await using created = await Sandbox.create({ ...engine.options, env: { DATABRICKS_TOKEN: token } });
      expect((await created.exec(show)).stdout).toMatch(expected);
      const withEnv = await prepared.fork();
      expect((await withEnv.withEnv("DATABRICKS_TOKEN", token).exec(show)).stdout).toMatch(expected);
      const withEnvs = await prepared.fork();
      expect((await withEnvs.withEnvs({ DATABRICKS_TOKEN: token }).exec(show)).stdout).toMatch(expected);
      const inExec = await prepared.fork();
      expect((await inExec.exec(show, { env: { DATABRICKS_TOKEN: token } })).stdout).toMatch(expected);
    });

    test("a timeout, an abort, a close and a failing command show nothing of it", async () => {
      const secret = uniqueWord("secret");
      const print = 'echo "$S"; echo "$S" >&2';
      const shown: unknown[] = [];
      const sandbox = await prepared.fork();
      sandbox.withSecret("S", secret);
      shown.push(await sandbox.exec(`${print}; exit 9`));
      shown.push(
        await expectCode(sandbox.exec(`${print}; sleep 60`, { timeoutMs: engine.deadlineMs }), "TIMEOUT"),
      );
      const signal = AbortSignal.timeout(engine.deadlineMs);
      shown.push(await expectCode(sandbox.exec(`${print}; sleep 60`, { signal }), "ABORTED"));
      const running = expectCode(sandbox.exec(`${print}; sleep 60`), "CLOSED");
      await new Promise((resolve) => setTimeout(resolve, engine.deadlineMs));
      await sandbox.close();
      shown.push(await running);
      for (const each of shown) {
        expect(inspect(each, { depth: 9, showHidden: true }) + JSON.stringify(each)).not.toContain(secret);
        expect((each as { stdout: string }).stdout).toBe("***\n");
      }
    });

    test("errors about commands, paths and callbacks that hold it show nothing of it", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      sandbox.withSecret("S", secret);
      const errors = [
        await expectCode(sandbox.readFile(`no/${secret}`), "NOT_FOUND"),
        await expectCode(sandbox.exec("true", { cwd: `no/${secret}` }), "NOT_FOUND"),
        await expectCode(
          sandbox.exec(`echo ${secret}; sleep 60`, { timeoutMs: engine.deadlineMs }),
          "TIMEOUT",
        ),
        await expectCode(sandbox.deleteFile(secret), "NOT_FOUND"),
        await sandbox
          .exec('echo "$S"; sleep 60', {
            onStdout: (chunk) => {
              throw new Error(`callback saw ${chunk}`);
            },
          })
          .catch((error: Error) => error),
      ];
      for (const error of errors) {
        expect(error).toBeInstanceOf(Error);
        expect(`${(error as Error).message}${(error as Error).stack}`).not.toContain(secret);
        expect(inspect(error, { depth: 9 })).not.toContain(secret);
      }
    });

    test("readFile returns true bytes", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      sandbox.withSecret("S", secret);
      await sandbox.exec('printf %s "$S" > file');
      expect(await sandbox.readTextFile("file")).toBe(secret);
    });

    test("an exported file that holds it is SECRET_LEAK, also when it spans the scanner's reads", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      sandbox.withSecret("S", secret);
      for (const size of [0, 65_530, 1_048_570]) {
        const target = await hostDirectory();
        await sandbox.exec(
          `rm -rf out; mkdir -p out; head -c ${size} /dev/zero > out/f; printf %s "$S" >> out/f`,
        );
        const error = await expectCode(sandbox.exportDirectory("out", target), "SECRET_LEAK");
        expect(inspect(error)).not.toContain(secret);
        expect(await hostTree(target)).toEqual([]);
      }
    });

    test("a secret of one command that it wrote to a file is found by the export, too", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      await sandbox.exec('mkdir out; printf %s "$ONCE" > out/f', { secrets: { ONCE: secret } });
      await expectCode(sandbox.exportDirectory("out", await hostDirectory()), "SECRET_LEAK");
    });

    test("no process of the host ever has it in its arguments, and no file of forkbox's holds it", async () => {
      const secret = uniqueWord("secret");
      const watch = watchArguments(secret);
      onTestFinished(() => void watch.stop());
      await using sandbox = await Sandbox.create({ ...engine.options, secrets: { CREATED: secret } });
      sandbox.withSecret("S", secret).withEnv("DATABRICKS_TOKEN", secret);
      await using fork = await sandbox.fork();
      for (const each of [sandbox, fork]) {
        await each.exec('echo "$S$CREATED"; sleep 0.3', { secrets: { T: secret } });
        await each.exec(["printenv", "S"], { env: { DATABRICKS_TOKEN: secret } });
        await each.writeFile("file", "x");
        await expectCode(each.exec('echo "$S"; sleep 60', { timeoutMs: engine.deadlineMs }), "TIMEOUT");
      }
      expect(watch.looks()).toBeGreaterThan(5);
      expect(await watch.stop()).toEqual([]);
      const state = process.env.FORKBOX_STATE_DIR;
      expect(state).toBeDefined();
      expect(await filesHolding(state as string, secret)).toEqual([]);
    });

    test("nothing that describes a sandbox shows it", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      sandbox.withSecret("S", secret);
      await sandbox.exec("true");
      expect(
        `${inspect(sandbox, { depth: 3 })}${JSON.stringify(sandbox)}${sandbox.id}${String(sandbox)}`,
      ).not.toContain(secret);
    });

    test("an empty value is INVALID_ARGUMENT", async () => {
      const sandbox = await prepared.fork();
      await expectRefused(() => sandbox.withSecret("S", ""), "INVALID_ARGUMENT");
      await expectRefused(() => sandbox.withSecrets({ S: "" }), "INVALID_ARGUMENT");
      await expectRefused(() => sandbox.exec("true", { secrets: { S: "" } }), "INVALID_ARGUMENT");
      await expectRefused(
        () => Sandbox.create({ ...engine.options, secrets: { S: "" } }),
        "INVALID_ARGUMENT",
      );
    });

    test("a value under six bytes is taken with a warning that does not show it, and is not redacted", async () => {
      const warnings: Error[] = [];
      const listen = (warning: Error) => warnings.push(warning);
      process.on("warning", listen);
      onTestFinished(() => void process.off("warning", listen));
      const sandbox = await prepared.fork();
      sandbox.withSecret("PIN", "q7z9x");
      expect((await sandbox.exec('echo "$PIN"')).stdout).toBe("q7z9x\n");
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings.map(String).join()).toContain("PIN");
      expect(warnings.map(String).join()).not.toContain("q7z9x");
    });
  });
}

/** Files and names under a directory that hold the text; what is unreadable or gone is none. */
async function filesHolding(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    if (entry.name.includes(text)) found.push(path);
    if (entry.isDirectory()) found.push(...(await filesHolding(path, text)));
    else if (entry.isFile() && (await readFile(path, "latin1").catch(() => "")).includes(text))
      found.push(path);
  }
  return found;
}
