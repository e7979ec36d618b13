import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { DataCopier } from "../../../src/files/copy-data.js";
import { copyHostFile } from "../../../src/files/copy-host-file.js";
import { Slices } from "../../../src/files/slices.js";
import { exportTree } from "../../../src/host/export.js";
import { selectTree } from "../../../src/host/selection/select.js";
import { Beneath } from "../../../src/programs/beneath.mjs";
import { listTree, rejection, temporaryDirectory } from "../../support/host-tree.js";

const onLinux = process.platform === "linux";
let root: string;
let elsewhere: string;

beforeEach(() => {
  root = temporaryDirectory();
  elsewhere = temporaryDirectory();
  for (const name of ["a", "b", "c"]) {
    fs.mkdirSync(join(root, "dir", name), { recursive: true });
    fs.writeFileSync(join(root, "dir", name, "file"), "inside");
    fs.mkdirSync(join(elsewhere, name));
    fs.writeFileSync(join(elsewhere, name, "file"), "OUTSIDE");
    fs.writeFileSync(join(elsewhere, name, "secret"), "OUTSIDE");
  }
});

/** Puts a link in the directory's place and takes it away, as fast as it can. */
function swapping(): () => void {
  const swap =
    "import os,sys\nd,o,t=sys.argv[1:]\nwhile True:\n os.rename(d,o); os.symlink(t,d); os.unlink(d); os.rename(o,d)";
  const child = spawn("python3", ["-c", swap, join(root, "dir"), join(root, "away"), elsewhere]);
  return () => child.kill("SIGKILL");
}

describe.runIf(onLinux)("a directory that is swapped for a link meanwhile", () => {
  test("leads neither an export nor a selection out", async () => {
    const stop = swapping();
    let exported = 0;
    try {
      for (let round = 0; round < 150; round++) {
        const out = join(temporaryDirectory(), "out");
        // It may stop the export; what must not be is a byte from elsewhere.
        await exportTree(root, out, {}).then(
          () => exported++,
          () => undefined,
        );
        const found = fs.existsSync(out) ? listTree(out) : [];
        expect(found.filter((path) => path.endsWith("secret"))).toEqual([]);
        for (const path of found.filter((path) => path.endsWith("file")))
          expect(fs.readFileSync(join(out, path), "utf8")).toBe("inside");
        const { entries } = await selectTree(root, {});
        expect(entries.map(({ path }) => path.toString()).filter((path) => path.endsWith("secret"))).toEqual(
          [],
        );
      }
    } finally {
      stop();
    }
    expect(exported).toBeGreaterThan(0);
  });
});

describe("a host file that is copied", () => {
  const copy = async (name: string) => {
    const tree = new Beneath(root);
    const data = new DataCopier(new Slices("refreshFromHost"));
    const to = Buffer.from(join(elsewhere, "copy"));
    try {
      return await copyHostFile(
        data,
        () => tree.place(name),
        () => to,
        undefined,
        Buffer.from(name),
      );
    } finally {
      await data.close();
      tree.close();
    }
  };

  test("and is gone by then was never there", async () => {
    expect(await copy("nothing")).toBe("gone");
    expect(await copy("dir")).toBe("gone");
    expect(fs.existsSync(join(elsewhere, "copy"))).toBe(false);
  });

  test("and became a link by then is not followed", async () => {
    fs.symlinkSync(join(elsewhere, "a/secret"), join(root, "link"));
    expect(await copy("link")).toBe("link");
    expect(fs.existsSync(join(elsewhere, "copy"))).toBe(false);
  });

  test("and keeps changing while it is read is an error that says so", async () => {
    const path = join(root, "log");
    fs.writeFileSync(path, Buffer.alloc(64 * 1024 * 1024, "x"));
    const timer = setInterval(() => fs.appendFileSync(path, "more"), 1);
    const error = await rejection(copy("log")).finally(() => clearInterval(timer));
    expect(error.message).toMatch(/log changed each of the 4 times that it was read/);
  });

  test("and changed once is read again", async () => {
    const path = join(root, "log");
    fs.writeFileSync(path, Buffer.alloc(8 * 1024 * 1024, "x"));
    setImmediate(() => fs.appendFileSync(path, "more"));
    expect(await copy("log")).toBe("file");
    expect(fs.readFileSync(join(elsewhere, "copy")).equals(fs.readFileSync(path))).toBe(true);
  });
});
