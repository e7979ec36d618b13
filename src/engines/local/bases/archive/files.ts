import { createReadStream, createWriteStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { compressionOf, decompress } from "./compression.js";
import { ArchiveError } from "./error.js";
import { readTar } from "./tar.js";

/** The files in an archive, by name. */
export interface ArchiveFiles {
  has(name: string): boolean;
  /** Throws an ArchiveError where it is missing. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** The same for a small one. */
  text(name: string): Promise<string>;
  /** Removes what was decompressed for it. */
  close(): Promise<void>;
}

export const KNOWN_FORMATS =
  "forkbox reads images as `docker save`, `podman save` and `skopeo copy … oci-archive:FILE` write them";

/** More have no image; a hostile archive could fill the memory with names. */
const MAX_FILES = 100_000;
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/** Finds where each file lies in an archive. A compressed one is first decompressed into `draft`. */
export async function indexArchive(archive: string, draft: string): Promise<ArchiveFiles> {
  const plain = await decompressed(archive, draft);
  const places = new Map<string, { start: number; size: number }>();
  const links = new Map<string, string>();
  try {
    await readTar(createReadStream(plain), async ({ type, name, linkname, start, size }) => {
      if (places.size + links.size >= MAX_FILES) throw new ArchiveError("holds too many files for an image");
      const key = posix.normalize(name);
      if (type === "file") places.set(key, { start, size });
      // `docker save` did so for layers that are alike.
      if (type === "symlink") links.set(key, posix.join(posix.dirname(key), linkname));
    });
  } catch (error) {
    if (!(error instanceof ArchiveError) || places.size > 0) throw error;
    throw new ArchiveError(`is no archive of an image: ${KNOWN_FORMATS}`, "INVALID_ARGUMENT", {
      cause: error,
    });
  }
  const find = (name: string) => places.get(name) ?? places.get(links.get(name) ?? "");
  const read = (name: string): AsyncIterable<Uint8Array> => {
    const place = find(name);
    if (!place) throw new ArchiveError(`is not whole: ${name} is missing from it`);
    if (place.size === 0) return none();
    return createReadStream(plain, { start: place.start, end: place.start + place.size - 1 });
  };
  return {
    has: (name) => find(name) !== undefined,
    read,
    async text(name) {
      if ((find(name)?.size ?? 0) > MAX_TEXT_BYTES) throw new ArchiveError(`has a ${name} that is too large`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of read(name)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    async close() {
      if (plain !== archive) await rm(plain);
    },
  };
}

async function decompressed(archive: string, draft: string): Promise<string> {
  const start = Buffer.alloc(6);
  const file = await open(archive);
  try {
    await file.read(start, 0, start.length, 0);
  } finally {
    await file.close();
  }
  if (compressionOf(start) === "none") return archive;
  const plain = join(draft, "archive.tar");
  await pipeline(
    decompress(createReadStream(archive)),
    createWriteStream(plain, { flags: "wx", mode: 0o600 }),
  );
  return plain;
}

async function* none(): AsyncIterable<Uint8Array> {}
