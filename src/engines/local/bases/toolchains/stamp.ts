import { createHash, type Hash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Toolchains } from "./find.js";

/** Where versions and their libraries lie below what is shown: `toolchains/stable/lib/rustlib`. */
const DEPTH = 3;
/** Of each place. An installation is a few hundred; what is larger was changed at its top as well. */
const MOST_ENTRIES = 10_000;

/** Changes when a toolchain is installed, upgraded or chosen otherwise. Change times tell, as nobody can set them. */
export function stampOf({ shown, copies, links, path, environment }: Toolchains): string {
  const hash = createHash("sha256").update(JSON.stringify([[...path], environment, links]));
  for (const { at, from } of [...shown, ...copies]) {
    hash.update(`${at}\0`);
    addTree(hash, from, DEPTH, { left: MOST_ENTRIES });
  }
  return hash.digest("hex");
}

function addTree(hash: Hash, path: string, depth: number, budget: { left: number }): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  hash.update(`${path}\0${stat?.ino} ${stat?.ctimeMs}\n`);
  if (--budget.left < 0 || !stat?.isDirectory()) return;
  // Programs are changed in their place, too; a library's files are too many.
  const withFiles = /\/s?bin$|\/shims$/.test(path);
  for (const entry of entriesOf(path)) {
    if (withFiles || (depth > 0 && entry.isDirectory()))
      addTree(hash, join(path, entry.name), depth - 1, budget);
  }
}

function entriesOf(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
