/** One entry of a tar that a test writes. Names are latin1 strings of their bytes, and may be as hostile as need be. */
export interface Packed {
  name: string;
  type?: "file" | "link" | "symlink" | "character-device" | "block-device" | "directory" | "fifo";
  content?: string | Buffer;
  linkname?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** In an extended header before it. Latin1 strings of bytes, too. */
  pax?: { path?: string; linkpath?: string; uid?: string; gid?: string };
  /** What the header says where that is not the content's length. */
  size?: number;
}

const FLAGS = {
  file: "0",
  link: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

/** A tar with these entries. A writer of our own, since libraries refuse to write what a hostile one holds. */
export function tarOf(entries: readonly Packed[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]);
}

function blocksOf(entry: Packed): Buffer[] {
  const {
    name,
    content = "",
    linkname = "",
    type = "file",
    mode = type === "directory" ? 0o755 : 0o644,
  } = entry;
  const data = Buffer.from(content);
  const { uid = 0, gid = 0, size = data.length } = entry;
  const header = headerOf({ flag: FLAGS[type], name, linkname, mode, uid, gid, size });
  return [
    ...extended(entry.pax),
    ...longName("L", name),
    ...longName("K", linkname),
    header,
    ...padded(data),
  ];
}

interface Fields {
  flag: string;
  name: string;
  linkname?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size: number;
}

function headerOf({ flag, name, linkname = "", mode = 0, uid = 0, gid = 0, size }: Fields): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name.slice(0, 100), 0, "latin1");
  header.write(octal(mode, 7) + octal(uid, 7) + octal(gid, 7), 100, "latin1");
  header.write(octal(size, 11) + octal(1_700_000_000, 11), 124, "latin1");
  header.write(" ".repeat(8), 148, "latin1");
  header.write(flag, 156, "latin1");
  header.write(linkname.slice(0, 100), 157, "latin1");
  header.write("ustar  \0", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** GNU's way for names over 100 bytes. */
function longName(flag: "L" | "K", name: string): Buffer[] {
  if (name.length <= 100) return [];
  const data = Buffer.from(`${name}\0`, "latin1");
  return [headerOf({ flag, name: "././@LongLink", size: data.length }), ...padded(data)];
}

/** POSIX's way. */
function extended(records: Packed["pax"] = {}): Buffer[] {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const digits = String(rest.length + String(rest.length).length).length;
    return `${rest.length + digits}${rest}`;
  });
  if (lines.length === 0) return [];
  const data = Buffer.from(lines.join(""), "latin1");
  return [headerOf({ flag: "x", name: "PaxHeaders/x", size: data.length }), ...padded(data)];
}

function padded(data: Buffer): Buffer[] {
  return [data, Buffer.alloc((512 - (data.length % 512)) % 512)];
}
