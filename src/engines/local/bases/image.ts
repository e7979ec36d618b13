import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Base } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { extractImage, openArchive } from "./archive/archive.js";
import { type CachedBase, cachedBase } from "./cache.js";
import type { BaseContext } from "./context.js";
import { openDockerfile } from "./dockerfile.js";
import { imageSupport, requireTool, runTool } from "./tool.js";

/** A base that is an image, wherever it comes from. */
export type ImageBase = Exclude<Base, { host: true } | { rootfs: string }>;

/**
 * The extracted image of a base. A tag is looked up anew by every engine; what it stands for is fetched once.
 *
 * Throws what {@link openArchive} does, NOT_FOUND for an image the registry does not have, UNSUPPORTED without
 * the tool, and ENGINE_ERROR with what the tool said.
 */
export async function openImage(base: ImageBase, context: BaseContext): Promise<CachedBase> {
  if ("archive" in base) return openArchive(base.archive, context);
  if ("dockerfile" in base) return openDockerfile(base, context);
  requireTool("{ image }", imageSupport());
  return fetchImage(base.image, context);
}

async function fetchImage(image: string, context: BaseContext): Promise<CachedBase> {
  const what = `the base's image ${image}`;
  const { name, digest: pinned } = partsOf(image);
  const options = isLoopback(name) ? ["--tls-verify=false"] : []; // as Docker does
  const digest =
    pinned ??
    `sha256:${createHash("sha256")
      .update(await runTool(what, "skopeo", ["inspect", "--raw", ...options, `docker://${image}`]))
      .digest("hex")}`;
  return cachedBase(digest, context, async (draft) => {
    const archive = join(draft, "image.tar");
    const copy = ["copy", "--quiet", ...options.map((option) => option.replace("--", "--src-"))];
    await runTool(what, "skopeo", [...copy, `docker://${name}@${digest}`, `oci-archive:${archive}`]);
    const extracted = await extractImage(archive, draft, context.ids);
    await rm(archive);
    return extracted;
  });
}

/** Takes NAME[:TAG][@DIGEST] apart. The tag of one that has a digest says nothing. */
function partsOf(image: string): { name: string; digest: string | undefined } {
  const match =
    /^((?:[a-zA-Z0-9][\w.-]*(?::\d+)?\/)?[a-z0-9][a-z0-9._/-]*?)(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/.exec(
      image,
    );
  if (!match)
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `create: the base's image ${JSON.stringify(image)} is no name of an image, such as node:20 or registry.example/team/app@sha256:…`,
      { operation: "create" },
    );
  return { name: match[1] as string, digest: match[3]?.slice(1) };
}

function isLoopback(name: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?\//.test(name);
}
