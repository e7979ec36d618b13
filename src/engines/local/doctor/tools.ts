import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Where the holder looks for programs: not the caller's PATH, which may lead anywhere. */
export const TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";

interface Tool {
  /** What the engine can't do without it; left out: anything. */
  only?: string;
  packages: { apt: string; dnf: string; apk: string; pacman: string };
}

const everywhere = (name: string) => ({ apt: name, dnf: name, apk: name, pacman: name });
const utilLinux: Tool = { packages: everywhere("util-linux") };

/** The programs the local engine runs. */
export const TOOLS: Readonly<Record<string, Tool>> = {
  bwrap: { packages: everywhere("bubblewrap") },
  unshare: utilLinux,
  nsenter: utilLinux,
  mount: { packages: { ...utilLinux.packages, apt: "mount" } },
  flock: utilLinux,
  mkfifo: { packages: everywhere("coreutils") },
  slirp4netns: { only: "network", packages: everywhere("slirp4netns") },
  ip: { only: "network", packages: { apt: "iproute2", dnf: "iproute", apk: "iproute2", pacman: "iproute2" } },
};

/** The path of a program the holder would run. */
export function findTool(name: string): string | undefined {
  return TOOL_PATH.split(":")
    .map((directory) => join(directory, name))
    .find((path) => isExecutable(path));
}

/** The command that installs what is missing here. */
export function installCommand(names: readonly string[]): string {
  const managers = {
    apt: "apt-get install -y",
    dnf: "dnf install -y",
    apk: "apk add",
    pacman: "pacman -S --noconfirm",
  } as const;
  const programs = { apt: "apt-get", dnf: "dnf", apk: "apk", pacman: "pacman" } as const;
  const manager =
    (Object.keys(managers) as (keyof typeof managers)[]).find((key) => findTool(programs[key])) ?? "apt";
  const packages = new Set(names.map((name) => TOOLS[name]?.packages[manager] ?? name));
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  return `${sudo}${managers[manager]} ${[...packages].join(" ")}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
