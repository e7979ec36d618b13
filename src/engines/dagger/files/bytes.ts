import { readFile, rm } from "node:fs/promises";
import { SandboxError } from "../../../errors.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Workspace } from "../staging/workspace.js";

/** What to select of a file to read it as text: exact unless it is not UTF-8. */
export const TEXT = "{size contents}";
/** No longer file can be read in one piece. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;

export interface FileText {
  size: number;
  contents: string;
}

/** The file's bytes, when its text is all of them: the engine replaces what is not UTF-8. */
export function exactBytes({ size, contents }: FileText): Buffer | undefined {
  if (contents.includes("\ufffd")) return undefined;
  const bytes = Buffer.from(contents);
  return bytes.length === size ? bytes : undefined;
}

/** Any file's bytes, by way of an export to this host, whose disk a longer file than may be must not fill. */
export async function exportBytes(
  workspace: Workspace,
  file: readonly Step[],
  options: QueryOptions,
  mostBytes = MAX_FILE_BYTES,
): Promise<Buffer> {
  const { session, state } = workspace;
  const { size } = await session.run<{ size: number }>(file, "size", options);
  if (size > mostBytes) throw tooLong(options.operation, size, mostBytes);
  const path = await state.exportPath();
  try {
    await session.run([...file], call("export", { path }).text, options);
    return await readFile(path);
  } finally {
    await rm(path, { force: true });
  }
}

function tooLong(operation: string, size: number, mostBytes: number): SandboxError {
  const message = `${operation}: a file of ${size} bytes is too long to be read at once (at most ${mostBytes}). Export its directory, or read it in pieces with commands.`;
  return new SandboxError("LIMIT", message, { operation });
}
