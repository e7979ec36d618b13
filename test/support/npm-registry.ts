import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";

export interface NpmRegistry {
  /** Where it says that it is; only its proxy leads there. */
  url: string;
  /** A proxy on the loopback that leads to it and nowhere else. */
  proxy: string;
  /** What it was asked for, and was content with. */
  served: string[];
  /** What it refused, for want of a token or of the proxy's password. */
  refused: string[];
}

/**
 * A registry of npm's with one package, `private-sum`, for those who have the token. It is reached through its proxy,
 * as a sandbox with a network reaches nothing else on the host's loopback; that one may want a password, too.
 */
export async function npmRegistry(token: string, proxyPassword?: string): Promise<NpmRegistry> {
  const url = "http://registry.test";
  const tarball = packed({
    "package/package.json": JSON.stringify({ name: "private-sum", version: "1.0.0", main: "index.js" }),
    "package/index.js": "module.exports = (a, b) => a + b;\n",
  });
  const served: string[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const asked = (request.url ?? "").replace(url, "");
    const login = Buffer.from(`me:${proxyPassword}`).toString("base64");
    const proxied =
      proxyPassword === undefined || request.headers["proxy-authorization"] === `Basic ${login}`;
    if (!proxied || request.headers.authorization !== `Bearer ${token}`) {
      refused.push(asked);
      response.writeHead(proxied ? 401 : 407).end("{}");
      return;
    }
    served.push(asked);
    if (!asked.startsWith("/private-sum")) response.writeHead(404).end("{}");
    else if (asked.endsWith(".tgz")) response.end(tarball);
    else
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          name: "private-sum",
          "dist-tags": { latest: "1.0.0" },
          versions: {
            "1.0.0": {
              name: "private-sum",
              version: "1.0.0",
              dist: {
                tarball: `${url}/private-sum/-/private-sum-1.0.0.tgz`,
                integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
              },
            },
          },
        }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const login = proxyPassword === undefined ? "" : `me:${proxyPassword}@`;
  return { url, proxy: `http://${login}127.0.0.1:${port}`, served, refused };
}

/** A tar of regular files, compressed. */
function packed(files: Readonly<Record<string, string>>): Buffer {
  const blocks = Object.entries(files).flatMap(([path, text]) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;
    header.write(path, 0);
    header.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8), 100);
    header.write(octal(text.length, 12) + octal(0, 12), 124);
    header.write("        0", 148);
    header.write("ustar\x0000", 257);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    body.write(text);
    return [header, body];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
