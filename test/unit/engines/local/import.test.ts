import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { importInto } from "../../../../src/engines/local/layers/import.js";
import type { LocalSnapshot } from "../../../../src/engines/local/layers/snapshots.js";
import { Tree } from "../../../../src/engines/local/layers/tree.js";
import { Session } from "../../../../src/engines/local/session.js";
import { hostDirectory } from "../../../support/scratch.js";

const directory = { type: "directory", mode: 0o755, size: 0, allocated: 0, mtime: 0, stamp: "1" } as const;

/** Goes before so many looks at it, as the holder's end would have it. */
class DyingTree extends Tree {
  looks = 0;

  constructor(
    root: string,
    private readonly last: number,
  ) {
    super(root, [], [], false);
  }

  override place(real: string): Buffer {
    if (++this.looks === this.last) rmSync(this.root, { recursive: true });
    return super.place(real);
  }
}

test("an import whose tree goes with the holder is lost, whatever it was looking at", async () => {
  let looks = 0;
  for (let last = 1; looks >= last - 1; last++) {
    const [root, layer, source] = [await hostDirectory(), await hostDirectory(), await hostDirectory()];
    mkdirSync(join(root, "workspace/sub"), { recursive: true });
    const tree = new DyingTree(root, last);
    let pins = 1;
    const session = Object.assign(Object.create(Session.prototype), {
      pinTree: async () => ({ tree, unpin: () => pins-- }),
      ids: { owner: () => undefined },
      snapshots: { newLayer: () => ({ path: layer }), create: () => ({}), release: () => {} },
      compact: () => {},
    }) as Session;
    mkdirSync(join(source, "sub/deeper"), { recursive: true });
    const entries = ["sub", "sub/deeper"].map((path) => ({ ...directory, path: Buffer.from(path) }));
    const plan = { source, to: "/workspace", entries, remove: [] };
    const from = { layers: [] } as unknown as LocalSnapshot;
    const end = await importInto(session, from, plan, "sandbox", undefined).catch((error) => error.code);
    looks = tree.looks;
    expect(looks < last || end === "ENGINE_LOST", `${end} where it went before look ${last}`).toBe(true);
    expect(pins).toBe(0);
  }
  expect(looks).toBeGreaterThan(4);
});
