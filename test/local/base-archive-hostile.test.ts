import { chmod, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostFiles, hostTree, uniqueWord } from "../support/scratch.js";
import {
  addBlob,
  addImage,
  archiveOf,
  dockerSave,
  type ImageOptions,
  indexOf,
  ociArchive,
  smallSystem,
} from "./base-images.js";
import { describeLocal, isRoot, keptBases, open } from "./base-sandbox.js";
import type { Packed } from "./base-tar.js";

const system = smallSystem();
const file = (name: string): Packed => ({ name, content: "planted\n" });

/** Opening it fails, nothing of it is kept, and the message names the archive. */
async function expectRefused(archive: string, ...codes: ErrorCode[]): Promise<string> {
  const before = await keptBases();
  const error = await expectCode(open({ archive }), ...codes);
  expect(error.message).toContain(archive);
  expect(await keptBases()).toEqual(before);
  return error.message;
}

describeLocal("a hostile archive", () => {
  const above = "../".repeat(20);
  const refused: [string, Packed[]][] = [
    ["a name that leads out", [file("../planted")]],
    ["a name that goes down and out", [file("bin/../../planted")]],
    ["a whiteout that leads out", [file("../.wh.planted")]],
    ["a whiteout of the parent", [file("bin/.wh...")]],
    ["a whiteout of the directory it is in", [file("bin/.wh..")]],
    ["a whiteout of nothing", [file("bin/.wh.")]],
    ["a hard link to a name that leads out", [{ name: "x", type: "link", linkname: `${above}etc/passwd` }]],
    ["a hard link to nothing", [{ name: "x", type: "link", linkname: "no/such/file" }]],
    ["a hard link to a directory", [{ name: "x", type: "link", linkname: "bin" }]],
    ["a root that is a link", [{ name: "./", type: "symlink", linkname: "/tmp" }]],
    ["a root that is a file", [file(".")]],
    ["a name through a file", [file("etc/passwd/planted")]],
    ["a name through a loop of links", [{ name: "loop", type: "symlink", linkname: "loop" }, file("loop/x")]],
    ["a size below zero", [{ ...file("x"), size: -1 }]],
    ["a /proc that is a link", [{ name: "proc", type: "symlink", linkname: "/tmp" }]],
    ["a /dev that is a file", [file("dev")]],
  ];
  test.each(refused)("is refused: %s", async (_, entries) => {
    const error = await expectCode(
      open({ archive: await dockerSave([system, entries]) }),
      "INVALID_ARGUMENT",
    );
    expect(error.message).not.toMatch(/bug|undefined/);
  });

  test.each([
    ["a name", { ...file("short"), pax: { path: "caf\xe9" } }],
    ["a link", { name: "link", type: "symlink", linkname: "short", pax: { linkpath: "caf\xe9" } } as Packed],
  ])("is refused, not misread, for %s that is not UTF-8 in an extended header", async (_, entry) => {
    const message = await expectRefused(await dockerSave([system, [entry]]), "UNSUPPORTED");
    expect(message).toContain("not UTF-8");
  });

  test("never reaches through a link that it brought, in whichever layer", async () => {
    const word = uniqueWord();
    const outside = await hostFiles({ canary: word, "sub/": "" });
    const before = await hostTree(outside);
    const links: Packed[] = [
      { name: "direct", type: "symlink", linkname: outside },
      { name: "relative", type: "symlink", linkname: `${above}${outside}` },
      { name: "first", type: "symlink", linkname: "second" },
      { name: "second", type: "symlink", linkname: outside },
      { name: "to-file", type: "symlink", linkname: join(outside, "canary") },
    ];
    const attempts: Packed[] = [
      ...["direct", "relative", "first"].flatMap((link): Packed[] => [
        file(`${link}/planted`),
        { name: `${link}/made/`, type: "directory", mode: 0o777 },
        { name: `${link}/linked`, type: "symlink", linkname: "/no/such/place" },
        file(`${link}/.wh.canary`),
        file(`${link}/sub/.wh..wh..opq`),
      ]),
      file("to-file"),
      { name: "first/", type: "directory", mode: 0o777 },
    ];
    for (const layers of [
      [system, [...links, ...attempts]],
      [system, links, attempts],
    ]) {
      const sandbox = await open({ archive: await dockerSave(layers) });
      // It all went to where the links lead inside the image.
      expect(await sandbox.readTextFile(`${outside}/planted`)).toBe("planted\n");
      expect(await sandbox.readTextFile("/to-file")).toBe("planted\n");
      expect(await hostTree(outside)).toEqual(before);
      expect(await readFile(join(outside, "canary"), "utf8")).toBe(word);
    }
  });

  test("gets no hard link to a file of the host", async () => {
    const word = uniqueWord();
    const outside = await hostFiles({ canary: word });
    const archive = await dockerSave([
      system,
      [
        { name: "out", type: "symlink", linkname: outside },
        { name: "stolen", type: "link", linkname: "out/canary" },
      ],
    ]);
    await expectRefused(archive, "INVALID_ARGUMENT");

    const sandbox = await open({
      archive: await dockerSave([
        system,
        [
          { name: "out", type: "symlink", linkname: join(outside, "canary") },
          { name: "same", type: "link", linkname: "out" },
        ],
      ]),
    });
    const { stdout, exitCode } = await sandbox.exec("cat /same || ls -l /same");
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain(word);
  });

  test("gets no devices and no pipes, and absolute names start at its own root", async () => {
    const sandbox = await open({
      archive: await dockerSave([
        system,
        [
          { name: "disk", type: "block-device", mode: 0o666 },
          { name: "memory", type: "character-device", mode: 0o666 },
          { name: "pipe", type: "fifo" },
          file("/absolute"),
          file("//twice//./absolute"),
        ],
      ]),
    });
    const names = (await sandbox.listDirectory("/")).map(({ name }) => name);
    expect(names).not.toContain("disk");
    expect(names).not.toContain("memory");
    expect(names).not.toContain("pipe");
    expect(await sandbox.readTextFile("/absolute")).toBe("planted\n");
    expect(await sandbox.readTextFile("/twice/absolute")).toBe("planted\n");
  });

  test("can't have names without end, or pretend to be huge", async () => {
    const pax: Packed = { name: "x", content: "", size: 5 * 1024 * 1024 * 1024 };
    await expectRefused(await dockerSave([system, [pax]]), "INVALID_ARGUMENT");
    const deep = `${"d/".repeat(3000)}x`;
    await expectRefused(await dockerSave([system, [file(deep)]]), "INVALID_ARGUMENT");
    await expectRefused(await dockerSave([system, [file("n".repeat(300))]]), "INVALID_ARGUMENT");
  });
});

