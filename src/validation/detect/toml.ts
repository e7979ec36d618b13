import { invalid } from "../config/invalid.js";
import { type Table, tableOf } from "./text.js";

/** @throws SandboxError INVALID_ARGUMENT for what is no TOML. */
export async function parseToml(text: string, file: string): Promise<Table> {
  const { parse } = await import("smol-toml");
  try {
    return tableOf(parse(text));
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    const line = cause instanceof Error && "line" in cause ? `:${cause.line}` : "";
    throw invalid(`${file}${line} is not valid TOML: ${reason}`, { path: file, cause });
  }
}
