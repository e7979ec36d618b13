import { SandboxError } from "../errors.js";
import { parentOf, printable } from "../files/bytes.js";
import type { Slices } from "../files/slices.js";
import type { LeakScan } from "../redaction/leaks.js";
import type { Planned } from "./plan.js";

const operation = "exportDirectory";
const MAX_NAMED = 10;
const NUL = Buffer.alloc(1);

/** Throws SECRET_LEAK when a name or the target of a link holds a secret. */
export async function refuseLeakingNames(
  planned: readonly Planned[],
  newScan: () => LeakScan,
  slices: Slices,
): Promise<void> {
  refuseLeaks(await leakingNames(planned, newScan, slices), "names in");
}

/** Throws SECRET_LEAK naming `paths`, unless there are none. `where` says what in them holds the secret. */
export function refuseLeaks(paths: readonly string[], where: string): void {
  if (paths.length === 0) return;
  const list = paths.slice(0, MAX_NAMED).join(", ");
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : "";
  const message = `Refused to export: a secret's value is in ${where} ${list}${more}. Nothing was written. Leave it out with exclude, or pass allowSecrets.`;
  throw new SandboxError("SECRET_LEAK", message, { operation, path: paths[0] });
}

/** Directories of names and link targets that hold a secret: the names themselves must not be shown. */
async function leakingNames(
  planned: readonly Planned[],
  newScan: () => LeakScan,
  slices: Slices,
): Promise<string[]> {
  const leaks = new Set<string>();
  let scan = newScan();
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    const parts = item.kind === "symlink" ? [item.path, NUL, item.target, NUL] : [item.path, NUL];
    if (!parts.map((part) => scan.push(part)).includes(true)) continue;
    let above = parentOf(item.path);
    while (newScan().push(above)) above = parentOf(above);
    leaks.add(above.length === 0 ? "the top directory" : printable(above));
    scan = newScan();
  }
  return [...leaks];
}