describeLocal("a damaged archive", () => {
  test.each([0.001, 0.1, 0.5, 0.9])("cut off after %d of it is refused", async (part) => {
    for (const save of [dockerSave, ociArchive]) {
      const archive = await save([system]);
      await truncate(archive, Math.floor((await readFile(archive)).length * part));
      await expectRefused(archive, "INVALID_ARGUMENT");
    }
  });

  test("cut off where a file in it ends is refused: its manifest is missing", async () => {
    const archive = await dockerSave([system]);
    const content = await readFile(archive);
    await writeFile(archive, content.subarray(0, content.indexOf("config.json")));
    expect(await expectRefused(archive, "INVALID_ARGUMENT")).toContain("manifest.json");
  });

  const set =
    (name: string, change: (content: Buffer | string) => Buffer | string) =>
    (files: Map<string, Buffer | string>) => {
      files.set(name, change(files.get(name) as Buffer | string));
    };
  const flip = (content: Buffer | string) => {
    const bytes = Buffer.from(content);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    return bytes;
  };
  const blob = (index: number) => (files: Map<string, Buffer | string>) =>
    set([...files.keys()].filter((name) => name.startsWith("blobs/"))[index] as string, flip)(files);
  const damages: [string, typeof dockerSave, ImageOptions["change"]][] = [
    ["a changed layer of docker save", dockerSave, set("layer0/layer.tar", flip)],
    ["a changed config", ociArchive, blob(0)],
    ["a changed layer", ociArchive, blob(1)],
    ["a changed manifest", ociArchive, blob(2)],
    ["an index that is no JSON", ociArchive, set("index.json", () => "{")],
    [
      "an index of something else",
      ociArchive,
      set("index.json", () => `{"manifests":[{"digest":"../../x"}]}`),
    ],
    ["a manifest of no image", dockerSave, set("manifest.json", () => "[]")],
    ["a missing layer", dockerSave, (files) => files.delete("layer0/layer.tar")],
    ["a missing config", dockerSave, (files) => files.delete("config.json")],
  ];
  test.each(damages)("is refused: %s", async (_, save, change) => {
    await expectRefused(await save([system], { ...(change && { change }) }), "INVALID_ARGUMENT");
  });

  test("a layer whose gzip ends early is refused", async () => {
    const compress = (layer: Buffer) => gzipSync(layer).subarray(0, -20);
    await expectRefused(await dockerSave([system], { compress }), "INVALID_ARGUMENT");
  });

  test("indexes within indexes end somewhere", async () => {
    const files = new Map<string, Buffer | string>();
    let index = indexOf([addImage(files, [system])]);
    for (let depth = 0; depth < 20; depth++)
      index = indexOf([addBlob(files, "application/vnd.oci.image.index.v1+json", index)]);
    files.set("index.json", index);
    await expectRefused(await archiveOf(files), "INVALID_ARGUMENT");
  });

  test("a manifest that is no JSON is refused", async () => {
    const files = new Map<string, Buffer | string>();
    files.set("index.json", indexOf([addBlob(files, "application/vnd.oci.image.manifest.v1+json", "{")]));
    await expectRefused(await archiveOf(files), "INVALID_ARGUMENT");
  });

  test("several images for this machine are refused: which one is meant?", async () => {
    const files = new Map<string, Buffer | string>();
    const images = [addImage(files, [system]), addImage(files, [[file("other")]])];
    files.set("index.json", indexOf(images));
    expect(await expectRefused(await archiveOf(files), "INVALID_ARGUMENT")).toContain("2 images");
  });
});

