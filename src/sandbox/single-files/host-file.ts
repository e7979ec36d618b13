import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { SandboxError } from "../../errors.js";
import { hostError } from "../../files/errors.js";
import { withDeadline } from "../../host/deadline.js";
import { exportFile } from "../../host/export-file.js";
import type { ExportFileOptions, FileCopied, ImportFileOptions } from "../../options.js";
import { change, checkWritable, place } from "../files.js";
import { exporting } from "../host-boundary.js";
import type { Context, Step } from "../state.js";

const { O_RDONLY, O_NONBLOCK } = fs.constants;
/** Node reads no larger file at once. */
const LARGEST = 2 ** 31 - 1;
const PART_BYTES = 8 * 1024 * 1024;

export async function importOneFile(
  context: Context,
  hostPath: string,
  to: string,
  { timeoutMs }: ImportFileOptions,
): Promise<Step<FileCopied>> {
  const operation = "importFile";
  return withDeadline(operation, timeoutMs, context.signal, async (signal) => {
    const within = { ...context, signal };
    const path = await place(within, operation, to);
    await checkWritable(within, operation, path, "write");
    const { data, mode } = await readHostFile(hostPath, operation, signal);
    const next = await change(within, [{ kind: "write", path, data, mode }]);
    return { value: { bytes: data.length }, next };
  });
}

/** It may be a link: its path is the caller's. What is no file (a pipe, say) is not waited for. */
async function readHostFile(path: string, operation: string, signal: AbortSignal) {
  try {
    const file = await fs.promises.open(path, O_RDONLY | O_NONBLOCK);
    try {
      const { size, mode, isFile } = await kindOf(file);
      if (!isFile) throw refusal("NOT_A_FILE", operation, path, "it is no regular file");
      if (size > LARGEST)
        throw refusal(
          "LIMIT",
          operation,
          path,
          `it has ${size} bytes. Use refreshFromHost for its directory, with include`,
        );
      const data = Buffer.alloc(size);
      let at = 0;
      while (at < size) {
        signal.throwIfAborted();
        const { bytesRead } = await file.read(data, at, Math.min(PART_BYTES, size - at), at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return { data: data.subarray(0, at), mode: mode & 0o777 };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw hostError(error, operation, "Can't import", path);
  }
}

async function kindOf(file: fs.promises.FileHandle) {
  const stat = await file.stat();
  return { size: stat.size, mode: stat.mode, isFile: stat.isFile() };
}

/** Follows links in the sandbox; one on the host is replaced, never written through. */
export async function exportOneFile(
  context: Context,
  from: string,
  hostPath: string,
  options: ExportFileOptions,
): Promise<Step<FileCopied>> {
  const operation = "exportFile";
  return withDeadline(operation, options.timeoutMs, context.signal, async (signal) => {
    const within = { ...context, signal };
    const { engine, state } = context;
    const path = await place(within, operation, from);
    const real = await engine.resolve(state.snapshot, path, true, signal);
    const found = await engine.stat(state.snapshot, real, signal);
    if (!found) throw refusal("NOT_FOUND", operation, from, "there is no such file in the sandbox");
    if (found.type !== "file") throw refusal("NOT_A_FILE", operation, from, "it is no regular file");
    const bytes = await exporting(within, dirname(real), (root, scanner) =>
      exportFile(root, basename(real), hostPath, { ...options, signal, ...scanner }),
    );
    return { value: { bytes } };
  });
}

function refusal(code: "NOT_FOUND" | "NOT_A_FILE" | "LIMIT", operation: string, path: string, why: string) {
  return new SandboxError(code, `${operation} ${path}: ${why}.`, { operation, path });
}
