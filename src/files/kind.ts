import type { BigIntStats, Stats } from "node:fs";

export type Kind = "file" | "directory" | "symlink" | "other";

export function kindOf(stat: Stats | BigIntStats): Kind {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "symlink" : "other";
}
