import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { ArchiveError, shown } from "./error.js";

/** One entry of a tar. Names are latin1 strings of their bytes. */
export interface TarEntry {
  type: "file" | "link" | "symlink" | "directory" | "device" | "fifo";
  name: string;
  linkname: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: Date;
  size: number;
  /** Where its content begins in the tar. */
  start: number;
}

/**
 * Calls `take` for each entry in order; content it does not read is skipped. Throws an ArchiveError where the
 * tar is damaged or ends early.
 */
export async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  take: (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const parser = extract(OPTIONS);
  let broken: unknown;
  const feeding = pipeline(chunks, parser).catch((error: unknown) => {
    broken = error;
  });
  try {
    for await (const content of parser) {
      await take(entryOf(content.header as ParsedHeader), content as AsyncIterable<Uint8Array>);
      content.resume();
    }
  } catch (error) {
    parser.destroy();
    await feeding;
    throw asArchiveError(broken instanceof ArchiveError ? broken : error);
  }
  await feeding;
  if (broken !== undefined) throw asArchiveError(broken);
}

// Its types leave these out. Old tars have no magic; that their checksums are right is asked all the same.
const OPTIONS = { filenameEncoding: "latin1", allowUnknownFormat: true } as Parameters<typeof extract>[0];

/** What its types leave out, too. */
interface ParsedHeader extends Header {
  byteOffset: number;
  pax: Record<string, string> | null;
}

const TYPES: Readonly<Record<string, TarEntry["type"]>> = {
  file: "file",
  "contiguous-file": "file",
  link: "link",
  symlink: "symlink",
  directory: "directory",
  "character-device": "device",
  "block-device": "device",
  fifo: "fifo",
};

function entryOf(header: ParsedHeader): TarEntry {
  const { pax, name, mode, mtime, size } = header;
  const linkname: string = header.linkname ?? ""; // null where there is none
  const type = TYPES[header.type];
  const sparse = Object.keys(pax ?? {}).some((key) => key.startsWith("GNU.sparse."));
  if (!type || sparse)
    throw new ArchiveError(`holds an entry of a kind that images don't have: ${shown(name)}`, "UNSUPPORTED");
  return {
    type,
    name: pax?.path ? extended(name) : name,
    linkname: pax?.linkpath ? extended(linkname) : linkname,
    mode,
    uid: Number(pax?.uid ?? header.uid),
    gid: Number(pax?.gid ?? header.gid),
    mtime,
    size,
    start: header.byteOffset,
  };
}

/** A name from an extended header. tar-stream reads those as UTF-8, and puts U+FFFD for other bytes. */
function extended(name: string): string {
  const bytes = Buffer.from(name).toString("latin1");
  if (!name.includes("\uFFFD")) return bytes;
  const why = "holds a name that is not UTF-8 in an extended header, which is not supported";
  throw new ArchiveError(`${why}: ${shown(bytes)}. Rename the file in the image`, "UNSUPPORTED");
}

function asArchiveError(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  // tar-stream's own errors have no code; those of the file system, and bugs, are not the archive's fault.
  if (error instanceof ArchiveError || code !== undefined || error instanceof TypeError) return error;
  return new ArchiveError(`is damaged: ${message}`, "INVALID_ARGUMENT", { cause: error });
}
