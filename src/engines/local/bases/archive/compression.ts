import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { ArchiveError } from "./error.js";

export type Compression = "none" | "gzip" | "zstd";

const MAGIC: readonly (readonly [string, Compression | "xz" | "bzip2" | "lz4"])[] = [
  ["1f8b", "gzip"],
  ["28b52ffd", "zstd"],
  ["fd377a585a00", "xz"],
  ["425a68", "bzip2"],
  ["04224d18", "lz4"],
];

/** How something that begins with these bytes is compressed: media types and file names are not always right. */
export function compressionOf(start: Uint8Array): Compression {
  const hex = Buffer.from(start.subarray(0, 6)).toString("hex");
  const found = MAGIC.find(([magic]) => hex.startsWith(magic))?.[1] ?? "none";
  if (found === "none" || found === "gzip" || found === "zstd") return found;
  throw new ArchiveError(
    `is compressed with ${found}, which forkbox can't read: unpack it, or compress it with gzip`,
    "UNSUPPORTED",
  );
}

export async function* decompress(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const whole = (async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
  const compression = compressionOf(first.value);
  if (compression === "none") yield* whole;
  else if (compression === "zstd") yield* unzstd(whole);
  else yield* gunzip(whole);
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* pipeline(chunks, createGunzip(), () => {}); // its errors are the iteration's, too
  } catch (cause) {
    throw damaged("gzip", cause);
  }
}

// In JavaScript, since Node 20 has no zstd of its own.
async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const ready: Uint8Array[] = [];
  const stream = new Decompress((chunk) => ready.push(chunk));
  const push = (chunk: Uint8Array, last: boolean) => {
    try {
      stream.push(chunk, last);
    } catch (cause) {
      throw damaged("zstd", cause);
    }
    return ready.splice(0);
  };
  for await (const chunk of chunks) yield* push(chunk, false);
  yield* push(new Uint8Array(), true);
}

function damaged(format: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  // What reading the archive failed with is not the format's.
  if (cause instanceof ArchiveError || (code !== undefined && /^E[A-Z]+$/.test(code))) return cause;
  return new ArchiveError(`is damaged: its ${format} data can't be read (${message})`, "INVALID_ARGUMENT", {
    cause,
  });
}
