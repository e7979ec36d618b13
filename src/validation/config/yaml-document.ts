import type { Document, LineCounter } from "yaml";
import { Slices } from "../../files/slices.js";
import { invalid } from "./invalid.js";

/** Deeper than any config is. The parser takes hours for a few kilobytes of `? ? ? ?`. */
const MOST_DEPTH = 50;

/**
 * A document of YAML that nobody has reviewed, with the lines of its parts. Repeated keys are left to
 * {@link repeatedKey}: the parser compares each key with every other one.
 *
 * @throws SandboxError INVALID_ARGUMENT for one that is nested too deep.
 */
export async function parseYaml(
  text: string,
  file: string,
): Promise<{ document: Document.Parsed; lines: LineCounter }> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const parser = new yaml.Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens = [];
  const slices = new Slices("validate");
  for (const lexeme of new yaml.Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type === "error") {
        throw invalid(`${file}:${lines.linePos(token.offset).line}: ${token.message}`, { path: file });
      }
      tokens.push(token);
    }
    if (parser.stack.length > 2 * MOST_DEPTH) {
      const { line } = lines.linePos(parser.offset);
      throw invalid(`${file}:${line}: it is nested too deep, in more than ${MOST_DEPTH} levels`, {
        path: file,
      });
    }
    if (slices.due()) await slices.rest();
  }
  for (const token of parser.end()) tokens.push(token);
  await slices.rest();
  const composer = new yaml.Composer({ uniqueKeys: false });
  const documents = [];
  for (const token of tokens) {
    documents.push(...composer.next(token));
    if (slices.due()) await slices.rest();
  }
  documents.push(...composer.end(true, text.length));
  const [document, second] = documents;
  // The composer gives one for an empty text, too.
  if (document === undefined || second !== undefined) {
    throw invalid(`${file}: it has several documents; a config is one`, { path: file });
  }
  return { document: document as Document.Parsed, lines };
}

/** Where a key stands that its map has already, somewhere in a node. */
export function repeatedKey(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("items" in node)) return undefined;
  const names = new Set<string>();
  for (const item of node.items as { key?: Keyed; value?: unknown }[]) {
    const { key } = item;
    const name = key?.value;
    if (typeof name === "string" || typeof name === "number") {
      if (names.has(String(name))) return key?.range?.[0];
      names.add(String(name));
    }
    const below = repeatedKey(key === undefined ? item : item.value);
    if (below !== undefined) return below;
  }
  return undefined;
}

interface Keyed {
  value?: unknown;
  range?: [number, ...number[]];
}
