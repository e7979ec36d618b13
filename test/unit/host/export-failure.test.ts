import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { exportTree } from "../../../src/host/export.js";
import { temporaryName } from "../../../src/host/staging.js";
import { listTree, rejection, temporaryDirectory } from "../../support/host-tree.js";

const SECRET = "s3cr3t-value-of-a-token";
let root: string;
let host: string;
let out: string;

beforeEach(() => {
  root = temporaryDirectory();
  host = temporaryDirectory();
  out = join(host, "out");
});

/** A plain search that keeps the end of the last chunk. */
function leakScanner(): { push(chunk: Uint8Array): boolean } {
  let seen = "";
  let found = false;
  return {
    push(chunk) {
      seen = seen.slice(-SECRET.length) + Buffer.from(chunk).toString("latin1");
      found ||= seen.includes(SECRET);
      return found;
    },
  };
}

function manyFiles(count: number): void {
  for (let index = 0; index < count; index += 1)
    fs.writeFileSync(join(root, `file-${index}`), "x".repeat(1000));
}

describe("an aborted export", () => {
  test.each([false, true])("leaves a directory that was there as it was (replace: %s)", async (replace) => {
    manyFiles(4000);
    fs.mkdirSync(out);
    fs.writeFileSync(join(out, "file-1"), "old");
    const controller = new AbortController();
    let scans = 0;
    const abortingScanner = (): { push(): boolean } => {
      scans += 1;
      if (scans === 100) controller.abort(new Error("enough"));
      return { push: () => false };
    };
    const options = { replace, signal: controller.signal, leakScanner: abortingScanner };
    const error = await rejection(exportTree(root, out, options));
    expect(error).toMatchObject({ code: "ABORTED", cause: new Error("enough") });
    expect(listTree(host)).toEqual(["out", "out/file-1"]);
    expect(fs.readFileSync(join(out, "file-1"), "utf8")).toBe("old");
  });
});

describe("a full disk", () => {
  test("is LIMIT naming the host, and leaves nothing", async (context) => {
    fs.mkdirSync(out);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", out], { stdio: "pipe" });
    } catch (error) {
      return context.skip(`can't mount a small tmpfs here: ${String(error)}`);
    }
    try {
      fs.writeFileSync(join(out, "old"), "old");
      fs.writeFileSync(join(root, "big"), Buffer.alloc(1024 * 1024, 1));
      for (const [place, replace] of [
        [out, false],
        [join(out, "new/place"), false],
        [out, true],
      ] as const) {
        const error = await rejection(exportTree(root, place, { replace }));
        expect(error.code).toBe("LIMIT");
        expect(error.message).toContain(out);
        expect(listTree(out)).toEqual(["old"]);
      }
      fs.rmSync(join(root, "big"));
      fs.writeFileSync(join(root, "small"), "fits");
      await exportTree(root, out, { replace: true });
      expect(listTree(out)).toEqual(["small"]);
    } finally {
      execFileSync("umount", [out]);
    }
  });
});

describe("another file system below the target", () => {
  test("is merged into like any directory", async (context) => {
    const mounted = join(out, "mounted");
    fs.mkdirSync(mounted, { recursive: true });
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], { stdio: "pipe" });
    } catch (error) {
      return context.skip(`can't mount a tmpfs here: ${String(error)}`);
    }
    try {
      fs.mkdirSync(join(mounted, "there"));
      fs.writeFileSync(join(mounted, "file"), "old");
      fs.mkdirSync(join(root, "mounted/there/deeper"), { recursive: true });
      fs.writeFileSync(join(root, "mounted/file"), "new");
      fs.writeFileSync(join(root, "mounted/there/deeper/file"), "new");
      fs.symlinkSync("there/deeper/file", join(root, "mounted/link"));
      await exportTree(root, out, {});
      expect(listTree(mounted)).toEqual(["file", "link", "there", "there/deeper", "there/deeper/file"]);
      expect(fs.readFileSync(join(mounted, "link"), "utf8")).toBe("new");
      expect(fs.readFileSync(join(mounted, "file"), "utf8")).toBe("new");
    } finally {
      execFileSync("umount", [mounted]);
    }
  });
});

