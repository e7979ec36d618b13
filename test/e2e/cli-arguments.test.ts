import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { runCli } from "../support/cli.js";

const commands = ["validate", "exec", "mcp", "doctor", "ps", "prune", "completion"];

test("--version prints the package's version", async () => {
  expect(await runCli(["--version"])).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: "" });
});

test.each(["", ...commands])("help of forkbox %s has examples, and no colours in a pipe", async (command) => {
  const { exitCode, stdout, stderr } = await runCli([...(command ? [command] : []), "--help"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/^Usage: forkbox/);
  expect(stdout).toContain("\nExamples:\n");
  expect(stdout).not.toContain("\u001b");
});

test("help of a command fits 80 columns where it is forkbox's to break lines", async () => {
  for (const command of commands) {
    const { stdout } = await runCli([command, "--help"]);
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  }
});

test("without arguments it prints its help on stderr and exits 2", async () => {
  const { exitCode, stdout, stderr } = await runCli([]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain("Commands:");
});

const mistakes: [string, string[], RegExp][] = [
  ["an unknown command", ["vaildate"], /unknown command 'vaildate'\n\(Did you mean validate\?\)/],
  ["an unknown flag", ["validate", "--jbos", "3"], /unknown option '--jbos'\n\(Did you mean --jobs\?\)/],
  ["jobs that are no number", ["validate", "--jobs", "many"], /--jobs.*It is a number above 0/],
  ["half a job", ["validate", "--jobs", "1.5"], /--jobs.*It is a whole number above 0/],
  ["a time in no unit there is", ["exec", "--timeout", "5y", "--", "true"], /--timeout.*90s, 5m, 1h/],
  ["a time of nothing", ["exec", "--timeout", "0", "--", "true"], /--timeout.*90s, 5m, 1h/],
  [
    "an unknown engine",
    ["exec", "--engine", "docker", "--", "true"],
    /Allowed choices are auto, local, dagger/,
  ],
  ["an unknown base", ["exec", "--base", "iso=x", "--", "true"], /It is image=NAME/],
  ["a base without a value", ["exec", "--base", "image", "--", "true"], /"=" and a value are missing/],
  ["an unknown report format", ["validate", "--report", "pdf=x"], /It is html=FILE, json=FILE/],
  ["no command", ["exec"], /missing required argument 'command'/],
  ["a shell it does not know", ["completion", "csh"], /Allowed choices are bash, zsh, fish/],
  [
    "host paths on an image",
    ["exec", "--base", "image=x", "--host-path", "/opt", "--", "true"],
    /--host-path/,
  ],
  ["two networks", ["exec", "--host-network", "--network", "off", "--", "true"], /contradict/],
  [
    "an engine that --engines is not about",
    ["exec", "--engine", "local", "--engines", "tcp://x:1", "--", "true"],
    /--engines/,
  ],
  ["loud and quiet", ["validate", "--verbose", "--quiet"], /contradict/],
  ["a half import", ["exec", "--import", "dir:", "--", "true"], /DIR or DIR:PATH/],
  ["a half export", ["exec", "--export", "dist", "--", "true"], /PATH:DIR/],
  [
    "a variable that is not set",
    ["exec", "--env", "FORKBOX_NOT_SET", "--", "true"],
    /no FORKBOX_NOT_SET in the env/,
  ],
  ["a variable without a name", ["exec", "--env", "=x", "--", "true"], /--env is without a name/],
  ["a secret without a name", ["exec", "--secret", "=x", "--", "true"], /--secret is without a name/],
];

test.each(mistakes)("%s is said on stderr with what to do, and exits 2", async (_, args, message) => {
  const { exitCode, stdout, stderr } = await runCli(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(/^forkbox: /);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n").length, "a hint follows").toBeGreaterThan(1);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("a secret's value on the command line is refused without repeating it", async () => {
  const { exitCode, stderr } = await runCli(["exec", "--secret", "API_TOKEN=canary-value", "--", "true"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("--secret API_TOKEN");
  expect(stderr).not.toContain("canary-value");
});
