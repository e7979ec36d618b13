#!/usr/bin/env node
import { CommanderError } from "commander";
import { EXIT, reportFailure } from "./failure.js";
import { buildProgram } from "./program.js";

// A reader that goes away (`forkbox ps | head -1`) is no failure of ours: end as SIGPIPE would have.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (process.stdout.listenerCount("error") === 1) process.exit(EXIT.brokenPipe);
});
process.stderr.on("error", () => {});
process.on("uncaughtException", (error) => process.exit(reportFailure(error)));

try {
  await buildProgram((exitCode) => {
    process.exitCode = exitCode;
  }).parseAsync();
} catch (error) {
  // Commander has said already what was wrong with the arguments. Its exit code 0 is --help and --version.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else process.exitCode = reportFailure(error);
}
