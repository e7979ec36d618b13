import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, Snapshot } from "../../src/engine.js";
import type { EngineUnderTest } from "../support/engines.js";
import { uniqueWord } from "../support/scratch.js";

/** The engine's own promises below Sandbox: what is kept under a key is found again, as it was. */
export function describeKeep(engine: EngineUnderTest): void {
  describe("keep, find and forget", () => {
    let made: Engine;
    const base = () => engine.options.base ?? made.defaultBase;
    const options = { workdir: "/workspace", user: "sandbox" } as const;
    beforeAll(() => {
      made = engine.make();
    });
    afterAll(() => made?.close());

    const write = (from: Snapshot, text: string) =>
      made.change(from, [{ kind: "write", path: "/workspace/file", data: Buffer.from(text) }], "sandbox");
    const text = async (snapshot: Snapshot, from = made) =>
      Buffer.from(await from.read(snapshot, "/workspace/file")).toString();

    test("what is kept is found after its last holder let go, and does not change with what comes after", async () => {
      const key = uniqueWord("key");
      let snapshot = await write(await made.open(base(), options), "kept");
      await made.keep(key, snapshot);
      snapshot = await write(snapshot, "changed later");
      made.release(snapshot);
      const found = await made.find(key, base());
      if (found === undefined) return expect.fail("not found");
      expect(await text(found)).toBe("kept");
      const changed = await write(found, "changed after it was found");
      const again = await made.find(key, base());
      if (again === undefined) return expect.fail("not found again");
      expect(await text(again)).toBe("kept");
      expect(await text(changed)).toBe("changed after it was found");
      made.release(changed);
      made.release(again);
    });

    test("keeping under the same key replaces, forgetting makes it unknown, and an unknown key is no error", async () => {
      const key = uniqueWord("key");
      expect(await made.find(key, base())).toBeUndefined();
      for (const content of ["first", "second"]) {
        const snapshot = await write(await made.open(base(), options), content);
        await made.keep(key, snapshot);
        made.release(snapshot);
      }
      const found = await made.find(key, base());
      if (found === undefined) return expect.fail("not found");
      expect(await text(found)).toBe("second");
      await made.forget(key);
      expect(await made.find(key, base())).toBeUndefined();
      expect(await text(found)).toBe("second");
      made.release(found);
      await made.forget(key);
    });

    test("it outlives the engine: another one finds it, with commands' files, links and modes", async () => {
      const key = uniqueWord("key");
      const first = engine.make();
      const opened = await first.open(base(), options);
      const outcome = await first.exec(opened, {
        argv: [
          "sh",
          "-c",
          "echo made > file; chmod 751 file; ln -s file link; mkdir gone; rmdir gone; rm -rf d; mkdir d",
        ],
        cwd: "/workspace",
        sandbox: Symbol("kept"),
        user: "sandbox",
        env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
        secrets: {},
        network: "on",
        limits: {},
        caches: {},
      });
      if (outcome.kind !== "exited") return expect.fail(outcome.kind);
      await first.keep(key, outcome.snapshot);
      first.release(outcome.snapshot);
      await first.close();
      const found = await made.find(key, base());
      if (found === undefined) return expect.fail("not found");
      expect(await text(found)).toBe("made\n");
      expect((await made.list(found, "/workspace")).map((entry) => `${entry.name} ${entry.type}`)).toEqual([
        "d directory",
        "file file",
        "link symlink",
      ]);
      expect(await made.stat(found, "/workspace/file")).toMatchObject({ mode: 0o751 });
      made.release(found);
      await made.forget(key);
    });

    test("a base has one identity as long as it does not change", async () => {
      expect(await made.identify(base())).toBe(await made.identify(base()));
      expect((await made.identify(base())).length).toBeGreaterThan(8);
    });
  });
}
