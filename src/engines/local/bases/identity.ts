import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Base } from "../../../engine.js";
import type { ImageBase } from "./image.js";

/**
 * Changes when the tools of a base that is a directory do: the digest of an image says that by itself. It takes
 * change times, not content: installing or upgrading a program renames files into its directory. `tools` says it of
 * those in homes.
 */
export function identifyDirectories(base: Exclude<Base, ImageBase>, tools = ""): string {
  const hash = createHash("sha256").update(JSON.stringify(base)).update(tools);
  for (const path of directoriesOf(base))
    hash.update(`${path}:${existsSync(path) ? statSync(path).ctimeMs : "none"}\n`);
  if ("host" in base) {
    hash.update(`${process.version} ${process.arch}\n`);
    if (existsSync("/etc/os-release")) hash.update(readFileSync("/etc/os-release"));
  }
  return hash.digest("hex");
}

function directoriesOf(base: Exclude<Base, ImageBase>): string[] {
  const inside = [
    "bin",
    "sbin",
    "lib",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/local/bin",
    "usr/local/lib",
    "etc",
  ];
  if ("rootfs" in base) {
    const root = realpathSync(base.rootfs);
    return [...inside.map((path) => join(root, path)), ...packagesIn(join(root, "opt"))];
  }
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return [
    ...inside.filter((path) => path !== "etc").map((path) => `/${path}`),
    ...packagesIn("/opt"),
    process.execPath,
    join(prefix, "lib/node_modules"),
    ...(base.paths ?? []),
  ];
}

/** Each package in /opt has a directory; files beside them come and go and are no tools. */
function packagesIn(opt: string): string[] {
  if (!existsSync(opt)) return [];
  const directories = readdirSync(opt, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return directories.map(({ name }) => join(opt, name)).sort();
}
