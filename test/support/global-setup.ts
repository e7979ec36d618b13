import { existsSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statePrefix } from "./engines.js";
import { cgroupsNow, locksIn, mountsOf, untilNone } from "./leftovers.js";

/** After the whole run: no process, mount, cgroup or lock of it, and its state directories are removed. */
export default function setup(): () => Promise<void> {
  const prefix = statePrefix(process.pid);
  return async () => {
    const states = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
    await untilNone(() => mountsOf(join(tmpdir(), prefix)));
    const sessions: string[] = [];
    for (const state of states.map((name) => join(tmpdir(), name))) {
      await untilNone(() => locksIn(state));
      // Not all that is in there: it would follow links of bases to wherever they lead.
      const running = join(state, "sessions");
      if (existsSync(running)) sessions.push(...readdirSync(running));
    }
    const left = (await cgroupsNow()).filter((path) =>
      sessions.some((name) => path.endsWith(`forkbox-${name}`)),
    );
    if (left.length > 0) throw new Error(`cgroups left after the run: ${left.join(" ")}`);
    for (const name of states) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  };
}
