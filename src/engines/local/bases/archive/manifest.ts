import { createHash } from "node:crypto";
import { z } from "zod";
import { ArchiveError } from "./error.js";
import { type ArchiveFiles, KNOWN_FORMATS } from "./files.js";

/** What an archive says of its image. */
export interface Manifest {
  /** Lowest first. */
  layers: readonly Layer[];
  environment: Record<string, string>;
}

/** A file of the archive that is a tar, perhaps compressed. */
export interface Layer {
  name: string;
  /** Digest of the file as it is, where the archive tells it. */
  digest?: string | undefined;
  /** Digest of the tar in it, where the image's config tells it. */
  contentDigest?: string | undefined;
}

const digest = z.string().regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/);
const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });
const descriptor = z.object({ digest, mediaType: z.string().optional(), platform: platform.optional() });
const ociIndex = z.object({ manifests: z.array(descriptor) });
const ociManifest = z.object({ config: descriptor, layers: z.array(descriptor) });
const dockerManifest = z.array(z.object({ Config: z.string(), Layers: z.array(z.string()).nullable() }));
const imageConfig = z.object({
  architecture: z.string().optional(),
  os: z.string().optional(),
  config: z.object({ Env: z.array(z.string()).nullish() }).nullish(),
  rootfs: z.object({ diff_ids: z.array(digest).nullish() }).nullish(),
});
type Descriptor = z.infer<typeof descriptor>;

/** Reads an OCI archive's index or a `docker save` archive's manifest, and takes this machine's image. */
export async function readManifest(files: ArchiveFiles): Promise<Manifest> {
  if (files.has("index.json")) return readOci(files);
  if (files.has("manifest.json")) return readDocker(files);
  throw new ArchiveError(
    `holds no image (neither index.json nor manifest.json): ${KNOWN_FORMATS}; a tar of a whole file system is to be unpacked and given as { rootfs }`,
  );
}

async function readOci(files: ArchiveFiles): Promise<Manifest> {
  const index = parse(ociIndex, await files.text("index.json"), "index.json");
  const { config, layers } = await ociImage(files, index.manifests);
  const image = parse(imageConfig, await blobText(files, config), blobName(config.digest));
  return manifestOf(
    image,
    layers.map(({ digest }) => ({ name: blobName(digest), digest })),
  );
}

async function readDocker(files: ArchiveFiles): Promise<Manifest> {
  const images = parse(dockerManifest, await files.text("manifest.json"), "manifest.json");
  const image = one(images.map((each) => [each.Config, each] as const));
  const config = parse(imageConfig, await files.text(image.Config), image.Config);
  return manifestOf(
    config,
    (image.Layers ?? []).map((name) => ({ name })),
  );
}

/** The one image for this machine among descriptors of images and of indexes of more. */
async function ociImage(
  files: ArchiveFiles,
  found: readonly Descriptor[],
  depth = 0,
): Promise<z.infer<typeof ociManifest>> {
  if (depth > 4) throw new ArchiveError("has indexes of images too deep in one another");
  const fitting = found.filter(({ platform }) => !platform || isOurs(platform));
  if (fitting.length === 0) {
    const others = found.map(({ platform }) => `${platform?.os}/${platform?.architecture}`);
    throw new ArchiveError(
      `has no image for this machine, which is linux/${ARCHITECTURE}; it has ${[...new Set(others)].join(", ") || "none"}`,
      "UNSUPPORTED",
    );
  }
  const chosen = one(fitting.map((each) => [each.digest, each] as const));
  const text = await blobText(files, chosen);
  const nested = ociIndex.safeParse(parse(z.unknown(), text, blobName(chosen.digest)));
  if (nested.success) return ociImage(files, nested.data.manifests, depth + 1);
  return parse(ociManifest, text, blobName(chosen.digest));
}

function manifestOf(image: z.infer<typeof imageConfig>, layers: readonly Layer[]): Manifest {
  const { os = "linux", architecture = ARCHITECTURE } = image;
  if (!isOurs({ os, architecture }))
    throw new ArchiveError(
      `has an image for ${os}/${architecture}, and this machine is linux/${ARCHITECTURE}`,
      "UNSUPPORTED",
    );
  const contents = image.rootfs?.diff_ids ?? [];
  if (contents.length > 0 && contents.length !== layers.length)
    throw new ArchiveError(`is damaged: ${layers.length} layers, but digests of ${contents.length}`);
  const variables = (image.config?.Env ?? []).map((line) => line.split(/=(.*)/s, 2) as [string, string?]);
  return {
    layers: layers.map((layer, i) => ({ ...layer, contentDigest: contents[i] })),
    environment: Object.fromEntries(
      variables.filter(([name, value = ""]) => name !== "" && !`${name}${value}`.includes("\0")),
    ) as Record<string, string>,
  };
}

function one<T>(images: readonly (readonly [id: string, T])[]): T {
  const [first, ...others] = [...new Map(images).values()];
  if (first === undefined) throw new ArchiveError("holds no image");
  if (others.length === 0) return first;
  throw new ArchiveError(
    `holds ${others.length + 1} images for this machine: save only the one that is meant`,
  );
}

async function blobText(files: ArchiveFiles, { digest }: Descriptor): Promise<string> {
  const text = await files.text(blobName(digest));
  requireDigest(blobName(digest), digest, createHash(algorithmOf(digest)).update(text).digest("hex"));
  return text;
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

export function algorithmOf(digest: string): string {
  return digest.split(":", 1)[0] as string;
}

export function requireDigest(name: string, expected: string, hex: string): void {
  if (expected !== `${algorithmOf(expected)}:${hex}`)
    throw new ArchiveError(`is damaged: the content of ${name} is not what its digest ${expected} says`);
}

function parse<T>(schema: z.ZodType<T>, text: string, name: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ArchiveError(`is damaged: its ${name} can't be understood`, "INVALID_ARGUMENT", { cause });
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  loong64: "loong64",
};
const ARCHITECTURE = ARCHITECTURES[process.arch] ?? process.arch;

function isOurs({ os, architecture }: { os: string; architecture: string }): boolean {
  return os === "linux" && architecture === ARCHITECTURE;
}
