import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Descriptor } from "./base-images.js";

export interface Registry {
  /** What images of it begin with. */
  host: string;
  /** Has a tag of a repository stand for a manifest. */
  tag(name: string, manifest: Descriptor): void;
  blobs: Map<string, Buffer | string>;
  /** Blobs that were asked for since the last look. */
  fetched(): number;
}

/** A registry on the loopback that images can be pulled from (OCI distribution specification), for one test. */
export async function registry(): Promise<Registry> {
  const blobs = new Map<string, Buffer | string>();
  const tags = new Map<string, Descriptor>();
  let fetched = 0;
  const server = createServer((request, response) => {
    const [, repository, kind, reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(request.url ?? "") ?? [];
    const tagged = tags.get(`${repository}:${reference}`);
    const digest = tagged?.digest ?? reference;
    const content = blobs.get(`blobs/${digest.replace(":", "/")}`);
    if (kind === "blobs") fetched++;
    if (request.url === "/v2/") response.end("{}");
    else if (content === undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`);
    } else {
      response.writeHead(200, {
        "content-type": kind === "manifests" ? mediaTypeOf(content) : "application/octet-stream",
        "content-length": Buffer.byteLength(content),
        "docker-content-digest": `sha256:${createHash("sha256").update(content).digest("hex")}`,
      });
      response.end(request.method === "HEAD" ? undefined : content);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tag: (name, manifest) => tags.set(name, manifest),
    blobs,
    fetched() {
      const count = fetched;
      fetched = 0;
      return count;
    },
  };
}

function mediaTypeOf(manifest: Buffer | string): string {
  return (JSON.parse(manifest.toString()) as { mediaType: string }).mediaType;
}
