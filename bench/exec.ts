import { type Engine, local, Sandbox } from "../src/index.js";
import { bareBwrap } from "./bare.js";
import type { Group } from "./group.js";
import { backToBack, interleave, timed } from "./measure.js";

// A block is as many runs one straight after the other. Some processes stand by when the engine was idle, so
// the first few of a block don't count: they would be quicker.
const BLOCK = 15;
const UNMEASURED = 6;

const create = (engine: Engine | "local" = "local") => Sandbox.create({ engine, network: "off" });

export const execTrue: Group = {
  rows: ["exec-true"],
  async measure(place) {
    const bare = await bareBwrap(place);
    await using sandbox = await create();
    const { ours, floor } = await interleave(6, {
      ours: () => backToBack(BLOCK, UNMEASURED, () => sandbox.exec(["true"])),
      floor: () => backToBack(BLOCK, UNMEASURED, () => bare("true")),
    });
    return { "exec-true": { ours, floor } };
  },
};

export const execThousandth: Group = {
  rows: ["exec-1000th"],
  async measure() {
    await using old = await create();
    let count = 0;
    const touch = (sandbox: Sandbox) => sandbox.exec(["touch", `file-${count++}`]);
    await backToBack(0, 985, () => touch(old));
    const { ours, floor } = await interleave(5, {
      ours: () => backToBack(6, 4, () => touch(old)),
      floor: async () => {
        await using young = await create();
        return await backToBack(6, 7, () => touch(young));
      },
    });
    return { "exec-1000th": { ours, floor } };
  },
};

export const execManyOpen: Group = {
  rows: ["exec-200-open"],
  async measure(place) {
    await using crowded = local({ stateDirectory: place.fresh() });
    await using empty = local({ stateDirectory: place.fresh() });
    const many: Sandbox[] = [];
    for (let i = 0; i < 200; i++) {
      const sandbox = await create(crowded);
      await sandbox.exec(["touch", "mine"]);
      many.push(sandbox);
    }
    await using one = await create(empty);
    const [first] = many as [Sandbox];
    const { ours, floor } = await interleave(5, {
      ours: () => backToBack(BLOCK, UNMEASURED, () => first.exec(["true"])),
      floor: () => backToBack(BLOCK, UNMEASURED, () => one.exec(["true"])),
    });
    await Promise.all(many.map((sandbox) => sandbox.close()));
    return { "exec-200-open": { ours, floor } };
  },
};

export const execForks: Group = {
  rows: ["exec-16-forks"],
  async measure(place) {
    const bare = await bareBwrap(place);
    await using parent = await create();
    await parent.exec(["true"]);
    const sixteen = Array.from({ length: 16 });
    const { ours, floor } = await interleave(9, {
      async ours() {
        const forks: Sandbox[] = [];
        const time = await timed(() =>
          Promise.all(
            sixteen.map(async () => {
              const fork = await parent.fork();
              forks.push(fork);
              await fork.exec(["true"]);
            }),
          ),
        );
        await Promise.all(forks.map((fork) => fork.close()));
        return time;
      },
      floor: () => timed(() => Promise.all(sixteen.map(() => bare("true")))),
    });
    return { "exec-16-forks": { ours, floor } };
  },
};
