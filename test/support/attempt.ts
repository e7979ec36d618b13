import { expect } from "vitest";
import type { ExecOptions } from "../../src/options.js";
import type { Sandbox } from "../../src/sandbox/sandbox.js";

export interface Attempt {
  /** What the script printed on either stream. */
  output: string;
  exitCode: number;
}

/**
 * Tries something in a sandbox, and shows that it was tried: a script that did not begin, or did not come to
 * its end, fails the test whatever it would have proved.
 */
export async function attempt(sandbox: Sandbox, script: string, options: ExecOptions = {}): Promise<Attempt> {
  const tried = `echo began; (\n${script}\n) 2>&1 </dev/null; code=$?; echo; echo "ended with $code"`;
  const { stdout } = await sandbox.exec(tried, options);
  const ran = /^began\n(.*)\nended with (\d+)\n$/s.exec(stdout);
  expect(ran, `the attempt did not run: ${stdout}`).not.toBeNull();
  return { output: ran?.[1] ?? "", exitCode: Number(ran?.[2]) };
}

/** The same, and expects that it was refused. */
export async function expectDenied(sandbox: Sandbox, script: string): Promise<Attempt> {
  const tried = await attempt(sandbox, script);
  expect(tried.exitCode, `was allowed: ${script}\n${tried.output}`).not.toBe(0);
  return tried;
}
