import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Base } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { bytes, latin1 } from "../layers/tree.js";
import { placesOfState, refuseState } from "../state/places.js";
import { extractImage } from "./archive/archive.js";
import { type CachedBase, cachedBase } from "./cache.js";
import type { BaseContext } from "./context.js";
import { dockerfileSupport, requireTool, runTool } from "./tool.js";

type DockerfileBase = Extract<Base, { dockerfile: string }>;

/**
 * The extracted image that a directory's Dockerfile (or Containerfile) builds. It is built again when anything
 * in the directory changes, not when the images it starts from do. Its RUN steps run under Buildah's own
 * isolation, not forkbox's.
 */
export async function openDockerfile(base: DockerfileBase, context: BaseContext): Promise<CachedBase> {
  requireTool("{ dockerfile }", dockerfileSupport());
  checkDirectory(base.dockerfile);
  refuseState(base.dockerfile, "the base's directory", placesOfState(dirname(context.bases)));
  return cachedBase(await digestOf(base), context, async (draft) => {
    const archive = join(draft, "image.tar");
    await build(base, draft, archive);
    const extracted = await extractImage(archive, draft, context.ids);
    await rm(archive);
    return extracted;
  });
}

async function build(
  { dockerfile, target, buildArgs = {} }: DockerfileBase,
  draft: string,
  archive: string,
): Promise<void> {
  const what = `the base's Dockerfile in ${dockerfile}`;
  const idFile = join(draft, "image-id");
  await runTool(what, "buildah", [
    // Its cache of steps takes what an ENV had from other build arguments (seen: 1.28).
    ...["build", "--quiet", "--layers=false", "--force-rm", "--iidfile", idFile],
    ...(target === undefined ? [] : ["--target", target]),
    ...Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    dockerfile,
  ]);
  const id = readFileSync(idFile, "utf8").trim();
  await runTool(what, "buildah", ["push", "--quiet", id, `oci-archive:${archive}`]);
  await runTool(what, "buildah", ["rmi", id]);
}

/** Of all that a build can depend on here. */
async function digestOf({ dockerfile, target, buildArgs = {} }: DockerfileBase): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([target, Object.entries(buildArgs).sort()]));
  await hashTree(hash, latin1(dockerfile), "");
  return hash.digest("hex");
}

async function hashTree(hash: Hash, root: string, path: string): Promise<void> {
  const host = bytes(`${root}${path}`);
  const stat = lstatSync(host);
  hash.update(JSON.stringify([path, stat.mode, stat.isFile() ? stat.size : 0]));
  if (stat.isSymbolicLink()) hash.update(readlinkSync(host, "buffer"));
  else if (stat.isFile()) await pipeline(createReadStream(host), hash, { end: false });
  else if (stat.isDirectory())
    for (const name of readdirSync(host, { encoding: "latin1" }).sort())
      await hashTree(hash, root, `${path}/${name}`);
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
