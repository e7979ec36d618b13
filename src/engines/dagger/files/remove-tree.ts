import { chmod, readdir, rm } from "node:fs/promises";
import { joinBytes } from "../../../files/bytes.js";

/** Removes a directory of this user, also where parts of it are closed to their own user. */
export async function removeTree(root: string): Promise<void> {
  try {
    await rm(root, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    await open(Buffer.from(root));
    await rm(root, { recursive: true, force: true });
  }
}

async function open(directory: Buffer): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
    if (entry.isDirectory()) await open(joinBytes(directory, entry.name));
  }
}
