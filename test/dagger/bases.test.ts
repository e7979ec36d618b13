import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Base } from "../../src/engine.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { dockerSave, ociArchive, smallSystem } from "../local/base-images.js";
import { tarOf } from "../local/base-tar.js";
import { describeDagger } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { TOOLS } from "./tools.js";

/** What forkbox needs in an image, and nothing else: no bash, no Node. */
const SYSTEM = smallSystem(TOOLS);

await describeDagger("bases on Dagger", (engine) => {
  const open = (base: Base, user: "sandbox" | "root" = "sandbox") =>
    Sandbox.create({ ...engine.options, base, user });

  const kinds: [string, () => Promise<Base>][] = [
    ["an OCI archive", async () => ({ archive: await ociArchive([SYSTEM]) })],
    ["an archive of docker save", async () => ({ archive: await dockerSave([SYSTEM]) })],
    ["a root file system", async () => ({ rootfs: await unpacked() })],
    ["a Dockerfile", async () => ({ dockerfile: await dockerfile("") })],
    [
      "a Dockerfile whose user is an ordinary one",
      async () => ({ dockerfile: await dockerfile("USER 1234:1234") }),
    ],
  ];
  test.each(kinds)("%s that has a shell and a few programs is enough", async (_, make) => {
    const base = await make();
    for (const [user, id] of [
      ["sandbox", "1000\n"],
      ["root", "0\n"],
    ] as const) {
      await using sandbox = await open(base, user);
      expect(await sandbox.exec("id -u; pwd >&2")).toMatchObject({
        ...{ exitCode: 0, stdout: id, stderr: "/workspace\n" },
      });
      await sandbox.writeFile("in/file", "text");
      await sandbox.writeFiles(Array.from({ length: 6 }, (_, at) => ({ path: `many/${at}`, data: `${at}` })));
      const { stdout, exitCode } = await sandbox.exec("cat in/file many/5; touch many/new; exit 7");
      expect({ stdout, exitCode }).toEqual({ stdout: "text5", exitCode: 7 });
      await using fork = await sandbox.fork();
      expect((await fork.listDirectory("many")).map(({ name }) => name)).toContain("new");
      const error = await expectCode(fork.exec("echo printed; sleep 60", { timeoutMs: 2500 }), "TIMEOUT");
      expect(error.stdout).toBe("printed\n");
    }
  });

  test("a Dockerfile is built to its target, with its arguments", async () => {
    const lines = "ARG WHO\nRUN echo $WHO > /who\nFROM first AS second\nRUN echo two > /who";
    const directory = await dockerfile(lines);
    await using sandbox = await open({ dockerfile: directory, target: "first", buildArgs: { WHO: "me" } });
    expect(await sandbox.readTextFile("/who")).toBe("me\n");
    await using second = await open({ dockerfile: directory });
    expect(await second.readTextFile("/who")).toBe("two\n");
  });

  test("what forkbox needs and the image lacks is UNSUPPORTED, and named", async () => {
    const error = await expectCode(open({ archive: await ociArchive([smallSystem()]) }), "UNSUPPORTED");
    expect(error.message).toMatch(/lacks dd mkfifo mv readlink rmdir sleep tail tee wc/);
    const empty = await expectCode(
      open({ archive: await ociArchive([[{ name: "file", content: "text" }]]) }),
      "UNSUPPORTED",
    );
    expect(empty.message).toContain("no /bin/sh");
    const tools = TOOLS.filter((tool) => tool !== "chroot");
    const bound = await expectCode(open({ archive: await ociArchive([smallSystem(tools)]) }), "UNSUPPORTED");
    expect(bound.message).toContain("lacks a chroot");
  });

  test("an image that can't be had, and a Dockerfile that can't be built, are ENGINE_ERROR that says why", async () => {
    const image = await expectCode(open({ image: "localhost:1/no/such:image" }), "ENGINE_ERROR");
    expect(image.message).toContain("localhost:1/no/such:image");
    const broken = await expectCode(open({ dockerfile: await dockerfile("RUN exit 5") }), "ENGINE_ERROR");
    expect(broken.message).toContain("exit code: 5");
  });
});

async function unpacked(): Promise<string> {
  const directory = await hostDirectory();
  execFileSync("tar", ["-xf", "-", "-C", directory], { input: tarOf(SYSTEM) });
  return directory;
}

/** On the same system, as no registry may be in reach. */
async function dockerfile(lines: string): Promise<string> {
  const directory = await hostFiles({ Dockerfile: `FROM scratch AS first\nADD system.tar /\n${lines}\n` });
  await writeFile(join(directory, "system.tar"), tarOf(SYSTEM));
  return directory;
}
