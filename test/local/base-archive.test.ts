import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";
import {
  ARCHITECTURE,
  addImage,
  archiveOf,
  dockerSave,
  indexOf,
  ociArchive,
  smallSystem,
  zstdFrame,
} from "./base-images.js";
import { describeLocal, isRoot, keptBases, open, output, users } from "./base-sandbox.js";
import type { Packed } from "./base-tar.js";

const system = smallSystem();
const word = (name: string, content = name): Packed => ({ name, content: `${content}\n` });

describeLocal("an image's archive as a base", () => {
  const formats: [string, () => Promise<string>][] = [
    ["docker save", () => dockerSave([system])],
    ["docker save with gzip layers", () => dockerSave([system], { compress: gzipSync })],
    ["docker save | gzip", async () => compressed(await dockerSave([system]), gzipSync)],
    ["an OCI archive", () => ociArchive([system])],
    ["an OCI archive without compression", () => ociArchive([system], { compress: (layer) => layer })],
    ["an OCI archive with zstd layers", () => ociArchive([system], { compress: zstdFrame })],
    ["an OCI archive within zstd", async () => compressed(await ociArchive([system]), zstdFrame)],
  ];
  for (const user of users) {
    test.each(formats)(`runs commands as ${user}: %s`, async (_, archive) => {
      const id = user === "root" ? 0 : 1000;
      expect(await output({ archive: await archive() }, "id -u; pwd", user)).toBe(`${id}\n/workspace\n`);
    });
  }

  test("gives commands the image's environment, but not its user", async () => {
    const env = ["PATH=/opt/tools:/bin", "GREETING=a=b c", "EMPTY=", "HOME=/elsewhere"];
    const tool: Packed = { name: "opt/tools/answer", content: "#!/bin/sh\necho $GREETING\n", mode: 0o755 };
    const archive = await ociArchive([system, [tool]], { env });
    expect(await output({ archive }, "answer; echo [$EMPTY] $HOME; id -u")).toBe(
      "a=b c\n[] /home/sandbox\n1000\n",
    );
  });

  test("takes from an index the image for this machine", async () => {
    const files = new Map<string, Buffer | string>();
    const others = ["s390x", "mips64le"].map((architecture) => ({
      ...addImage(files, [[word(architecture)]], { architecture }),
      platform: { os: "linux", architecture },
    }));
    const own = { ...addImage(files, [system]), platform: { os: "linux", architecture: ARCHITECTURE } };
    const attestation = {
      ...addImage(files, [[word("attestation")]]),
      platform: { os: "unknown", architecture: "unknown" },
    };
    files.set("index.json", indexOf([...others, own, attestation]));
    expect(await output({ archive: await archiveOf(files) }, "echo works")).toBe("works\n");

    files.set("index.json", indexOf(others));
    const error = await expectCode(open({ archive: await archiveOf(files) }), "UNSUPPORTED");
    expect(error.message).toContain("linux/s390x, linux/mips64le");
  });

  test("applies layers in order: a whiteout hides a file, a directory, or all that was in one", async () => {
    const archive = await ociArchive([
      system,
      [
        ...["gone", "kept", "dir/a", "dir/sub/b", "opaque/old", "opaque/sub/old", "opaque/back"].map((name) =>
          word(name),
        ),
        { name: "link", type: "symlink", linkname: "kept" },
        { name: "hard", type: "link", linkname: "kept" },
        word("becomes-directory"),
        word("becomes-file/inside"),
        word("becomes-link/inside"),
      ],
      [
        word(".wh.gone", ""),
        word(".wh.dir", ""),
        // After what the same layer brings: it hides only what lies below.
        word("opaque/new"),
        word("opaque/back", "again"),
        word("opaque/.wh..wh..opq", ""),
        { name: ".wh..wh.plnk/", type: "directory" },
        { name: "becomes-directory/", type: "directory" },
        word("becomes-directory/inside"),
        word("becomes-file"),
        { name: "becomes-link", type: "symlink", linkname: "kept" },
        word(".wh.not-there", ""),
      ],
      [{ name: "over/", type: "directory", mode: 0o700 }, word(".wh.link", ""), word("kept", "newer")],
    ]);
    const sandbox = await open({ archive });
    const { stdout } = await sandbox.exec(
      "ls -A opaque; cat opaque/back kept hard becomes-link becomes-file becomes-directory/inside; stat -c %a over",
      { cwd: "/" },
    );
    expect(stdout).toBe(
      "back\nnew\nagain\nnewer\nkept\nnewer\nbecomes-file\nbecomes-directory/inside\n700\n",
    );
    const names = (await sandbox.listDirectory("/")).map(({ name }) => name);
    expect(names).not.toContain("gone");
    expect(names).not.toContain("dir");
    expect(names).not.toContain("link");
    expect(names.filter((name) => name.startsWith(".wh"))).toEqual([]);
  });

  test("keeps names of any bytes and any length", async () => {
    const long = `${"long/".repeat(40)}${"n".repeat(255)}`;
    const latin1 = (text: string) => Buffer.from(text).toString("latin1");
    const names = [
      "with space",
      "-dash",
      "new\nline",
      latin1("日本語"),
      "\xff\xfe",
      `${"d".repeat(120)}\xff`,
      long,
    ];
    const shown = [...names, latin1("extended é")];
    const archive = await dockerSave([
      system,
      names.map((name) => word(`names/${name}`, "x")),
      [
        { name: "linked", type: "symlink", linkname: `names/\xff\xfe` },
        { ...word("short", "x"), pax: { path: `names/${latin1("extended é")}` } },
      ],
    ]);
    const sandbox = await open({ archive });
    const { stdout } = await sandbox.exec("ls -A /names; cat /linked", { encoding: "bytes" });
    const expected = shown.map((name) => (name === long ? "long" : name)).join("\n");
    const sorted = (text: string) => text.split("\n").sort().join("\n");
    expect(sorted(Buffer.from(stdout).toString("latin1"))).toBe(sorted(`${expected}\nx\n`));
    expect(await sandbox.readTextFile(`/names/${long}`)).toBe("x\n");
  });

  test("keeps modes, owners and hard links, without setuid", async () => {
    const archive = await ociArchive([
      system,
      [
        { name: "setuid", mode: 0o6755, content: "x" },
        { name: "shared/", type: "directory", mode: 0o3777 },
        { name: "one", content: "x", uid: 7, gid: 8, mode: 0o640 },
        { name: "two", type: "link", linkname: "./one" },
        { name: "link", type: "symlink", linkname: "one", uid: 7, gid: 8 },
        { name: "large", content: "x", uid: 2_000_000, gid: 2_000_000 },
        { name: "none", content: "x", pax: { uid: "4000000000", gid: "4000000001" } },
      ],
    ]);
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const stat = "stat -c '%n %a %h' /setuid /shared /one /two";
    if (!isRoot) {
      expect(await output({ archive }, `${stat}; cat /one`)).toBe(
        "/setuid 755 1\n/shared 1777 2\n/one 640 2\n/two 640 2\nx",
      );
      return;
    }
    expect(await output({ archive }, stat, "root")).toBe(
      "/setuid 755 1\n/shared 1777 2\n/one 640 2\n/two 640 2\n",
    );
    expect(await output({ archive }, "stat -c '%n %u %g' /setuid /two /link /large /none /bin", "root")).toBe(
      "/setuid 0 0\n/two 7 8\n/link 7 8\n/large 2000000 2000000\n/none 65534 65534\n/bin 0 0\n",
    );
    expect(warnings).toContainEqual(expect.stringMatching(/id 4000000000\b.*nobody's/));
  });

  test.runIf(isRoot)("lets root of the sandbox unpack a tar with owners of any positive id", async () => {
    const script = `echo x >own; tar --owner=big:197609 --group=large:2147483646 -cf own.tar own; rm own
      tar -xf own.tar && stat -c '%u %g' own; chown 1234567 own; stat -c %u own`;
    const sandbox = await open({ host: true }, "root");
    expect(await sandbox.exec(script)).toMatchObject({
      stdout: "197609 2147483646\n1234567\n",
      stderr: "",
    });
    await using fork = await sandbox.fork();
    await fork.writeFile("own", "y");
    expect((await fork.exec("cat own")).stdout).toBe("y");
  });

  test.runIf(isRoot)(
    "lets root of the sandbox change what the image's root owns, and nobody else",
    async () => {
      const archive = await dockerSave([system, [{ name: "private", content: "x", mode: 0o600 }]]);
      expect(
        await output(
          { archive },
          "cat /private; touch /bin/new; chown 5:6 /private; stat -c %u:%g /private",
          "root",
        ),
      ).toBe("x5:6\n");
      const sandbox = await open({ archive });
      expect((await sandbox.exec("cat /private")).exitCode).toBe(1);
      expect((await sandbox.exec("touch /bin/new")).exitCode).toBe(1);
    },
  );

  test("is extracted once, whoever opens it, and not again for a copy of the archive", async () => {
    const archive = await dockerSave([system, [word("once")]]);
    const copy = join(await hostDirectory(), "copy.tar");
    await writeFile(copy, await readFile(archive));
    const before = await keptBases();
    for (const user of users) await output({ archive }, "cat /once", user);
    const after = await keptBases();
    expect(after.length).toBe(before.length + 1);
    expect(await output({ archive: copy }, "cat /once")).toBe("once\n");
    expect(await keptBases()).toEqual(after);
  });

  test("is made by two engines at once without harm, and what a killed one left does not count", async () => {
    const archive = await dockerSave([system, [word("shared")]]);
    const before = await keptBases();
    await using first = local();
    await using second = local();
    const identities = await Promise.all([first, second].map((engine) => engine.identify({ archive })));
    expect(identities[0]).toBe(identities[1]);
    const made = (await keptBases()).filter((name) => !before.includes(name));
    expect(made.length).toBe(1);
    // The file that says that it is whole comes last.
    await rm(join(process.env.FORKBOX_STATE_DIR as string, "bases", made[0] as string, "image.json"));
    expect(await output({ archive }, "cat /shared")).toBe("shared\n");
  });

  test("has another identity when its content changes, and the same at another place", async () => {
    await using engine = local();
    const archive = await dockerSave([system, [word("first")]]);
    const identity = await engine.identify({ archive });
    const copy = join(await hostDirectory(), "copy.tar");
    await writeFile(copy, await readFile(archive));
    expect(await engine.identify({ archive: copy })).toBe(identity);
    await writeFile(copy, await readFile(await dockerSave([system, [word("second")]])));
    await using another = local();
    expect(await another.identify({ archive: copy })).not.toBe(identity);
  });
});

async function compressed(archive: string, compress: (data: Buffer) => Buffer): Promise<string> {
  await writeFile(archive, compress(await readFile(archive)));
  return archive;
}
