import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";

const has = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;
const run = (shell: string, script: string) => spawnSync(shell, ["-c", script], { encoding: "utf8" });

test("bash completes commands, flags and values", async () => {
  const { stdout } = await runCli(["completion", "bash"]);
  const complete = (...words: string[]) =>
    run(
      "bash",
      `${stdout}\nCOMP_WORDS=(${words.map((w) => `'${w}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _forkbox; echo "\${COMPREPLY[*]}"`,
    ).stdout.trim();
  expect(complete("forkbox", "va")).toBe("validate");
  expect(complete("forkbox", "validate", "--fail")).toBe("--fail-fast");
  expect(complete("forkbox", "exec", "--engine", "d")).toBe("dagger");
  expect(complete("forkbox", "completion", "")).toContain("bash zsh fish");
  expect(complete("forkbox", "validate", "")).toBe("");
});

test.skipIf(!has("fish"))("fish completes commands, flags and values", async () => {
  const { stdout } = await runCli(["completion", "fish"]);
  const complete = (line: string) => run("fish", `${stdout}\ncomplete -C '${line}'`).stdout;
  expect(complete("forkbox va")).toMatch(/^validate\t/m);
  expect(complete("forkbox validate --fail")).toMatch(/^--fail-fast\t/m);
  expect(complete("forkbox exec --engine d")).toMatch(/dagger/);
});

test.skipIf(!has("zsh"))("zsh accepts the script and has every command in it", async () => {
  const { stdout } = await runCli(["completion", "zsh"]);
  const { status, stderr } = run(
    "zsh",
    `autoload -U compinit && compinit -D -u; ${stdout}\nwhence -w _forkbox`,
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const command of ["validate", "exec", "doctor", "ps", "prune", "completion"])
    expect(stdout).toContain(`'${command}:`);
});
