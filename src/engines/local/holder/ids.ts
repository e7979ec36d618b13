import { readFileSync } from "node:fs";
import type { User } from "../../../engine.js";

/** Ids on the host; undefined where everything is the caller's own. */
export type Owner = { uid: number; gid: number } | undefined;

/** A map for /proc/PID/uid_map and gid_map (user_namespaces(7)), and who owns what forkbox writes. */
export interface Ids {
  uidMap: string;
  gidMap: string;
  /** The same for the namespace of a sandbox's root, which is made in the holder's. */
  guestMap: string;
  /** Whether there are ids besides the caller's own, so that `user: "root"` works and nobody is the host's root. */
  range: boolean;
  /** Of what is written for a user. */
  owner(user: User): Owner;
  /** Of what an image gives to somebody: nobody's, with a warning, where a sandbox has no such id here. */
  ownerInImage(ids: { uid: number; gid: number }): Owner;
}

/** The ordinary user's id in a sandbox, in the holder's namespace too. */
export const SANDBOX_ID = 1000;
/** Root of a sandbox is this id in the holder's namespace: its 0 is the host's root and never a sandbox's. */
const GUEST_ROOT_ID = 1;
const NOBODY = 65_534;

const FIRST_HOST_ID = 200_001;
const COUNT = 65_535;
/** Ids that don't fit in 16 bits: archives have them, and chown to one that is not mapped is EINVAL. On the host they are the upper half of all, which nobody gives to anybody as programs take them for negative. */
const LARGE = { inside: COUNT, host: 2 ** 31, count: 2 ** 31 - COUNT - 1 };

export function idsOfCaller(): Ids {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) {
    const maps = { uidMap: `0 ${uid} 1\n`, gidMap: `0 ${gid} 1\n`, guestMap: "" };
    return { ...maps, range: false, owner: () => undefined, ownerInImage: () => undefined };
  }
  const first = firstFreeId();
  const large = ownIds().some(
    ({ inside, count }) => inside <= LARGE.host && inside + count >= LARGE.host + LARGE.count,
  );
  const largeMap = (inside: number, host: number) => (large ? `${inside} ${host} ${LARGE.count}\n` : "");
  const map = `0 0 1\n1 ${first.id} ${first.count}\n${largeMap(LARGE.inside + GUEST_ROOT_ID, LARGE.host)}`;
  const onHost = (id: number) => {
    if (large && id >= LARGE.inside && id < LARGE.inside + LARGE.count) return LARGE.host + id - LARGE.inside;
    if (id >= 0 && id < first.count) return first.id + id;
    warn(id);
    return first.id + Math.min(NOBODY, first.count - 1);
  };
  return {
    uidMap: map,
    gidMap: map,
    guestMap: `0 ${GUEST_ROOT_ID} ${first.count}\n${largeMap(LARGE.inside, LARGE.inside + GUEST_ROOT_ID)}`,
    range: true,
    owner: (user) => {
      const id = first.id + (user === "root" ? 0 : SANDBOX_ID - GUEST_ROOT_ID);
      return { uid: id, gid: id };
    },
    ownerInImage: (ids) => ({ uid: onHost(ids.uid), gid: onHost(ids.gid) }),
  };
}

/** In a container of its own, root may have fewer ids than the usual range: take the upper end of what there is. */
function firstFreeId(): { id: number; count: number } {
  let best = { id: FIRST_HOST_ID, count: 0 };
  for (const { inside, count } of ownIds()) {
    if (inside <= FIRST_HOST_ID && inside + count >= FIRST_HOST_ID + COUNT)
      return { id: FIRST_HOST_ID, count: COUNT };
    const usable = Math.min(COUNT, count - 1);
    if (usable > best.count) best = { id: inside + count - usable, count: usable };
  }
  return best;
}

/** The ids that this process' own namespace has. */
function ownIds(): { inside: number; count: number }[] {
  const lines = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  return lines.map((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return { inside, count };
  });
}

const warned = new Set<number>();

function warn(id: number): void {
  if (warned.size >= 3 || warned.has(id)) return;
  warned.add(id);
  process.emitWarning(
    `The base has files of the id ${id}, which no sandbox has here: in sandboxes they are nobody's.`,
    { type: "ForkboxWarning", code: "FORKBOX_SQUASHED_OWNER" },
  );
}
