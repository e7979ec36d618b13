import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { joinBytes } from "../../../files/bytes.js";

/** A digest of all that lies at host paths, mode bits included. Rejects when one is gone. */
export async function stagedDigest(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) await add(hash, Buffer.from(path));
  return hash.digest("hex");
}

async function add(hash: Hash, path: Buffer): Promise<void> {
  const stats = await lstat(path);
  const put = (part: Uint8Array) => hash.update(`${part.length}:`).update(part);
  put(path);
  hash.update(`${stats.mode}:`);
  if (stats.isSymbolicLink()) put(await readlink(path, { encoding: "buffer" }));
  else if (!stats.isDirectory()) {
    hash.update(`${stats.size}:`);
    await unlessClosed(addContent(hash, path), undefined);
  } else {
    const names = await unlessClosed(readdir(path, { encoding: "buffer" }), []);
    for (const name of names.sort(Buffer.compare)) await add(hash, joinBytes(path, name));
  }
}

/** Of any length: at once no more than 2 GiB could be read. */
async function addContent(hash: Hash, path: Buffer): Promise<void> {
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
}

/** A mode can close a directory to its own owner, who then can't change what is in it by mistake either. */
async function unlessClosed<T>(reading: Promise<T>, closed: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return closed;
    throw error;
  }
}
