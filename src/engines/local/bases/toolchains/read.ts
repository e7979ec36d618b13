import { readdirSync, readFileSync } from "node:fs";

/** A small file of a toolchain's; empty where there is none, or none for us. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** None of what is no directory, or not for us. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
