import type { Tool } from "../tool.js";
import { exec, getRun, readOutput, stopRun } from "./commands.js";
import { editFile, listDirectory, readFile, writeFiles } from "./files.js";
import { exportDirectory, refreshFromHost } from "./host.js";
import { closeSandbox, createSandbox, forkSandbox, listSandboxes } from "./sandboxes.js";
import { validateTool } from "./validate.js";

/** In the order in which clients list them: it stays, so that what a model has cached of them stays good. */
export const tools: readonly Tool[] = [
  createSandbox,
  forkSandbox,
  closeSandbox,
  listSandboxes,
  exec,
  getRun,
  stopRun,
  readOutput,
  readFile,
  writeFiles,
  editFile,
  listDirectory,
  refreshFromHost,
  exportDirectory,
  validateTool,
];
