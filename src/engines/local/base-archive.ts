import { SandboxError } from "../../errors.js";
import type { BaseContext } from "./base.js";

export async function openArchive(archive: string, _context: BaseContext): Promise<string> {
  throw new SandboxError("UNSUPPORTED", `not yet: ${archive}`, { operation: "create" });
}
