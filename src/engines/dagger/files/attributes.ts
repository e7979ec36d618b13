import { SYSTEM_PATH } from "../commands/scripts.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Attributes } from "../snapshots/attributes.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";

/** A line a path: type and mode in hex, owner, and the number of the path. */
const SCRIPT = `${SYSTEM_PATH}
i=0; for path; do stat -c "%f %u:%g $i" "$path"; i=$((i + 1)); done 2>/dev/null`;
const TYPE_BITS = 0xf000;
const DIRECTORY = 0x4000;

/** Attributes of directories that are there: those that are known, and the others from a small command. */
export async function attributesOf(
  from: DaggerSnapshot,
  directories: readonly string[],
  asked: QueryOptions,
): Promise<Map<string, Attributes>> {
  const unknown = directories.filter((path) => !from.known.has(path));
  const learned = unknown.length === 0 ? new Map<string, Attributes>() : await ask(from, unknown, asked);
  return new Map([...from.known, ...learned]);
}

async function ask(
  from: DaggerSnapshot,
  paths: readonly string[],
  asked: QueryOptions,
): Promise<Map<string, Attributes>> {
  const { workspace, container } = from;
  const steps = [
    workspace.container(container),
    call("withExec", { args: ["/bin/sh", "-c", SCRIPT, "attributes", ...paths], noInit: true }),
  ];
  const { stdout } = await workspace.session.run<{ stdout: string }>(steps, "stdout", asked);
  return new Map(
    [
      ...readAttributes(
        stdout,
        paths.map((_, index) => String(index)),
      ),
    ].map(([index, attributes]) => [paths[Number(index)] as string, attributes]),
  );
}

/** Directories by what the third word of their line says, which must be one of those that were asked about. */
export function readAttributes(text: string, asked: Iterable<string>): Map<string, Attributes> {
  const keys = new Set(asked);
  const known = new Map<string, Attributes>();
  for (const line of text.split("\n")) {
    const [raw, owner, key] = line.split(" ");
    const mode = Number.parseInt(raw ?? "", 16);
    if (owner && key && keys.has(key) && (mode & TYPE_BITS) === DIRECTORY)
      known.set(key, { mode: mode & 0o7777, owner });
  }
  return known;
}
