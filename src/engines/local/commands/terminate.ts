import { readdirSync, readFileSync } from "node:fs";
import { sleep } from "../../../timers.js";
import type { Holder } from "../holder/holder.js";
import type { Init } from "./proof.js";

/** For sending it. */
const MOST_SECONDS = "5";

/**
 * SIGTERM to a command's first process and the group that it leads, as a terminal's Ctrl-C would reach. Process 1 of
 * its namespace is bwrap's and does not hand signals on. Sent from inside that namespace, where numbers are its own:
 * so it reaches nobody else, whatever has ended meanwhile.
 */
export async function terminate(holder: Holder, init: Init): Promise<void> {
  let first = firstChild(holder, init.pid);
  // Its walls may stand before it is there. bwrap, which becomes it, tells nothing of an end before that.
  while (first === undefined && holder.isRunning(init.pid)) {
    await sleep(5);
    first = firstChild(holder, init.pid);
  }
  if (first === undefined) return;
  const kill = 'kill -TERM -- "-$1" 2>/dev/null || kill -TERM "$1"';
  const enter = ["nsenter", "--target", init.pid, "--pid", "sh", "-c", kill, "sh", first];
  // Whoever freezes what is sent in there freezes nsenter, too, which suspends itself with it.
  await holder.task("timeout", "-s", "KILL", MOST_SECONDS, ...enter).catch(() => {});
}

/** The oldest child of a process, as its own pid namespace numbers it. What others left is its child too, and younger. */
function firstChild({ proc }: Holder, parent: string): string | undefined {
  const children: { pid: string; started: number; isBwrap: boolean }[] = [];
  for (const pid of readdirSync(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = textOf(`${proc}/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the state on; see proc(5)
    if (fields[1] === parent)
      children.push({ pid, started: Number(fields[19]), isBwrap: stat.includes(" (bwrap) ") });
  }
  const [oldest] = children.sort((a, b) => a.started - b.started || Number(a.pid) - Number(b.pid));
  if (!oldest || oldest.isBwrap) return undefined;
  const numbers = /^NSpid:\s*(.*)$/m.exec(textOf(`${proc}/${oldest.pid}/status`))?.[1];
  return numbers?.split(/\s+/).at(-1);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has ended
  }
}
