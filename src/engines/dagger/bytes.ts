import { readFile, rm } from "node:fs/promises";
import { call, type Step } from "./graphql.js";
import type { QueryOptions } from "./session.js";
import type { Workspace } from "./workspace.js";

/** What to select of a file to read it as text: exact unless it is not UTF-8. */
export const TEXT = "{size contents}";

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

/** Any file's bytes, by way of an export to this host. */
export async function exportBytes(
  workspace: Workspace,
  file: readonly Step[],
  options: QueryOptions,
): Promise<Buffer> {
  const path = await workspace.state.exportPath();
  try {
    await workspace.session.run([...file], call("export", { path }).text, options);
    return await readFile(path);
  } finally {
    await rm(path, { force: true });
  }
}
