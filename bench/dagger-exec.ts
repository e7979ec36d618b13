import type { Sandbox } from "../src/index.js";
import { bothSides } from "./dagger-raw.js";
import type { Group } from "./group.js";
import { backToBack, interleave, timed } from "./measure.js";

const OPERATIONS = 200;
const WRITTEN_BYTES = 20 * 1024 * 1024;

export const daggerExec: Group = {
  rows: ["dagger-exec"],
  async measure() {
    await using sides = await bothSides();
    await using sandbox = await sides.create();
    const raw = () => sides.raw.exec(sides.container, "true");
    await raw();
    await sandbox.exec(["true"]);
    const { ours, floor } = await interleave(20, {
      ours: () => timed(() => sandbox.exec(["true"])),
      floor: () => timed(raw),
    });
    return { "dagger-exec": { ours, floor } };
  },
};

export const daggerExecLate: Group = {
  rows: ["dagger-exec-200th", "dagger-fork"],
  async measure() {
    await using sides = await bothSides();
    await using old = await sides.create();
    await using young = await sides.create();
    const half = OPERATIONS / 2;
    for (let i = 0; i < half; i++) {
      await old.exec(`echo ${i} > file-${i}`);
      await old.writeFile(`data-${i}`, Buffer.alloc(WRITTEN_BYTES / half, `${i}\n`));
    }
    const forks = await backToBack(100, 10, async () => (await old.fork()).close());
    const { ours, floor } = await interleave(20, {
      ours: () => timed(() => old.exec(["true"])),
      async floor() {
        await using first = await young.fork();
        return await timed(() => first.exec(["true"]));
      },
    });
    return { "dagger-exec-200th": { ours, floor }, "dagger-fork": { ours: forks } };
  },
};

export const daggerForks: Group = {
  rows: ["dagger-8-forks"],
  async measure() {
    await using sides = await bothSides();
    await using parent = await sides.create();
    const eight = Array.from({ length: 8 });
    const { ours, floor } = await interleave(9, {
      async ours() {
        const forks: Sandbox[] = [];
        const time = await timed(() =>
          Promise.all(
            eight.map(async () => {
              const fork = await parent.fork();
              forks.push(fork);
              await fork.exec(["true"]);
            }),
          ),
        );
        await Promise.all(forks.map((fork) => fork.close()));
        return time;
      },
      floor: () => timed(() => Promise.all(eight.map(() => sides.raw.exec(sides.container, "true")))),
    });
    return { "dagger-8-forks": { ours, floor } };
  },
};

/** Both clocks are this machine's. */
export const daggerLive: Group = {
  rows: ["dagger-live"],
  async measure() {
    await using sides = await bothSides();
    await using sandbox = await sides.create();
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      let first: number | undefined;
      await sandbox.exec("date +%s%3N; sleep 1", {
        onStdout(text) {
          first ??= Date.now() - Number(text);
        },
      });
      if (first === undefined) throw new Error("Nothing was heard of what a command printed.");
      delays.push(first);
    }
    return { "dagger-live": { ours: delays } };
  },
};
