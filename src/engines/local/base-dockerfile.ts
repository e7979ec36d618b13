import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Base } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { BaseContext } from "./base.js";
import { extractImage } from "./base-archive.js";
import { type CachedImage, cachedImage } from "./base-archive-cache.js";
import { dockerfileSupport, requireTool, runTool } from "./base-tool.js";

type DockerfileBase = Extract<Base, { dockerfile: string }>;

/**
 * The extracted image that a directory's Dockerfile (or Containerfile) builds. Buildah keeps its own cache of
 * steps, so that a second time costs little. Its RUN steps are not sandboxed by forkbox.
 */
export async function openDockerfile(base: DockerfileBase, context: BaseContext): Promise<CachedImage> {
  requireTool("{ dockerfile }", dockerfileSupport());
  checkDirectory(base.dockerfile);
  const what = `the base's Dockerfile in ${base.dockerfile}`;
  const id = await build(what, base, context);
  return cachedImage(id, context, async (draft) => {
    const archive = join(draft, "image.tar");
    await runTool(what, "buildah", ["push", "--quiet", id, `oci-archive:${archive}`]);
    const extracted = await extractImage(archive, draft, context.ids);
    await rm(archive);
    return extracted;
  });
}

/** Builds, and gives the image's id, which is the digest of its config. */
async function build(
  what: string,
  { dockerfile, target, buildArgs = {} }: DockerfileBase,
  { directory }: BaseContext,
): Promise<string> {
  const idFile = join(directory, `image-id-${randomBytes(4).toString("hex")}`);
  await runTool(what, "buildah", [
    ...["build", "--quiet", "--layers", "--iidfile", idFile],
    ...(target === undefined ? [] : ["--target", target]),
    ...Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    dockerfile,
  ]);
  const id = readFileSync(idFile, "utf8").trim();
  await rm(idFile);
  return id;
}

function checkDirectory(path: string): void {
  const details = { operation: "create", path };
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new SandboxError("NOT_FOUND", `create: the base's directory ${path} does not exist.`, details);
  if (!stat.isDirectory())
    throw new SandboxError(
      "NOT_A_DIRECTORY",
      `create: the base's ${path} is a file; { dockerfile } names the directory that its Dockerfile is in.`,
      details,
    );
  if (!["Containerfile", "Dockerfile"].some((name) => existsSync(join(path, name))))
    throw new SandboxError(
      "NOT_FOUND",
      `create: the base's directory ${path} has no Dockerfile in it.`,
      details,
    );
}
