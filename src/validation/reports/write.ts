import { randomUUID } from "node:crypto";
import { access, constants, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { makeMissing } from "../../make-missing.js";
import { invalid } from "../config/invalid.js";
import type { ReportFiles } from "../config/types.js";
import type { Report } from "../types.js";
import { jsonReport } from "./json.js";
import { junitReport } from "./junit.js";
import { markdownReport } from "./markdown.js";

/** Before hours of work, not after: throws INVALID_ARGUMENT when a report could not be written there. */
export async function checkReportFiles(files: ReportFiles): Promise<void> {
  for (const path of named(files)) {
    try {
      makeMissing(dirname(path));
      await access(dirname(path), constants.W_OK);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw invalid(`can't write a report to ${path}: ${why}`, { path, cause });
    }
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) {
      throw invalid(`can't write a report to ${path}: it is a directory`, { path });
    }
  }
}

/** Each file is there whole or not at all. */
export async function writeReports(report: Report, files: ReportFiles): Promise<void> {
  if (files.json !== undefined) await writeWhole(files.json, jsonReport(report));
  if (files.junit !== undefined) await writeWhole(files.junit, junitReport(report));
  if (files.markdown !== undefined) await writeWhole(files.markdown, markdownReport(report));
  if (files.html !== undefined) {
    const { htmlReport } = await import("./html/page.js");
    await writeWhole(files.html, await htmlReport(report, resolve(files.html)));
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const target = resolve(path);
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text, { flag: "wx" });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function named(files: ReportFiles): string[] {
  return Object.values(files)
    .filter((path) => path !== undefined)
    .map((path) => resolve(path));
}
