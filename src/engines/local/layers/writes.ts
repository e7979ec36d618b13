import { lstatSync, readdirSync } from "node:fs";
import type { Owner } from "../holder/ids.js";
import type { Layer } from "./layer.js";

/**
 * Says later whether a command has written nothing into its layer: no entry in it, and its top directory is what it
 * was. Whoever owns that directory, and could give it attributes of another kind, counts as one who has.
 */
export function watchWrites({ path }: Layer, user: Owner): { none(): boolean } {
  const look = () => {
    const { mtimeNs, mode, uid, gid } = lstatSync(path, { bigint: true });
    const mayHide = user === undefined || uid === BigInt(user.uid);
    return mayHide || readdirSync(path).length > 0 ? undefined : `${mtimeNs} ${mode} ${uid} ${gid}`;
  };
  const before = look();
  return { none: () => before !== undefined && look() === before };
}
