/** What a file is by its content; its name is the word of who wrote it. */
export type Sniffed = { kind: "image"; type: string } | { kind: "text" } | { kind: "other" };

/** A picture with more takes a browser's memory, however few bytes it is packed in. */
const MOST_PIXELS = 16_000_000;

/** `start` has the first bytes of it, 64 KiB where there are as many. SVG is text: it can hold scripts. */
export function sniff(start: Buffer): Sniffed {
  const image = imageOf(start);
  if (image !== undefined) {
    const pixels = image.width * image.height;
    return pixels > 0 && pixels <= MOST_PIXELS ? { kind: "image", type: image.type } : { kind: "other" };
  }
  return isText(start) ? { kind: "text" } : { kind: "other" };
}

interface Size {
  type: string;
  width: number;
  height: number;
}

function imageOf(bytes: Buffer): Size | undefined {
  const latin1 = bytes.toString("latin1", 0, 16);
  if (bytes.length < 30) return undefined;
  if (latin1.startsWith("\x89PNG\r\n\x1a\n"))
    return { type: "image/png", width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  if (latin1.startsWith("GIF87a") || latin1.startsWith("GIF89a"))
    return { type: "image/gif", width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (latin1.startsWith("\xff\xd8\xff")) return jpeg(bytes);
  if (latin1.startsWith("RIFF") && latin1.startsWith("WEBP", 8)) return webp(bytes);
  return undefined;
}

/** Its size is in the first frame, after segments that each say their length. */
function jpeg(bytes: Buffer): Size {
  const type = "image/jpeg";
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { type, height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
  }
  return { type, width: 0, height: 0 };
}

function webp(bytes: Buffer): Size {
  const type = "image/webp";
  const format = bytes.toString("latin1", 12, 16);
  if (format === "VP8X")
    return { type, width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
  if (format === "VP8L") {
    const bits = bytes.readUInt32LE(21);
    return { type, width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
  if (format === "VP8 ")
    return { type, width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
  return { type, width: 0, height: 0 };
}

function isText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  try {
    // A character may be cut at the end of what was read.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
