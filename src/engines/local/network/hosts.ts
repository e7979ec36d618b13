import { closeSync, readSync } from "node:fs";
import { openRegular } from "../layers/descriptors.js";
import type { Tree } from "../layers/tree.js";

export const HOSTS_FILE = "/etc/hosts";
/** Of what a sandbox has in it. */
const LONGEST = 64 * 1024;

/** What a sandbox's hosts file holds; undefined where there is none that something can be mounted on without being led elsewhere. */
export function hostsIn(tree: Tree): string | undefined {
  const { real, stat, place } = tree.resolve(HOSTS_FILE, "exec", true);
  if (real !== HOSTS_FILE || !stat?.isFile()) return undefined;
  const opened = openRegular(place);
  if (!opened) return undefined;
  try {
    const bytes = Buffer.alloc(LONGEST);
    return bytes.toString("latin1", 0, readSync(opened.fd, bytes, 0, LONGEST, 0));
  } finally {
    closeSync(opened.fd);
  }
}
