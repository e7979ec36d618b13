import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Document, LineCounter } from "yaml";
import { readCandidateFile } from "./candidate-file.js";
import { invalid } from "./invalid.js";
import { parseYaml, repeatedKey } from "./yaml-document.js";

/** Larger ones take a parser of YAML too long: it can't be interrupted. */
const MOST_CONFIG_BYTES = 16 * 1024;

export type ConfigPath = readonly (string | number)[];

/** A config as it was written, with where each part of it stands. */
export interface ConfigSource {
  value: unknown;
  /** Its file; left out for an object of the library's caller. */
  file?: string;
  /** "forkbox.yaml:7", for messages. */
  at(path: ConfigPath): string;
}

/** The config a candidate brings: `forkbox.yaml`, else the `forkbox` key of its package.json. */
export async function candidateConfig(directory: string): Promise<ConfigSource | undefined> {
  const file = join(directory, "forkbox.yaml");
  const text = await readCandidateFile(file, MOST_CONFIG_BYTES);
  if (text !== undefined) return parse(text, file, []);
  const manifest = join(directory, "package.json");
  const json = await readCandidateFile(manifest);
  // Parsed as YAML, of which JSON is a part, for line numbers and repeated keys; only where it has to be.
  if (json?.includes('"forkbox"') !== true || !hasKey(json, manifest)) return undefined;
  if (json.length > MOST_CONFIG_BYTES) {
    const most = `at most ${MOST_CONFIG_BYTES} are read for its forkbox key`;
    throw invalid(`${manifest} has ${json.length} bytes; ${most}. Use a forkbox.yaml.`, { path: manifest });
  }
  return parse(json, manifest, ["forkbox"]);
}

/** The config file an operator names. */
export async function operatorConfig(file: string): Promise<ConfigSource> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`can't read the config ${file}: ${reason}`, { path: file, cause });
  }
  return parse(text, file, []);
}

export function givenConfig(value: unknown): ConfigSource {
  return {
    value,
    at: (path) => (path.length === 0 ? "the given config" : `the given config's ${path.join(".")}`),
  };
}

async function parse(text: string, file: string, root: ConfigPath): Promise<ConfigSource> {
  const { document, lines } = await parseYaml(text, file);
  const at = (path: ConfigPath) => `${file}${lineOf(document, lines, [...root, ...path])}`;
  const [error] = document.errors.filter((found) => isInside(found.pos[0], document, root));
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    throw invalid(`${file}:${line}: ${error.message}`, { path: file, cause: error });
  }
  const repeated = repeatedKey(document.getIn(root, true));
  if (repeated !== undefined) {
    const { line } = lines.linePos(repeated);
    throw invalid(`${file}:${line}: this name is already taken`, { path: file });
  }
  try {
    return { value: root.reduce(child, document.toJS() as unknown), file, at };
  } catch (cause) {
    throw invalid(`${file}: ${cause instanceof Error ? cause.message : cause}`, { path: file, cause });
  }
}

/** The line of a key, or "" where it can't be told. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: ConfigPath): string {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const offset = keyOffset(parent, path[length - 1]);
    if (offset !== undefined) return `:${lines.linePos(offset).line}`;
  }
  return "";
}

function keyOffset(parent: unknown, key: string | number | undefined): number | undefined {
  if (typeof parent !== "object" || parent === null || !("items" in parent)) return undefined;
  for (const [index, item] of (parent.items as unknown[]).entries()) {
    const key_ = (item as { key?: { value?: unknown; range?: [number, ...number[]] } }).key;
    const node = key_ ?? (item as { range?: [number, ...number[]] });
    if (key_ === undefined ? index === key : String(key_.value) === String(key)) return node.range?.[0];
  }
  return undefined;
}

function isInside(offset: number, document: Document.Parsed, root: ConfigPath): boolean {
  if (root.length === 0) return true;
  const range = (document.getIn(root, true) as { range?: [number, number, number] } | undefined)?.range;
  return range === undefined || (offset >= range[0] && offset <= range[2]);
}

function child(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function hasKey(json: string, file: string): boolean {
  try {
    return child(JSON.parse(json) as unknown, "forkbox") !== undefined;
  } catch (cause) {
    throw invalid(`${file} is not valid JSON: ${cause instanceof Error ? cause.message : cause}`, {
      path: file,
      cause,
    });
  }
}
