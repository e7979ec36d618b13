import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

export interface HostProcess {
  pid: number;
  commandLine: string;
}

/** Processes of this host, in any namespace, whose arguments or environment hold the marker. */
export async function processesWith(marker: string): Promise<HostProcess[]> {
  const found: HostProcess[] = [];
  for (const pid of await hostPids()) {
    if (pid === process.pid) continue;
    const commandLine = await procText(pid, "cmdline");
    if (commandLine.includes(marker) || (await procText(pid, "environ")).includes(marker)) {
      found.push({ pid, commandLine: commandLine.replaceAll("\0", " ").trim() });
    }
  }
  return found;
}

/** Waits until at least `count` processes carry the marker. */
export async function waitForProcesses(marker: string, count = 1): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if ((await processesWith(marker)).length >= count) return;
    await sleep(25);
  }
  throw new Error(`no process of this host ever carried ${marker}: is the engine on another machine?`);
}

/** Waits until each of the words is, alone, an argument of some process. */
export async function waitForArguments(words: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const seen = new Set<string>();
    for (const pid of await hostPids()) {
      for (const argument of (await procText(pid, "cmdline")).split("\0")) seen.add(argument);
    }
    if (words.every((word) => seen.has(word))) return;
    await sleep(10);
  }
  throw new Error(
    `no process of this host ever had ${words.join(" and ")}: is the engine on another machine?`,
  );
}

export async function hostPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Text of a file of /proc/<pid>; empty when the process is gone or not ours to look at. */
export async function procText(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "");
}

/** Watches the argument lists of all processes of this host until told to stop. */
export function watchArguments(marker: string): { stop(): Promise<string[]>; looks(): number } {
  const seen = new Set<string>();
  let running = true;
  let looks = 0;
  const watching = (async () => {
    while (running) {
      for (const pid of await hostPids()) {
        const commandLine = await procText(pid, "cmdline");
        if (pid !== process.pid && commandLine.includes(marker)) seen.add(commandLine.replaceAll("\0", " "));
      }
      looks++;
      await sleep(2);
    }
  })();
  return {
    looks: () => looks,
    async stop() {
      running = false;
      await watching;
      return [...seen];
    },
  };
}
