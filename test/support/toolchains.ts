import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, test } from "vitest";

/** A toolchain of this machine, as sandboxes can be shown it. */
export interface Toolchain {
  /** Host paths that sandboxes are to show beside /usr. */
  paths: string[];
}

/** What a program that this machine has needs to be shown; undefined where it isn't there. */
export function toolchain(program: "go" | "cargo" | "mvn" | "gradle"): Toolchain | undefined {
  try {
    if (program === "mvn") execFileSync("mvn", ["--version"], { stdio: "ignore" });
    const root =
      program === "go"
        ? said("go", "env", "GOROOT")
        : program === "cargo"
          ? said("rustc", "--print", "sysroot")
          : "/usr";
    if (!existsSync(join(root, "bin", program))) return undefined;
    // rustup's own cargo only looks for this one, in a home.
    process.env.PATH = `${join(root, "bin")}${delimiter}${process.env.PATH}`;
    return { paths: /^\/(usr|opt)(\/|$)/.test(root) ? [] : [root] };
  } catch {
    return undefined;
  }
}

/** uv, and what it installs of these, in a directory that is gone after the tests of this file. */
export async function pythonTools(...names: string[]): Promise<Toolchain | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "forkbox-tools-"));
  afterAll(() => rm(directory, { recursive: true, force: true }));
  const bin = join(directory, "bin");
  // A sandbox's user is another one.
  await chmod(directory, 0o755);
  try {
    // Sandboxes show this one; what comes first on PATH may lie in a home.
    execFileSync("/usr/bin/python3", ["-m", "venv", directory], { stdio: "ignore" });
    execFileSync(join(bin, "pip"), ["install", "-q", "uv"], { stdio: "ignore" });
    const env = { ...process.env, VIRTUAL_ENV: directory };
    execFileSync(join(bin, "uv"), ["pip", "install", "-q", ...names], { stdio: "ignore", env });
  } catch {
    return undefined;
  }
  process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
  return { paths: [directory] };
}

/** A test on a toolchain; skipped, with a word on what is missing, where it isn't there. */
export function testWith(
  tools: Toolchain | undefined,
  what: string,
  name: string,
  run: (base: { host: true; paths: string[] }) => Promise<void>,
): void {
  test(name, async (context) => {
    if (tools === undefined) return context.skip(`${what} can't be had on this machine`);
    await run({ host: true, paths: tools.paths });
    // Compilers and package managers with empty caches, beside all other tests.
  }, 400_000);
}

function said(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8" }).trim();
}
