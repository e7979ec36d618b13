import { dirname, relative } from "node:path";

/** The address of a host path in a page at `from`. It starts with `./` or `../`, so that no name makes it a scheme. */
export function relativeLink(from: string, path: string | Buffer): string {
  const bytes = Buffer.from(path).toString("latin1");
  const way = relative(Buffer.from(dirname(from)).toString("latin1"), bytes);
  const parts = way.split("/").map((name) => (name === ".." ? name : encoded(name)));
  return `${parts[0] === ".." ? "" : "./"}${parts.join("/")}`;
}

/** By bytes: names need not be UTF-8. */
function encoded(name: string): string {
  return name.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
