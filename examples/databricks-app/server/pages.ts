import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";

const types: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Serves what Vite built. File names under `assets/` carry a hash, so browsers may keep them. */
export function createPages(directory: string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A URL is normalised when parsed, and `%2e` or `%2f` are never decoded: no path leaves the directory.
    const { pathname } = new URL(`http://localhost${request.url}`);
    const path = pathname === "/" ? "/index.html" : pathname;
    const type = types[extname(path)];
    const content = type && (await readFile(join(directory, path)).catch(() => undefined));
    if (!content) {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found\n");
      return;
    }
    const cache = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    response.writeHead(200, {
      "content-type": type,
      "cache-control": cache,
      "content-security-policy": "default-src 'self'",
      "x-content-type-options": "nosniff",
    });
    response.end(content);
  };
}
