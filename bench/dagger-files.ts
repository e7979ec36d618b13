import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bothSides } from "./dagger-raw.js";
import type { Group } from "./group.js";
import { interleave, timed } from "./measure.js";

const FILES = 5000;

export const daggerWrite: Group = {
  rows: ["dagger-write-100"],
  async measure(place) {
    await using sides = await bothSides();
    await using sandbox = await sides.create();
    const hundred = () =>
      Array.from({ length: 100 }, (_, i) => ({ path: `file-${i}`, data: randomBytes(1024) }));
    const { ours, floor } = await interleave(15, {
      async ours() {
        await using fork = await sandbox.fork();
        const files = hundred();
        return await timed(() => fork.writeFiles(files));
      },
      async floor() {
        const directory = place.fresh();
        mkdirSync(directory);
        for (const { path, data } of hundred()) writeFileSync(join(directory, path), data);
        return await timed(() => sides.raw.import(sides.container, directory, "/workspace"));
      },
    });
    return { "dagger-write-100": { ours, floor } };
  },
};

export const daggerRefreshAgain: Group = {
  rows: ["dagger-refresh-again"],
  async measure(place) {
    await using sides = await bothSides();
    await using sandbox = await sides.create();
    const project = place.project(FILES);
    await sandbox.refreshFromHost(project, "project");
    let container = await sides.raw.import(sides.container, project, "/workspace/project");
    const { ours, floor } = await interleave(9, {
      ours: () => timed(() => sandbox.refreshFromHost(project, "project")),
      floor: () =>
        timed(async () => {
          container = await sides.raw.import(container, project, "/workspace/project");
        }),
    });
    return { "dagger-refresh-again": { ours, floor } };
  },
};
