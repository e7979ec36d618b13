import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { hostDirectory } from "../support/scratch.js";
import { type Packed, tarOf } from "./base-tar.js";

export const ARCHITECTURE = { x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch;

/** This machine's shell, a few programs and the libraries they need: enough of a system to run commands in. */
export function smallSystem(more: readonly string[] = []): Packed[] {
  const few = ["sh", "cat", "ls", "id", "stat", "env", "touch", "chown", "mkdir", "rm", "ln", "pwd"];
  const programs = [...few, ...more];
  const files = new Map<string, Packed>();
  for (const program of programs) {
    const path = existsSync(`/bin/${program}`) ? `/bin/${program}` : `/usr/sbin/${program}`;
    addFile(files, path, path);
    for (const library of librariesOf(path)) addFile(files, library, library);
  }
  const directories = new Set<string>();
  for (const name of files.keys())
    for (let at = dirname(name); at !== "."; at = dirname(at)) directories.add(at);
  for (const name of ["etc", "root"]) directories.add(name);
  return [
    ...[...directories].sort().map((name): Packed => ({ name: `${name}/`, type: "directory" })),
    { name: "tmp/", type: "directory", mode: 0o1777 },
    ...files.values(),
    { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\n" },
    { name: "etc/group", content: "root:x:0:\n" },
  ];
}

function addFile(files: Map<string, Packed>, at: string, from: string): void {
  const name = at.slice(1);
  files.set(name, { name, content: readFileSync(realpathSync(from)), mode: 0o755 });
}

function librariesOf(path: string): string[] {
  const text = execFileSync("ldd", [path], { encoding: "utf8" });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string);
}

export interface ImageOptions {
  env?: string[];
  architecture?: string;
  compress?: (layer: Buffer) => Buffer;
  /** Changes the files before they are packed, by name: to damage them. */
  change?: (files: Map<string, Buffer | string>) => void;
}

/** An archive as `docker save` writes it. */
export async function dockerSave(
  layers: readonly (readonly Packed[])[],
  options: ImageOptions = {},
): Promise<string> {
  const { compress = (layer: Buffer) => layer } = options;
  const tars = layers.map((layer) => tarOf(layer));
  const names = tars.map((_, i) => `layer${i}/layer.tar`);
  const files = new Map<string, Buffer | string>(tars.map((tar, i) => [names[i] as string, compress(tar)]));
  files.set("config.json", configOf(tars, options));
  files.set(
    "manifest.json",
    JSON.stringify([{ Config: "config.json", RepoTags: ["test:latest"], Layers: names }]),
  );
  options.change?.(files);
  return archiveOf(files);
}

/** An archive as skopeo and buildah write it. */
export async function ociArchive(
  layers: readonly (readonly Packed[])[],
  options: ImageOptions = {},
): Promise<string> {
  const files = new Map<string, Buffer | string>();
  const manifest = addImage(files, layers, options);
  files.set("index.json", indexOf([manifest]));
  files.set("oci-layout", `{"imageLayoutVersion":"1.0.0"}`);
  options.change?.(files);
  return archiveOf(files);
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
}

export function indexOf(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests });
}

const OCI = "application/vnd.oci.image";

/** Adds an image's blobs, and gives its manifest. */
export function addImage(
  files: Map<string, Buffer | string>,
  layers: readonly (readonly Packed[])[],
  options: ImageOptions = {},
): Descriptor {
  const { compress = gzipSync } = options;
  const tars = layers.map((layer) => tarOf(layer));
  return addBlob(
    files,
    `${OCI}.manifest.v1+json`,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: addBlob(files, `${OCI}.config.v1+json`, configOf(tars, options)),
      layers: tars.map((tar) => addBlob(files, `${OCI}.layer.v1.tar+gzip`, compress(tar))),
    }),
  );
}

export function addBlob(
  files: Map<string, Buffer | string>,
  mediaType: string,
  content: Buffer | string,
): Descriptor {
  const digest = sha256(content);
  files.set(`blobs/${digest.replace(":", "/")}`, content);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

function configOf(tars: readonly Buffer[], { env = [], architecture = ARCHITECTURE }: ImageOptions): string {
  return JSON.stringify({
    architecture,
    os: "linux",
    config: { Env: env, User: "12345", WorkingDir: "/srv" },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
    history: tars.map(() => ({ created_by: "a test" })),
  });
}

function sha256(content: Buffer | string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** Writes the files into a tar of their own. */
export async function archiveOf(files: ReadonlyMap<string, Buffer | string>): Promise<string> {
  const archive = join(await hostDirectory(), "image.tar");
  await writeFile(archive, tarOf([...files].map(([name, content]) => ({ name, content }))));
  return archive;
}

/** A zstd frame that holds the data as it is: the format without its compression. */
export function zstdFrame(data: Buffer): Buffer {
  const block = 100_000;
  const count = Math.max(1, Math.ceil(data.length / block));
  const blocks = Array.from({ length: count }, (_, i) => {
    const content = data.subarray(i * block, (i + 1) * block);
    const header = Buffer.alloc(3);
    header.writeUIntLE((content.length << 3) | (i === count - 1 ? 1 : 0), 0, 3);
    return Buffer.concat([header, content]);
  });
  return Buffer.concat([Buffer.from("28b52ffd0058", "hex"), ...blocks]);
}
