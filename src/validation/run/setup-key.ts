import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, readlink } from "node:fs/promises";
import type { ImportEntry } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { printable } from "../../files/bytes.js";
import { hostError } from "../../files/errors.js";
import { Slices } from "../../files/slices.js";
import { type SelectOptions, selectTree } from "../../host/selection/select.js";
import type { Deadline } from "./deadline.js";

/** A larger file counts by what the system says of it: reading terabytes of holes would take hours. */
const MOST_READ_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/** What besides the files a setup depends on. */
export interface SetupInputs {
  base: string;
  user: string;
  env: Readonly<Record<string, string>>;
  commands: readonly string[];
  network: string;
  caches: Readonly<Record<string, string>>;
}

/**
 * The name of a setup's snapshot in the cache: equal only where everything that goes into it is.
 *
 * @throws SandboxError TIMEOUT, ABORTED, and what selecting the files throws.
 */
export async function setupKey(
  directory: string,
  files: SelectOptions,
  deadline: Deadline,
  inputs: SetupInputs,
): Promise<string> {
  const hash = createHash("sha256");
  add(hash, "forkbox setup 2");
  add(
    hash,
    JSON.stringify([
      inputs.base,
      inputs.user,
      sorted(inputs.env),
      inputs.commands,
      inputs.network,
      sorted(inputs.caches),
    ]),
  );
  const { entries } = await selectTree(directory, { ...files, timeoutMs: deadline.left() });
  const slices = new Slices("validate", files.signal);
  const rest = async () => {
    await slices.rest();
    if (deadline.isOver) throw tooLate(directory, deadline);
  };
  for (const entry of entries) {
    if (slices.due()) await rest();
    add(hash, entry.path);
    add(hash, `${entry.type} ${entry.mode.toString(8)}`);
    const host = Buffer.concat([Buffer.from(`${directory}/`), entry.path]);
    try {
      if (entry.type === "file") add(hash, await contentOf(host, entry, rest));
      if (entry.type === "symlink") add(hash, await readlink(host, { encoding: "buffer" }));
    } catch (error) {
      throw hostError(error, "validate", "Can't read", printable(host));
    }
  }
  return `setup-${hash.digest("hex")}`;
}

function add(hash: Hash, part: string | Uint8Array): void {
  hash.update(`${part.length}:`);
  hash.update(part);
}

async function contentOf(
  host: Buffer,
  { size, stamp }: ImportEntry,
  rest: () => Promise<void>,
): Promise<string | Buffer> {
  if (size > MOST_READ_BYTES) return stamp;
  // It was a file when it was listed; opening what took its place must neither follow a link nor wait for a writer.
  await using file = await open(host, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) return "no file any more";
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(size, CHUNK_BYTES) + 1);
  // One that grows meanwhile has no end; its import sees that it changed.
  for (let read = 0; read <= size; ) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    read += bytesRead;
    if (read >= CHUNK_BYTES) await rest();
  }
  return hash.digest();
}

function tooLate(directory: string, { timeoutMs }: Deadline): SandboxError {
  const message = `validate: the files that setup needs could not be read within ${timeoutMs / 1000} s. Name fewer in setup.files, or raise its timeoutMs.`;
  return new SandboxError("TIMEOUT", message, { operation: "validate", path: directory });
}

function sorted(values: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
