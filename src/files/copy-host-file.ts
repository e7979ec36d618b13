import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  openSync,
  unlinkSync,
} from "node:fs";
import { SandboxError } from "../errors.js";
import { printable } from "./bytes.js";
import type { DataCopier } from "./copy-data.js";
import { hostError, systemCode } from "./errors.js";
import { seconds } from "./times.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } = constants;
// What took a file's place since it was listed must not be followed, nor hang.
const READ_ONLY_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const SAME_FILE_AGAIN = O_WRONLY | O_TRUNC | O_NOFOLLOW;
const ATTEMPTS = 4;
const operation = "refreshFromHost";

/** Left out: the caller. */
type Owner = { uid: number; gid: number } | undefined;

/** What was found where a file was listed: nothing more to do for a "file"; "gone" is what never was there. */
export type FoundOnHost = "file" | "link" | "gone";

/**
 * Copies a host file, with its mode and times, to a path that nothing is at. One that changes while it is read is read
 * again. Both places are asked for just before they are used.
 */
export async function copyHostFile(
  data: DataCopier,
  from: () => Buffer,
  to: () => Buffer,
  owner: Owner,
  path: Buffer,
): Promise<FoundOnHost> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const found = await copyOnce(data, from, to, attempt === 1 ? NEW_FILE : SAME_FILE_AGAIN, owner, path);
    if (found === "changed") continue;
    if (found !== "file" && attempt > 1) unlinkSync(to());
    return found;
  }
  const message = `${operation}: ${printable(path)} changed each of the ${ATTEMPTS} times that it was read. Stop what writes to it, or leave it out with exclude.`;
  throw new SandboxError("ENGINE_ERROR", message, { operation, path: printable(path) });
}

async function copyOnce(
  data: DataCopier,
  from: () => Buffer,
  to: () => Buffer,
  how: number,
  owner: Owner,
  path: Buffer,
): Promise<FoundOnHost | "changed"> {
  const reading = (error: unknown) => hostError(error, operation, "Can't read", printable(path));
  const writing = (error: unknown) => error;
  let source: number;
  try {
    source = openSync(from(), READ_ONLY_FILE);
  } catch (error) {
    const code = systemCode(error);
    if (code === "ELOOP") return "link";
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENXIO") return "gone";
    throw reading(error);
  }
  let sink: number | undefined;
  try {
    const before = fstatSync(source, { bigint: true });
    if (!before.isFile()) return "gone";
    sink = openSync(to(), how, 0o600);
    await data.copy(source, sink, before, { reading, writing });
    const after = fstatSync(source, { bigint: true });
    if (before.size !== after.size || before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs)
      return "changed";
    if (owner) fchownSync(sink, owner.uid, owner.gid);
    fchmodSync(sink, Number(before.mode) & 0o1777);
    futimesSync(sink, seconds(before.atimeNs), seconds(before.mtimeNs));
    return "file";
  } finally {
    closeSync(source);
    if (sink !== undefined) closeSync(sink);
  }
}