describe("a directory that can't be written", () => {
  test("is PERMISSION before anything is written", async (context) => {
    if (process.geteuid?.() === 0) return context.skip("root may write everywhere");
    fs.mkdirSync(join(out, "locked"), { recursive: true });
    fs.chmodSync(join(out, "locked"), 0o555);
    fs.mkdirSync(join(root, "locked"));
    fs.writeFileSync(join(root, "a"), "new");
    fs.writeFileSync(join(root, "locked/b"), "new");
    const error = await rejection(exportTree(root, out, {}));
    expect(error).toMatchObject({ code: "PERMISSION", path: join(out, "locked") });
    expect(listTree(out)).toEqual(["locked"]);
  });
});

describe("a secret", () => {
  test.each([0, 1024 * 1024 - 5, 3 * 1024 * 1024])(
    "in content at byte %i fails the export, which writes nothing",
    async (at) => {
      fs.mkdirSync(join(root, "dir"));
      fs.writeFileSync(join(root, "dir/leaky"), Buffer.concat([Buffer.alloc(at, "y"), Buffer.from(SECRET)]));
      fs.writeFileSync(join(root, "clean"), "fine");
      const error = await rejection(exportTree(root, out, { leakScanner }));
      expect(error).toMatchObject({ code: "SECRET_LEAK", path: "dir/leaky" });
      expect(listTree(host)).toEqual([]);
      const { files } = await exportTree(root, out, { leakScanner, allowSecrets: true });
      expect(files).toBe(2);
    },
  );

  test("in a file that the host has already fails the export too", async () => {
    fs.writeFileSync(join(root, "leaky"), SECRET);
    await exportTree(root, out, {});
    expect((await rejection(exportTree(root, out, { leakScanner }))).code).toBe("SECRET_LEAK");
  });

  test("in a name or the target of a link fails the export, whose message does not hold it", async () => {
    const [start, end] = [SECRET.slice(0, 8), SECRET.slice(8)];
    fs.mkdirSync(join(root, "a", SECRET), { recursive: true });
    fs.writeFileSync(join(root, "a", SECRET, "below"), "");
    fs.symlinkSync(SECRET, join(root, "link"));
    fs.writeFileSync(join(root, `b-${start}`), "");
    fs.writeFileSync(join(root, `${end}-c`), "");
    const error = await rejection(exportTree(root, out, { leakScanner }));
    expect(error).toMatchObject({ code: "SECRET_LEAK", path: "the top directory" });
    expect(error.message).toContain("names in the top directory, a.");
    expect(error.message).not.toContain(SECRET);
    expect(listTree(host)).toEqual([]);
  });
});

describe("temporaries", () => {
  test("of a killed export are removed by the next one, those of a running one and other files stay", async () => {
    const [alive, own] = [temporaryName(), temporaryName()];
    const killed = own.replace(/-(\d+)-(?=[0-9a-f]+$)/, "-1-");
    const elsewhere = own.replace(/export-[0-9a-f]+/, "export-00000000");
    for (const directory of [out, host]) {
      for (const name of [alive, killed, elsewhere, ".forkbox-export-notes"]) {
        fs.mkdirSync(join(directory, name, "tree"), { recursive: true });
      }
    }
    fs.writeFileSync(join(root, "file"), "new");
    await exportTree(root, out, {});
    await exportTree(root, join(host, "fresh"), {});
    const kept = [alive, elsewhere, ".forkbox-export-notes"].sort();
    expect(fs.readdirSync(out).sort()).toEqual([...kept, "file"].sort());
    expect(fs.readdirSync(host).sort()).toEqual([...kept, "fresh", "out"].sort());
  });

  test("a name in the sandbox that looks like one is not exported", async () => {
    fs.mkdirSync(join(root, temporaryName()));
    expect((await exportTree(root, out, {})).skipped).toHaveLength(1);
    expect(listTree(out)).toEqual([]);
  });
});
