import { spawnSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { merge } from "../../src/programs/merge.mjs";
import { hostFiles } from "../support/scratch.js";

/** Links until the file system takes no more (65,000 on ext4), or beyond what ext4 takes. */
function linkToTheLimit(file: string, into: string): void {
  mkdirSync(into);
  for (let count = 0; count < 70_000; count++) {
    try {
      linkSync(file, join(into, String(count)));
    } catch (error) {
      expect(error).toMatchObject({ code: "EMLINK" });
      return;
    }
  }
}

// The trees that an overlay would show are plain directories here.
test("layers are merged when their files, and the mark of deleted ones, have all the links that they can have", async () => {
  const host = await hostFiles({
    "under/gone": "",
    "under/d/gone": "",
    "layer/full": "content",
    "layer/d/": "",
    "whole/d/": "",
    "merged/": "",
  });
  const path = (name: string) => join(host, name);
  linkSync(path("layer/full"), path("layer/again"));
  for (const name of ["full", "again"]) linkSync(path("layer/full"), path(`whole/${name}`));
  spawnSync("mknod", [path("whiteout"), "c", "0", "0"]);
  linkToTheLimit(path("layer/full"), path("links"));
  linkToTheLimit(path("whiteout"), path("whiteouts"));
  await merge({
    merged: path("merged"),
    whiteout: path("whiteout"),
    whole: path("whole"),
    under: path("under"),
    run: [path("layer")],
  });
  expect(readFileSync(path("merged/full"), "utf8")).toBe("content");
  expect(lstatSync(path("merged/again")).ino).toBe(lstatSync(path("merged/full")).ino);
  for (const name of ["merged/gone", "merged/d/gone"]) {
    const mark = lstatSync(path(name));
    expect([mark.isCharacterDevice(), mark.rdev]).toEqual([true, 0]);
  }
});
