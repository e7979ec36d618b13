import { describe, expect, it } from "vitest";
import { CappedOutput } from "../../../src/engines/output.js";

function cap(limit: number, chunks: readonly string[]) {
  const output = new CappedOutput(limit);
  for (const chunk of chunks) output.push(Buffer.from(chunk));
  const { head, tail, droppedBytes } = output.result();
  return { head: Buffer.from(head).toString(), tail: Buffer.from(tail).toString(), droppedBytes };
}

describe("capped output", () => {
  it("keeps everything up to the limit in the head", () => {
    expect(cap(10, [])).toEqual({ head: "", tail: "", droppedBytes: 0 });
    expect(cap(10, ["0123", "456789"])).toEqual({ head: "0123456789", tail: "", droppedBytes: 0 });
  });

  it("keeps head and tail and counts the middle", () => {
    expect(cap(4, ["0123456789"])).toEqual({ head: "01", tail: "89", droppedBytes: 6 });
    expect(cap(5, ["01234", "5"])).toEqual({ head: "012", tail: "45", droppedBytes: 1 });
    expect(cap(1, ["012"])).toEqual({ head: "0", tail: "", droppedBytes: 2 });
  });

  it("gives the same result however the stream was split", () => {
    const text = Array.from({ length: 500 }, (_, i) => String.fromCharCode(33 + (i % 90))).join("");
    for (let length = 0; length <= text.length; length += 7) {
      for (const limit of [1, 2, 3, 8, 31, 64, 499]) {
        const whole = text.slice(0, length);
        const headLength = length <= limit ? length : Math.ceil(limit / 2);
        const tailLength = length <= limit ? 0 : Math.floor(limit / 2);
        const expected = {
          head: whole.slice(0, headLength),
          tail: tailLength === 0 ? "" : whole.slice(-tailLength),
          droppedBytes: length - headLength - tailLength,
        };
        for (const size of [1, 5, 64, 1000]) {
          const chunks: string[] = [];
          for (let at = 0; at < length; at += size) chunks.push(whole.slice(at, at + size));
          expect(cap(limit, chunks)).toEqual(expected);
        }
      }
    }
  });

  it("holds no more memory than the limit, whatever is pushed", () => {
    const output = new CappedOutput(64 * 1024);
    const chunk = Buffer.alloc(60_001, "x");
    for (let i = 0; i < 2_000; i++) output.push(chunk);
    const { head, tail, droppedBytes } = output.result();
    expect(head.length + tail.length).toBe(64 * 1024);
    expect(head.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
    expect(droppedBytes).toBe(2_000 * 60_001 - 64 * 1024);
  });
});
