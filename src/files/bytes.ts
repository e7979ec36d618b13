/** Paths as bytes: a name on disk need not be UTF-8, and one that isn't must survive import and export. */

const SLASH = 0x2f;
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069\ufffd]/u;
// What HFS+ leaves out when it compares names.
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;

/** `directory/name`; a directory that already ends in a slash gets no second one. */
export function joinBytes(directory: Buffer, name: Buffer): Buffer {
  const bare = directory.length === 0 || directory[directory.length - 1] === SLASH;
  const gap = bare ? 0 : 1;
  const joined = Buffer.allocUnsafe(directory.length + gap + name.length);
  directory.copy(joined);
  if (gap === 1) joined[directory.length] = SLASH;
  name.copy(joined, directory.length + gap);
  return joined;
}

/** The parts between slashes, without empty ones. */
export function splitBytes(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = 0; end <= path.length; end += 1) {
    if (end < path.length && path[end] !== SLASH) continue;
    if (end > start) parts.push(path.subarray(start, end));
    start = end + 1;
  }
  return parts;
}

/** The last part of a path. */
export function baseName(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf(SLASH) + 1);
}

/** What is before the last part; empty for a relative path of one part, "/" for what is in the root. */
export function parentOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf(SLASH);
  return path.subarray(0, slash === 0 ? 1 : Math.max(slash, 0));
}

/**
 * A path for people: a name that comes from unreviewed code may hold terminal escapes, line breaks or bytes
 * that are no text, and those are shown as `\xNN`.
 */
export function printable(path: Buffer | string): string {
  const text = path.toString();
  if (!UNPRINTABLE.test(text)) return text;
  let shown = "";
  for (const byte of Buffer.from(path)) {
    shown +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return shown;
}

/** True for `.git` and for every spelling that some file system takes for it. */
export function isGitName(name: Buffer): boolean {
  // The short spellings cover nearly every name, and this runs once a file.
  if (name[0] !== 0x2e && (name[0] ?? 0) < 0x80 && !/^git~/i.test(name.toString("latin1", 0, 4)))
    return false;
  const folded = name.toString().replace(IGNORED_BY_HFS, "").toLowerCase();
  return /^(\.git|git~\d+)[. ]*(:.*)?$/s.test(folded);
}
