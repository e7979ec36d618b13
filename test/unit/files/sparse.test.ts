import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { exportTree } from "../../../src/host/export.js";
import { rejection, temporaryDirectory } from "../../support/host-tree.js";

const TEBIBYTE = 1024 ** 4;
const SECRET = "s3cr3t-value-of-a-token";
let root: string;
let out: string;

beforeEach(() => {
  root = temporaryDirectory();
  out = join(temporaryDirectory(), "out");
});

function sparse(name: string, size: number, parts: Record<number, string> = {}): void {
  const file = fs.openSync(join(root, name), "w");
  fs.ftruncateSync(file, size);
  for (const [at, text] of Object.entries(parts)) fs.writeSync(file, text, Number(at));
  fs.closeSync(file);
}

/** A plain search over what is pushed. */
function leakScanner(): { push(chunk: Uint8Array): boolean } {
  let seen = "";
  return {
    push(chunk) {
      seen = seen.slice(-SECRET.length) + Buffer.from(chunk).toString("latin1");
      return seen.includes(SECRET);
    },
  };
}

describe.runIf(process.platform === "linux")("an export of sparse files", () => {
  test("skips holes, and keeps what is between and after them", async () => {
    const middle = 3 * TEBIBYTE + 12_345;
    sparse("holes", 4 * TEBIBYTE, { 0: "start", [middle]: "middle", [4 * TEBIBYTE - 3]: "end" });
    sparse("empty", 2 * TEBIBYTE);
    expect(await exportTree(root, out, {})).toMatchObject({ files: 2, bytes: 6 * TEBIBYTE });
    const file = fs.openSync(join(out, "holes"), "r");
    const at = (position: number, length: number) => {
      const buffer = Buffer.alloc(length);
      fs.readSync(file, buffer, 0, length, position);
      return buffer.toString();
    };
    expect([at(0, 5), at(middle, 6), at(4 * TEBIBYTE - 3, 3)]).toEqual(["start", "middle", "end"]);
    fs.closeSync(file);
    expect(fs.statSync(join(out, "holes")).blocks).toBeLessThanOrEqual(64);
    expect(fs.statSync(join(out, "empty"))).toMatchObject({ size: 2 * TEBIBYTE, blocks: 0 });
  });

  test("of many ranges keeps each", async () => {
    const parts = Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [i * 65_536, `part ${i}`]));
    sparse("ranges", 2500 * 65_536, parts);
    await exportTree(root, out, {});
    expect(fs.readFileSync(join(out, "ranges")).equals(fs.readFileSync(join(root, "ranges")))).toBe(true);
    expect(fs.statSync(join(out, "ranges")).blocks * 512).toBeLessThan(2500 * 3 * 4096);
  });

  test("finds a secret behind a hole, and none that only a hole parts", async () => {
    sparse("parted", TEBIBYTE, { 4085: SECRET.slice(0, 11), [TEBIBYTE / 2]: SECRET.slice(11) });
    await exportTree(root, out, { leakScanner });
    sparse("leaky", TEBIBYTE, { [TEBIBYTE / 2]: SECRET });
    const error = await rejection(exportTree(root, out, { leakScanner }));
    expect(error).toMatchObject({ code: "SECRET_LEAK", path: "leaky" });
  });

  test("is stopped by its signal", async () => {
    sparse("holes", TEBIBYTE, { 5: "text" });
    const controller = new AbortController();
    const scanner = () => ({
      push: () => {
        controller.abort("enough");
        return false;
      },
    });
    const error = await rejection(exportTree(root, out, { leakScanner: scanner, signal: controller.signal }));
    expect(error).toMatchObject({ code: "ABORTED", cause: "enough" });
    expect(fs.existsSync(out)).toBe(false);
  });
});

describe("what is too large", () => {
  test("is refused before anything is copied, with the largest files", async () => {
    sparse("holes", 3_000_000);
    fs.writeFileSync(join(root, "full"), Buffer.alloc(1_500_000, 1));
    fs.linkSync(join(root, "full"), join(root, "full too"));
    const tooLong = await rejection(exportTree(root, out, { maxBytes: 2_000_000 }));
    expect(tooLong).toMatchObject({ code: "LIMIT", path: "holes" });
    const tooMuch = await rejection(exportTree(root, out, { exclude: ["holes"], maxBytes: 1_499_999 }));
    expect(tooMuch.message).toContain("full (1500000 bytes)");
    expect(fs.existsSync(out)).toBe(false);
    await exportTree(root, out, { exclude: ["holes"], maxBytes: 1_500_000 });
    expect(fs.statSync(join(out, "full")).ino).toBe(fs.statSync(join(out, "full too")).ino);
  });
});
