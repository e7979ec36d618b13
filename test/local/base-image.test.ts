import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";
import { ARCHITECTURE, addBlob, addImage, indexOf, smallSystem } from "./base-images.js";
import { registry } from "./base-registry.js";
import { bases, describeLocal, keptBases, open, output } from "./base-sandbox.js";
import { tarOf } from "./base-tar.js";

const system = smallSystem();
const word = (content: string) => [{ name: "word", content }];

describeLocal("an image's name as a base", () => {
  if (bases?.image !== true) {
    test("is UNSUPPORTED without the tool, with what to do", async () => {
      const error = await expectCode(open({ image: "node:20" }), "UNSUPPORTED");
      expect(error.message).toContain(bases?.image);
      expect(error.message).toContain("skopeo");
    });
    test("starts from a registry", ({ skip }) => skip(String(bases?.image)));
    return;
  }

  test("starts from a registry: by tag, by digest, from an index", async () => {
    const { host, tag, blobs } = await registry();
    const manifest = addImage(blobs, [system, word("hello")], { env: ["NAME=value"] });
    tag("team/app:1", manifest);
    const index = addBlob(
      blobs,
      "application/vnd.oci.image.index.v1+json",
      indexOf([{ ...manifest, platform: { os: "linux", architecture: ARCHITECTURE } }]),
    );
    tag("app:latest", index);
    for (const image of [
      `${host}/team/app:1`,
      `${host}/team/app@${manifest.digest}`,
      `${host}/team/app:gone@${manifest.digest}`,
      `${host}/app`,
    ])
      expect(await output({ image }, "cat /word; echo $NAME")).toBe("hellovalue\n");
  });

  test("is fetched once; a tag that moves is another image", async () => {
    const { host, tag, blobs, fetched } = await registry();
    const image = `${host}/moving:now`;
    tag("moving:now", addImage(blobs, [system, word("first")]));
    await using first = local();
    const identity = await first.identify({ image });
    expect(fetched()).toBeGreaterThan(0);
    await using second = local();
    expect(await second.identify({ image })).toBe(identity);
    expect(fetched()).toBe(0);
    tag("moving:now", addImage(blobs, [system, word("second")]));
    await using third = local();
    expect(await third.identify({ image })).not.toBe(identity);
    expect(await output({ image }, "cat /word")).toBe("second");
  });

  test("that the registry does not have is NOT_FOUND; one that is no name, INVALID_ARGUMENT", async () => {
    const { host } = await registry();
    const before = await keptBases();
    const error = await expectCode(open({ image: `${host}/none:1` }), "NOT_FOUND");
    expect(error.message).toContain(`${host}/none:1`);
    for (const image of ["two words", "--help", "docker://node", "node:20:21", "../x"])
      await expectCode(open({ image }), "INVALID_ARGUMENT");
    expect(await keptBases()).toEqual(before);
  });

  test("whose registry does not answer is ENGINE_ERROR in the tool's words", async () => {
    const error = await expectCode(open({ image: "127.0.0.1:1/app:1" }), "ENGINE_ERROR");
    expect(error.message).toContain("refused");
  });
});

describeLocal("a Dockerfile as a base", () => {
  if (bases?.dockerfile !== true) {
    test("is UNSUPPORTED without the tool, with what to do", async () => {
      const error = await expectCode(open({ dockerfile: await hostDirectory() }), "UNSUPPORTED");
      expect(error.message).toContain(bases?.dockerfile);
      expect(error.message).toContain("buildah");
    });
    test("is built", ({ skip }) => skip(String(bases?.dockerfile)));
    return;
  }

  test("is built, with a target and build arguments", async () => {
    const directory = await hostDirectory();
    await writeFile(join(directory, "system.tar"), tarOf(system));
    await writeFile(join(directory, "word"), "from the context");
    const text = [
      "FROM scratch AS one",
      "ADD system.tar /",
      "ARG NAME=default",
      "ENV NAME=$NAME",
      "COPY word /word",
      "FROM one AS two",
      "ENV STAGE=two",
    ];
    await writeFile(join(directory, "Dockerfile"), `${text.join("\n")}\n`);
    const command = 'cat /word; echo " $NAME $STAGE"';
    expect(await output({ dockerfile: directory }, command)).toBe("from the context default two\n");
    const base = { dockerfile: directory, target: "one", buildArgs: { NAME: "given; echo" } };
    expect(await output(base, command)).toBe("from the context given; echo \n");
  });

  test("whose build fails is ENGINE_ERROR in the tool's words", async () => {
    const directory = await hostDirectory();
    await writeFile(join(directory, "Dockerfile"), "FROM scratch\nCOPY no-such-file /\n");
    const error = await expectCode(open({ dockerfile: directory }), "ENGINE_ERROR");
    expect(error.message).toContain("no-such-file");
  });

  test("that is missing is NOT_FOUND, one that is a file NOT_A_DIRECTORY", async () => {
    const directory = await hostDirectory();
    await expectCode(open({ dockerfile: join(directory, "none") }), "NOT_FOUND");
    await expectCode(open({ dockerfile: directory }), "NOT_FOUND");
    await writeFile(join(directory, "Dockerfile"), "FROM scratch\n");
    await expectCode(open({ dockerfile: join(directory, "Dockerfile") }), "NOT_A_DIRECTORY");
  });
});
