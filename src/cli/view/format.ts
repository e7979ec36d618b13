import { relative } from "node:path";
import cliTruncate from "cli-truncate";
import stringWidth from "string-width";

/** `0.4s`, `12.3s`, `2m 05s`, `1h 02m`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** `812 B`, `1.4 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes;
  let unit = "B";
  for (unit of ["KiB", "MiB", "GiB", "TiB"]) {
    value /= 1024;
    if (value < 1023.95) break;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** `1 file`, `2 files`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

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
