import type { Capabilities, Support } from "../../engine.js";
import { dockerfileSupport, imageSupport } from "./bases/tool.js";
import { findTool } from "./doctor/tools.js";
import { lackOfNetwork } from "./doctor/tunnel.js";
import type { Session } from "./session.js";

/** What this machine lets the local engine honour. */
export async function probeCapabilities({ ids, cgroups, holder }: Session): Promise<Capabilities> {
  const cgroup = (name: "memory" | "cpu"): Support =>
    cgroups.roots[name]
      ? true
      : `This process may not make ${name} cgroups here. Run as root, or under \`systemd-run --user --scope -p Delegate=yes\`; \`forkbox doctor\` says what is writable.`;
  return {
    liveOutput: "bytes",
    bases: {
      host: true,
      rootfs: true,
      archive: true,
      image: imageSupport(),
      dockerfile: dockerfileSupport(),
    },
    users: {
      sandbox: true,
      root: ids.range
        ? true
        : 'user "root" needs a range of ids, which only root\'s own forkbox can map here. Use user "sandbox", or run as root.',
    },
    network: { on: (await lackOfNetwork(holder)) ?? true, off: true, host: true },
    limits: {
      memoryMiB: cgroup("memory"),
      cpus: cgroup("cpu"),
      processes: true,
      diskMiB: true,
      outputBytes: true,
    },
    caches: true,
    services: findTool("ip")
      ? true
      : "their network needs the program ip, of the package iproute2. Install it.",
  };
}
