import { relative } from "node:path";
import cliTruncate from "cli-truncate";
import stringWidth from "string-width";

export { count, duration, size } from "../../validation/reports/words.js";

/** Cut to a number of terminal columns, styles and wide characters counted as what they are. */
export function clip(text: string, columns: number, ellipsis = "…"): string {
  if (columns <= 0) return "";
  const options = { truncationCharacter: columns > ellipsis.length ? ellipsis : "" };
  const cut = cliTruncate(text, columns, options);
  // A wide character that lies over the edge is kept whole by the library.
  return stringWidth(cut) > columns ? cliTruncate(text, columns - 1, options) : cut;
}

/** Filled with spaces to a number of terminal columns. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)));
}

/** Columns aligned, two spaces between; the last one is not filled. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, stringWidth(cell));
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** Relative to where the user stands, where that is shorter. */
export function near(path: string): string {
  const from = relative(process.cwd(), path);
  return from !== "" && !from.startsWith("../..") && from.length < path.length ? from : path;
}

export { stringWidth as width };
