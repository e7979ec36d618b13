import { randomBytes } from "node:crypto";
import { Sandbox } from "../src/index.js";
import type { Group } from "./group.js";
import { backToBack } from "./measure.js";

export const files: Group = {
  rows: ["read-file", "write-file"],
  async measure() {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const data = randomBytes(1024);
    let count = 0;
    const written = await backToBack(200, 20, () => sandbox.writeFile(`src/file-${count++}`, data));
    let next = 0;
    const read = await backToBack(200, 20, () => sandbox.readFile(`src/file-${next++ % count}`));
    return { "read-file": { ours: read }, "write-file": { ours: written } };
  },
};