describeLocal("what is no archive of an image", () => {
  const others: [string, Buffer, ErrorCode, string][] = [
    ["nothing", Buffer.alloc(0), "INVALID_ARGUMENT", "docker save"],
    ["a text", Buffer.from("FROM node:20\n".repeat(200)), "INVALID_ARGUMENT", "docker save"],
    ["a compressed text", gzipSync("FROM node:20\n".repeat(200)), "INVALID_ARGUMENT", "docker save"],
    ["a zip", Buffer.from("504b0304".repeat(500), "hex"), "INVALID_ARGUMENT", "docker save"],
    ["xz", Buffer.from("fd377a585a0000".padEnd(4000, "0"), "hex"), "UNSUPPORTED", "xz"],
    ["bzip2", Buffer.from("BZh91AY".padEnd(2000, "x")), "UNSUPPORTED", "bzip2"],
  ];
  test.each(others)("is refused with what is known: %s", async (_, content, code, word) => {
    const archive = join(await hostDirectory(), "image.tar");
    await writeFile(archive, content);
    expect(await expectRefused(archive, code)).toContain(word);
  });

  test("a tar of a file system is refused, and { rootfs } named", async () => {
    const archive = await archiveOf(new Map([["bin/sh", "x"]]));
    expect(await expectRefused(archive, "INVALID_ARGUMENT")).toContain("{ rootfs }");
  });

  test("a missing file is NOT_FOUND, a directory NOT_A_FILE", async () => {
    const directory = await hostDirectory();
    await expectRefused(join(directory, "none.tar"), "NOT_FOUND");
    await expectRefused(directory, "NOT_A_FILE");
  });

  test.skipIf(isRoot)("an unreadable file is PERMISSION", async () => {
    const archive = await dockerSave([system]);
    await chmod(archive, 0);
    await expectRefused(archive, "PERMISSION");
  });
});
