import { Sandbox } from "../src/index.js";
import { run } from "./bare.js";
import type { Group } from "./group.js";
import { interleave, timedOnQuietDisk } from "./measure.js";
import type { Place } from "./place.js";

const FILES = 5000;
const ROUNDS = 7;

// Nothing is deleted between rounds: ext4 makes files several times as slowly for seconds after many were removed.

export const refresh: Group = {
  rows: ["refresh", "refresh-again"],
  async measure(place) {
    const project = place.project(FILES);
    const again: number[] = [];
    const sandboxes: Sandbox[] = [];
    const { ours, floor } = await interleave(ROUNDS, {
      async ours() {
        const sandbox = await create();
        sandboxes.push(sandbox);
        const first = await timedOnQuietDisk(() => sandbox.refreshFromHost(project, "project"));
        again.push(await timedOnQuietDisk(() => sandbox.refreshFromHost(project, "project")));
        return first;
      },
      floor: () => copy(project, place),
    });
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
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
      ours: () => timedOnQuietDisk(() => sandbox.exportDirectory("project", place.fresh())),
      floor: () => copy(project, place),
    });
    return { export: { ours, floor } };
  },
};

function create(): Promise<Sandbox> {
  return Sandbox.create({ engine: "local", network: "off" });
}

function copy(from: string, place: Place): Promise<number> {
  return timedOnQuietDisk(() => run("cp", ["-r", from, place.fresh()], "/"));
}
