import { expect, test } from "vitest";
import { OutputLog } from "../../../src/sandbox/services/output-log.js";
import type { OutputChunk } from "../../../src/service.js";

const out = (text: string): OutputChunk => ({ stream: "stdout", text });

async function read(log: OutputLog): Promise<string> {
  let text = "";
  for await (const chunk of log.read()) text += chunk.text;
  return text;
}

test("single characters take no more memory than their bytes when nobody reads", async () => {
  const log = new OutputLog(1000);
  for (let i = 0; i < 400; i++) log.push(out("x"));
  log.end();
  expect(await read(log)).toBe("x".repeat(400));
});

test("past the limit the beginning and the end are kept, and what is missing is counted once", async () => {
  const log = new OutputLog(4000);
  const pieces = Array.from({ length: 200 }, (_, i) => `${i}:${"y".repeat(300)}\n`);
  // A reader that keeps up, so that no piece is joined to another.
  const following = read(log);
  for (const piece of pieces) {
    log.push(out(piece));
    await new Promise((resolve) => setImmediate(resolve));
  }
  log.end();
  expect(await following).toBe(pieces.join(""));
  const late = await read(log);
  expect(late.length).toBeLessThan(6000);
  expect(late.startsWith(pieces[0] as string)).toBe(true);
  expect(late.endsWith(pieces.at(-1) as string)).toBe(true);
  const [, dropped] = /\n\.\.\. (\d+) bytes dropped \.\.\.\n/.exec(late) ?? [];
  const kept = late.replace(/\n\.\.\. \d+ bytes dropped \.\.\.\n/, "").length;
  expect(Number(dropped) + kept).toBe(pieces.join("").length);
});

test("a reader that fell behind goes on after the gap", async () => {
  const log = new OutputLog(2000);
  log.push(out("first\n"));
  const reader = log.read();
  expect((await reader.next()).value).toEqual(out("first\n"));
  for (let i = 0; i < 100; i++)
    log.push({ stream: i % 2 ? "stdout" : "stderr", text: `${i} ${"z".repeat(280)}\n` });
  log.end();
  let rest = "";
  for await (const { text } of reader) rest += text;
  expect(rest).toContain("bytes dropped");
  expect(rest).toContain("99 z");
  expect(rest).not.toContain("50 z");
});
