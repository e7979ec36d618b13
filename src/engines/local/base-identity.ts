import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Base } from "../../engine.js";
import type { ImageBase } from "./base-image.js";

/**
 * Changes when the tools of a base that is a directory do: the digest of an image says that by itself. It takes
 * change times, not content: installing or upgrading a program renames files into its directory.
 */
export function identifyDirectories(base: Exclude<Base, ImageBase>): string {
  const hash = createHash("sha256").update(JSON.stringify(base));
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
    "opt",
  ];
  if ("rootfs" in base) return ["", ...inside].map((path) => join(realpathSync(base.rootfs), path));
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return [
    ...inside.filter((path) => path !== "etc").map((path) => `/${path}`),
    join(prefix, "bin"),
    join(prefix, "lib/node_modules"),
    ...(base.paths ?? []),
  ];
}
