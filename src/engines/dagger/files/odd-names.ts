import { randomBytes } from "node:crypto";
import type { Entry } from "../../../engine.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { printed } from "./printed.js";

/** list DIRECTORY MARK: before each name its mark, type and mode in hex, and size. Some hundred names a program. */
const LIST = `cd "$1" || exit 1
mark=$2
shift 2
for path in ./* ./.*; do
  case $path in ./. | ./..) continue ;; esac
  [ -e "$path" ] || [ -L "$path" ] || continue
  set -- "$@" "$path"
  [ $# -lt 200 ] || { stat -c "$mark %f %s %n" "$@"; set --; }
done
[ $# = 0 ] || stat -c "$mark %f %s %n" "$@"`;
const TYPES: Readonly<Record<number, Entry["type"]>> = { 4: "directory", 8: "file", 10: "symlink" };

/** Whether the engine said another name than the true one: it replaces what is not UTF-8. */
export function isOdd(name: string): boolean {
  return name.includes("\ufffd");
}

/** The entries of a directory whose names are not UTF-8, which the engine can't be asked about. */
export async function oddEntries(
  from: DaggerSnapshot,
  directory: string,
  asked: QueryOptions,
): Promise<Entry[]> {
  // No name can have it in it.
  const mark = randomBytes(9).toString("base64url");
  const list = (await printed(from, LIST, [directory, mark], asked)).toString();
  return list
    .split(`${mark} `)
    .slice(1)
    .map(readEntry)
    .filter(({ name }) => isOdd(name));
}

function readEntry(text: string): Entry {
  const [raw = "", size = "", ...name] = text.split(" ");
  const mode = Number.parseInt(raw, 16);
  return {
    name: name.join(" ").slice("./".length, -"\n".length),
    type: TYPES[mode >> 12] ?? "other",
    size: Number(size),
    mode: mode & 0o7777,
  };
}
