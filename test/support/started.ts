import type { ExecOptions, ExecResult } from "../../src/options.js";
import type { Sandbox } from "../../src/sandbox/sandbox.js";

/** A command that has printed what `script` prints, last of all on stdout, has shown it, and goes on and on. */
export function started(
  sandbox: Sandbox,
  script: string,
  options: ExecOptions = {},
): Promise<{ running: Promise<ExecResult> }> {
  return new Promise((resolve, reject) => {
    const running = sandbox.exec(`${script}; sleep 1000`, {
      ...options,
      onStdout: () => resolve({ running }),
    });
    running.catch(reject);
  });
}
