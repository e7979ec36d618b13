import { readFileSync } from "node:fs";
import type { User } from "../../engine.js";

/** Ids on the host; undefined where everything is the caller's own. */
export type Owner = { uid: number; gid: number } | undefined;

/** A map for /proc/PID/uid_map and gid_map (user_namespaces(7)), and who owns what forkbox writes. */
export interface Ids {
  uidMap: string;
  gidMap: string;
  /** Whether there are ids besides the caller's own, so that `user: "root"` works and nobody is the host's root. */
  range: boolean;
  /** Of what is written for a user. */
  owner(user: User): Owner;
}

/** The ordinary user's id in a sandbox, in the holder's namespace too. */
export const SANDBOX_ID = 1000;
/** Root of a sandbox is this id in the holder's namespace: its 0 is the host's root and never a sandbox's. */
export const GUEST_ROOT_ID = 1;

const FIRST_HOST_ID = 200_001;
const COUNT = 65_535;

export function idsOfCaller(): Ids {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid === 0) {
    const first = firstFreeId();
    const map = (own: number) => `0 ${own} 1\n1 ${first.id} ${first.count}\n`;
    return {
      uidMap: map(0),
      gidMap: map(0),
      range: true,
      owner: (user) => {
        const id = first.id + (user === "root" ? GUEST_ROOT_ID : SANDBOX_ID) - 1;
        return { uid: id, gid: id };
      },
    };
  }
  return { uidMap: `0 ${uid} 1\n`, gidMap: `0 ${gid} 1\n`, range: false, owner: () => undefined };
}

/** In a container of its own, root may have fewer ids than the usual range: take the upper end of what there is. */
function firstFreeId(): { id: number; count: number } {
  let best = { id: FIRST_HOST_ID, count: 0 };
  for (const line of readFileSync("/proc/self/uid_map", "utf8").trim().split("\n")) {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    if (inside <= FIRST_HOST_ID && inside + count >= FIRST_HOST_ID + COUNT)
      return { id: FIRST_HOST_ID, count: COUNT };
    const usable = Math.min(COUNT, count - 1);
    if (usable > best.count) best = { id: inside + count - usable, count: usable };
  }
  return best;
}
