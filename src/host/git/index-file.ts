import type { Slices } from "../../files/slices.js";

/** No repository that people work in has as many; a candidate's may say so. */
const MOST_ENTRIES = 1_000_000;
/** Of all names together: those of version 4 are written shorter than they are. */
const MOST_NAME_BYTES = 96 * 1024 * 1024;
const LONGEST_NAME = 4096;
const HEADER_BYTES = 12;
/** Of each entry, what lies before its object's name: times, device, inode, mode, owner, size. */
const STAT_BYTES = 40;

/** git knows about ten kinds. Without a bound empty ones would be 16 million. */
const MOST_EXTENSIONS = 100;

/** What a git index names. */
export interface IndexedNames {
  /** As latin1 of their bytes, sorted. */
  names: string[];
  /** A split index: the name of the one that has the rest, in the same directory. */
  shared?: string;
}

/**
 * The names in an index of version 2, 3 or 4 (gitformat-index(5)), which a stranger may have written: they are for
 * looking up what was found, and never a path to open. Undefined for what is no such index, or is too large.
 */
export async function parseIndex(
  content: Buffer,
  hashBytes: number,
  slices: Slices,
): Promise<IndexedNames | undefined> {
  if (content.length < HEADER_BYTES + hashBytes || content.toString("latin1", 0, 4) !== "DIRC")
    return undefined;
  const version = content.readUInt32BE(4);
  const count = content.readUInt32BE(8);
  if (version < 2 || version > 4 || count > MOST_ENTRIES) return undefined;
  const end = content.length - hashBytes;
  const names: string[] = [];
  let at = HEADER_BYTES;
  let bytes = 0;
  let name = "";
  for (let entry = 0; entry < count; entry += 1) {
    if (slices.due()) await slices.rest();
    const flagsAt = at + STAT_BYTES + hashBytes;
    if (flagsAt + 2 > end) return undefined;
    let start = flagsAt + 2;
    if ((content.readUInt16BE(flagsAt) & 0x4000) !== 0) {
      if (version === 2) return undefined;
      start += 2;
    }
    let kept = "";
    if (version === 4) {
      const strip = readVariable(content, start, end);
      if (strip === undefined || strip.value > name.length) return undefined;
      kept = name.slice(0, name.length - strip.value);
      start = strip.next;
    }
    const nul = content.indexOf(0, start);
    if (nul === -1 || nul >= end || kept.length + nul - start > LONGEST_NAME) return undefined;
    const before = name;
    name = kept + content.toString("latin1", start, nul);
    bytes += name.length;
    if (bytes > MOST_NAME_BYTES) return undefined;
    // Entries that replace some of a shared index have no name.
    if (name !== "") {
      if (name < before) return undefined;
      // One that is in conflict has several.
      if (name !== before) names.push(name);
    }
    // Up to eight bytes of padding, and at least one.
    at = version === 4 ? nul + 1 : at + ((nul - at + 8) & ~7);
  }
  const shared = sharedOf(content, at, end, hashBytes);
  return { names, ...(shared !== undefined && { shared }) };
}

/** As offsets in packs are written. */
function readVariable(
  content: Buffer,
  start: number,
  end: number,
): { value: number; next: number } | undefined {
  let value = 0;
  for (let at = start; at < end && at < start + 4; at += 1) {
    const byte = content[at] as number;
    value = value * 128 + (byte & 127);
    if ((byte & 128) === 0) return { value, next: at + 1 };
    value += 1;
  }
  return undefined;
}

/** The extensions follow the entries: four letters, a length, and as many bytes. */
function sharedOf(content: Buffer, start: number, end: number, hashBytes: number): string | undefined {
  for (let at = start, seen = 0; at + 8 <= end && seen < MOST_EXTENSIONS; seen++) {
    const length = content.readUInt32BE(at + 4);
    const data = at + 8;
    if (content.toString("latin1", at, at + 4) === "link" && length >= hashBytes && data + hashBytes <= end) {
      const hash = content.toString("hex", data, data + hashBytes);
      return /^0*$/.test(hash) ? undefined : `sharedindex.${hash}`;
    }
    at = data + length;
  }
  return undefined;
}
