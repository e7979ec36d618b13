import { local } from "../../src/engines/local/index.js";
import { type Probe, probe } from "./engines.js";

export function probeLocal(): Promise<Probe> {
  return probe({
    name: "local",
    options: { engine: "local" },
    make: () => local(),
    manyExecs: 70,
    deadlineMs: 700,
  });
}
