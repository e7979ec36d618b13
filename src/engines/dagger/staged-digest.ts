import { createHash, type Hash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";

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
  else if (!stats.isDirectory()) put(await unlessClosed(readFile(path), new Uint8Array()));
  else {
    const names = await unlessClosed(readdir(path, { encoding: "buffer" }), []);
    for (const name of names.sort(Buffer.compare))
      await add(hash, Buffer.concat([path, Buffer.from("/"), name]));
  }
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
