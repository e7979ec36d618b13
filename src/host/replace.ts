import * as fs from "node:fs";
import { baseName, joinBytes, parentOf, printable } from "../files/bytes.js";
import { hostError, systemCode } from "../files/errors.js";
import type { Slices } from "../files/slices.js";
import { placeInto } from "./place.js";
import { removeTree } from "./remove.js";
import { namesOf } from "./selection/names.js";
import type { Staging } from "./staging.js";
import type { Target } from "./target.js";

const operation = "exportDirectory";

/** Where an export is built, and how it gets from there into its place. */
export interface StagingPlace {
  /** The directory that holds the staging directory, and that what is built is moved into. */
  directory: Buffer;
  /** The directories to build around the export: those that the host lacks. */
  names: readonly Buffer[];
  /** What is at the target now has to go. */
  replaces: boolean;
}

/** Chooses a place on the file system of the target, so that a rename is enough in the end. */
export function stagingPlace(target: Target, replace: boolean): StagingPlace {
  const replaces = replace && target.missing.length === 0;
  const beside = parentOf(target.path);
  if (replaces && isSwappable(target.path, beside)) {
    return { directory: beside, names: [baseName(target.path)], replaces };
  }
  return { directory: target.anchor, names: target.missing, replaces };
}

/**
 * Puts what was staged in the place of the target. Where the target can be renamed this takes two renames,
 * and a failure puts the old one back. A mount point, or a directory whose parent can't be written, is
 * emptied and filled instead.
 */
export async function replaceDirectory(
  staging: Staging,
  place: StagingPlace,
  target: Buffer,
  slices: Slices,
): Promise<void> {
  if (place.names.length === 0) {
    await empty(target, staging.name, slices);
    return placeInto(staging.tree, target, slices);
  }
  try {
    fs.renameSync(target, staging.old);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "EXDEV" && code !== "EBUSY")
      throw hostError(error, operation, "Can't replace", printable(target));
    await empty(target, staging.name, slices);
    return placeInto(staging.tree, place.directory, slices);
  }
  try {
    await placeInto(staging.tree, place.directory, slices);
  } catch (error) {
    fs.renameSync(staging.old, target);
    throw error;
  }
}

function isSwappable(target: Buffer, parent: Buffer): boolean {
  if (fs.statSync(parent).dev !== fs.statSync(target).dev) return false;
  try {
    fs.accessSync(parent, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function empty(directory: Buffer, except: Buffer, slices: Slices): Promise<void> {
  for (const name of await namesOf(directory)) {
    const bytes = Buffer.from(name, "latin1");
    if (bytes.equals(except)) continue;
    const child = joinBytes(directory, bytes);
    try {
      await removeTree(child, slices);
    } catch (error) {
      throw hostError(error, operation, "Can't remove what is to be replaced:", printable(child));
    }
  }
}
