import { expect, test } from "vitest";
import { LineMatcher } from "../../../src/sandbox/services/line-matcher.js";
import { expectThrow } from "../../support/errors.js";

test("a line that comes in pieces is one line, and a prompt needs no end", () => {
  const matcher = new LineMatcher(/^listening on \d+$/, "start");
  expect(matcher.push("noise\nliste")).toBe(false);
  expect(matcher.push("ning on ")).toBe(false);
  expect(matcher.push("80")).toBe(true);
});

test("of a line without an end only its beginning is looked at", () => {
  const matcher = new LineMatcher(/end/, "start");
  for (let i = 0; i < 1000; i++) expect(matcher.push("x".repeat(10_000))).toBe(false);
  expect(matcher.push("end\n")).toBe(false);
  expect(matcher.push("end\n")).toBe(true);
});

test("a pattern that would take for ever is LIMIT", () => {
  const matcher = new LineMatcher(/^(\w+\s?)*$/, "start");
  expectThrow(() => matcher.push(`${"word ".repeat(800)}!`), "LIMIT");
});
