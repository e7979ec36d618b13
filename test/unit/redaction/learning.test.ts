import { expect, test } from "vitest";
import { Redactor } from "../../../src/redaction/redactor.js";

const FIRST = "first-secret-value";
const SECOND = "second-secret-value";

/** Pushes a text byte by byte, and changes to a redactor that knows more before byte `at`. */
function shown(text: string, at: number, before: Redactor, after: Redactor): string {
  let stream = before.stream();
  const parts: Uint8Array[] = [];
  for (const [i, byte] of Buffer.from(text).entries()) {
    if (i === at) stream = after.stream(stream);
    parts.push(Buffer.from(stream.push(Uint8Array.of(byte))));
  }
  parts.push(Buffer.from(stream.end()));
  return Buffer.concat(parts).toString();
}

test("a stream that learns of a secret half-way shows none of those that it knew, wherever that is", () => {
  const text = `a ${FIRST} b ${SECOND} c ${Buffer.from(FIRST).toString("base64")} d`;
  const known = Redactor.of([FIRST]);
  const more = known.with([SECOND]);
  for (let at = 0; at <= text.indexOf(SECOND); at++)
    expect(shown(text, at, known, more)).toBe("a *** b *** c *** d");
  for (let at = 0; at < text.length; at++) expect(shown(text, at, known, more)).not.toContain(FIRST.slice(4));
});

test("one that knew none knows the first", () => {
  const text = `a ${FIRST} b`;
  expect(shown(text, 2, Redactor.none, Redactor.of([FIRST]))).toBe("a *** b");
});
