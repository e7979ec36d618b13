import { expect, test } from "vitest";
import { duration, size, table, width } from "../../../src/cli/view/format.js";
import {
  HarmlessStream,
  harmless,
  harmlessValue,
  hasColors,
  jsonText,
  oneLine,
} from "../../../src/cli/view/terminal.js";

const esc = "\u001b";

const hostile: [string, string, string][] = [
  ["clears the screen", `a${esc}[2J${esc}[Hb`, "ab"],
  ["sets the window's title", `a${esc}]0;pwned\u0007b`, "ab"],
  ["writes the clipboard", `a${esc}]52;c;cm0gLXJm${esc}\\b`, "ab"],
  ["colours what comes after", `${esc}[31mred`, "red"],
  ["asks the terminal to answer", `a${esc}[6n${esc}[cb`, "ab"],
  ["overwrites its line", "passed\rfailed", "passed\nfailed"],
  ["rings and deletes", "a\u0007b\u0008c\u007fd", "abcd"],
  ["uses one-byte controls", "a\u009b2Jb\u0090c", "abc"],
  ["turns its text around", "a\u202egnp.exe\u2066b", "agnp.exeb"],
  ["hides a NUL", "a\u0000b", "ab"],
];

test.each(hostile)("output that %s is shown as plain text", (_, text, shown) => {
  expect(harmless(text)).toBe(shown);
});

test("line ends, tabs as spaces, wide and combined characters stay", () => {
  expect(harmless("a\r\nb\tc\n日本 e\u0301 👩‍👩‍👧\n")).toBe("a\nb    c\n日本 e\u0301 👩‍👩‍👧\n");
});

test("a sequence that is split over chunks is taken out whole, wherever it is cut", () => {
  const text = `one${esc}[31mtwo${esc}]0;title\u0007three\r\nfour`;
  for (let cut = 0; cut <= text.length; cut++) {
    const stream = new HarmlessStream();
    const shown = stream.push(text.slice(0, cut)) + stream.push(text.slice(cut)) + stream.flush();
    expect(shown, `cut at ${cut}`).toBe("onetwothree\nfour");
  }
});

test("a sequence that never ends holds back little, and never reaches the terminal", () => {
  const stream = new HarmlessStream();
  const shown = stream.push(`a${esc}]0;`) + stream.push("x".repeat(10_000)) + stream.flush();
  expect(shown).not.toContain(esc);
  expect(shown.length).toBeGreaterThan(9000);
});

test("names are one line", () => {
  expect(oneLine(` a\n${esc}[1A b `)).toBe("a b");
});

test("all text in a report is made harmless, and nothing else is touched", () => {
  const report = { name: `${esc}[2Jx`, list: [`\u0007y`, 3, null], nested: { on: true } };
  expect(harmlessValue(report)).toEqual({ name: "x", list: ["y", 3, null], nested: { on: true } });
});

test("JSON means the same after its control characters were escaped", () => {
  const value = { text: `${esc}[2J\u009b\u202e\u007f é` };
  expect(JSON.parse(jsonText(value))).toEqual(value);
  expect(harmless(jsonText(value))).toBe(jsonText(value));
});

test.each([
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: "1" }, true, false],
  [{ NO_COLOR: "" }, true, true],
  [{ FORCE_COLOR: "1" }, false, true],
  [{ FORCE_COLOR: "0" }, true, false],
  [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
  [{ TERM: "dumb" }, true, false],
])("with %o and a terminal %s, colours are %s", (env, isTTY, expected) => {
  expect(hasColors({ isTTY, write: () => true }, env)).toBe(expected);
});

test("times and sizes are short, and grow units where the next one begins", () => {
  expect([0, 440, 59_900, 59_999, 125_000, 3_725_000].map(duration)).toEqual([
    "0.0s",
    "0.4s",
    "59.9s",
    "1m 00s",
    "2m 05s",
    "1h 02m",
  ]);
  expect([0, 1023, 1024, 1_048_575, 1.5 * 1024 ** 3].map(size)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.0 MiB",
    "1.5 GiB",
  ]);
});

test("columns are aligned by what a terminal shows", () => {
  const lines = table([
    ["日本", "1"],
    ["a", "2"],
  ]);
  expect(lines.map((line) => width(line.slice(0, -1)))).toEqual([6, 6]);
});
