import type { Report } from "../types.js";

/** The report as JSON; its shape is {@link Report}. */
export function jsonReport(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
