import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, type Stats, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "../../../../errors.js";
import type { Ids } from "../../holder/ids.js";
import { type CachedBase, cachedBase, draftOf, hashOf } from "../cache.js";
import type { BaseContext } from "../context.js";
import { ArchiveError } from "./error.js";
import { indexArchive } from "./files.js";
import { ImageTree } from "./image-tree.js";
import { applyLayer } from "./layer.js";
import { readManifest } from "./manifest.js";

/**
 * The file tree of an image in an OCI or docker-save archive. It is extracted once and kept in the state under
 * the archive's digest.
 *
 * Throws NOT_FOUND, NOT_A_FILE, PERMISSION, UNSUPPORTED (no image for this machine, an unknown compression), and
 * INVALID_ARGUMENT for what is no whole image, does not match its digests, or names a path outside of itself.
 */
export async function openArchive(archive: string, context: BaseContext): Promise<CachedBase> {
  const digest = await digestOf(archive, context.bases);
  return cachedBase(digest, context, (draft) => extractImage(archive, draft, context.ids));
}

/** Extracts an archive's image to `tree` of a directory. */
export async function extractImage(
  archive: string,
  draft: string,
  ids: Ids,
): Promise<{ environment: Record<string, string> }> {
  const before = stampOf(statArchive(archive));
  try {
    const files = await indexArchive(archive, draft);
    const manifest = await readManifest(files);
    const root = join(draft, "tree");
    mkdirSync(root, { mode: 0o700 });
    const tree = new ImageTree(root, ids);
    for (const layer of manifest.layers) await applyLayer(tree, files, layer);
    await files.close();
    if (stampOf(statArchive(archive)) !== before) throw new ArchiveError("changed while it was read");
    return { environment: manifest.environment };
  } catch (error) {
    throw asSandboxError(error, archive);
  }
}

/** Hashing a large archive takes seconds: while the file is the same, what it was stays true. */
async function digestOf(archive: string, bases: string): Promise<string> {
  const stamp = stampOf(statArchive(archive));
  const memo = join(bases, `${hashOf(`${archive}\0${stamp}`)}.digest`);
  const known = readMemo(memo);
  if (known) return known;
  const hash = createHash("sha256");
  try {
    const file = await open(archive);
    for await (const chunk of file.createReadStream()) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw asSandboxError(error, archive);
  }
  const digest = hash.digest("hex");
  if (stampOf(statArchive(archive)) === stamp) {
    const draft = draftOf(memo);
    writeFileSync(draft, digest);
    renameSync(draft, memo);
  }
  return digest;
}

function readMemo(memo: string): string | undefined {
  try {
    return /^[0-9a-f]{64}$/.exec(readFileSync(memo, "utf8"))?.[0];
  } catch {
    return undefined;
  }
}

function statArchive(archive: string): Stats {
  const stat = statSync(archive, { throwIfNoEntry: false });
  if (!stat)
    throw new SandboxError("NOT_FOUND", `create: the base's archive ${archive} does not exist.`, {
      operation: "create",
      path: archive,
    });
  if (!stat.isFile())
    throw new SandboxError(
      "NOT_A_FILE",
      `create: the base's archive ${archive} is not a regular file. A directory with a root file system is given as { rootfs }.`,
      { operation: "create", path: archive },
    );
  return stat;
}

function stampOf({ size, mtimeMs, ctimeMs, ino, dev }: Stats): string {
  return [size, mtimeMs, ctimeMs, ino, dev].join(" ");
}

function asSandboxError(error: unknown, archive: string): SandboxError {
  if (error instanceof SandboxError) return error;
  const details = { operation: "create", path: archive, cause: error };
  const what = `create: the base's archive ${archive}`;
  if (error instanceof ArchiveError)
    return new SandboxError(error.code, `${what} ${error.message}.`, details);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENAMETOOLONG")
    return new SandboxError(
      "INVALID_ARGUMENT",
      `${what} has a path that is too long for this machine.`,
      details,
    );
  if (code === "EACCES")
    return new SandboxError("PERMISSION", `${what} can't be read: ${message}. Make it readable.`, details);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new SandboxError(
      "LIMIT",
      `${what} can't be extracted: the disk of forkbox's state is full. Free some of it, \`forkbox prune\` does.`,
      details,
    );
  return new SandboxError("ENGINE_ERROR", `${what} could not be extracted: ${message}.`, details);
}
