import { createHash, type Hash } from "node:crypto";
import { decompress } from "./compression.js";
import { ArchiveError, shown } from "./error.js";
import type { ArchiveFiles } from "./files.js";
import type { ImageTree } from "./image-tree.js";
import { algorithmOf, type Layer, requireDigest } from "./manifest.js";
import { readTar, type TarEntry } from "./tar.js";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** Several times what the largest images have. What a layer brings is remembered until its end. */
const MAX_ENTRIES = 5_000_000;

/** Puts one layer on what lower ones left in a tree, as the OCI image specification says. */
export async function applyLayer(tree: ImageTree, files: ArchiveFiles, layer: Layer): Promise<void> {
  const checks = [layer.digest, layer.contentDigest].map((digest) => ({
    digest,
    hash: createHash(algorithmOf(digest ?? "sha256:")),
  }));
  const [file, content] = checks as [(typeof checks)[0], (typeof checks)[0]];
  tree.beginLayer();
  await readTar(hashed(decompress(hashed(files.read(layer.name), file.hash)), content.hash), (entry, data) =>
    applyEntry(tree, entry, data),
  );
  tree.endLayer();
  for (const { digest, hash } of checks) if (digest) requireDigest(layer.name, digest, hash.digest("hex"));
}

async function applyEntry(
  tree: ImageTree,
  entry: TarEntry,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (++tree.entries > MAX_ENTRIES) throw new ArchiveError(`has more than ${MAX_ENTRIES} files`);
  const parts = partsOf(entry.name);
  const name = parts.at(-1);
  const parent = parts.slice(0, -1);
  if (name === OPAQUE) return tree.hideChildren(parent);
  if (parts.some((part) => part.startsWith(`${WHITEOUT}${WHITEOUT}`))) return; // aufs kept its own records so
  if (name?.startsWith(WHITEOUT)) return tree.hide([...parent, ...whitedOut(name)]);
  switch (entry.type) {
    case "directory":
      return tree.addDirectory(parts, entry);
    case "file":
      return tree.addFile(parts, entry, content);
    case "symlink":
      return tree.addSymlink(parts, entry);
    case "link":
      return tree.addLink(parts, partsOf(entry.linkname));
    // An image's devices are of no use: every command has a /dev of its own.
    case "device":
    case "fifo":
      return;
  }
}

/** A path in the image: absolute names start at its root, and none may lead out. */
function partsOf(name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || name.includes("\0"))
    throw new ArchiveError(`is not safe to extract: it names the path ${shown(name)}`);
  return parts;
}

function whitedOut(name: string): string[] {
  const parts = partsOf(name.slice(WHITEOUT.length));
  if (parts.length === 1) return parts;
  throw new ArchiveError(`is damaged: the whiteout ${shown(name)} names nothing`);
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
