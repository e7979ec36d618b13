import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Base } from "../../engine.js";

/**
 * Changes when a base's tools do. Of directories it takes change times, not content: installing or upgrading
 * a program renames files into its directory.
 */
export async function identifyBase(base: Base): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(base));
  if ("archive" in base) await pipeline(createReadStream(base.archive), hash, { end: false });
  else
    for (const path of directoriesOf(base))
      hash.update(`${path}:${existsSync(path) ? statSync(path).ctimeMs : "none"}\n`);
  if ("host" in base) {
    hash.update(`${process.version} ${process.arch}\n`);
    if (existsSync("/etc/os-release")) hash.update(readFileSync("/etc/os-release"));
  }
  return hash.digest("hex");
}

function directoriesOf(base: Base): string[] {
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
    "opt",
  ];
  if ("rootfs" in base) return ["", ...inside].map((path) => join(realpathSync(base.rootfs), path));
  if ("host" in base) {
    const prefix = dirname(dirname(realpathSync(process.execPath)));
    return [
      ...inside.filter((path) => path !== "etc").map((path) => `/${path}`),
      join(prefix, "bin"),
      join(prefix, "lib/node_modules"),
      ...(base.paths ?? []),
    ];
  }
  return [];
}
