import { rmSync } from "node:fs";
import { Sandbox } from "../src/index.js";
import { run } from "./bare.js";
import type { Group } from "./group.js";
import { interleave, timed } from "./measure.js";
import type { Place } from "./place.js";

const FILES = 5000;
const ROUNDS = 7;

const create = () => Sandbox.create({ engine: "local", network: "off" });

export const refresh: Group = {
  rows: ["refresh", "refresh-again"],
  async measure(place) {
    const project = place.project(FILES);
    const again: number[] = [];
    const { ours, floor } = await interleave(ROUNDS, {
      async ours() {
        await using sandbox = await create();
        const first = await timed(() => sandbox.refreshFromHost(project, "project"));
        again.push(await timed(() => sandbox.refreshFromHost(project, "project")));
        return first;
      },
      floor: () => copy(project, place),
    });
    return { refresh: { ours, floor }, "refresh-again": { ours: again, floor: ours } };
  },
};

export const exportOut: Group = {
  rows: ["export"],
  async measure(place) {
    const project = place.project(FILES);
    await using sandbox = await create();
    await sandbox.refreshFromHost(project, "project");
    const { ours, floor } = await interleave(ROUNDS, {
      async ours() {
        const to = place.fresh();
        const time = await timed(() => sandbox.exportDirectory("project", to));
        rmSync(to, { recursive: true });
        return time;
      },
      floor: () => copy(project, place),
    });
    return { export: { ours, floor } };
  },
};

async function copy(from: string, place: Place): Promise<number> {
  const to = place.fresh();
  const time = await timed(() => run("cp", ["-r", from, to], "/"));
  rmSync(to, { recursive: true });
  return time;
}
