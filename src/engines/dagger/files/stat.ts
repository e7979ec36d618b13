import { call, type Step } from "../session/graphql.js";

/** What the engine says of a path. It leaves out the three bits above the permissions. */
export interface Stat {
  type: "file" | "directory" | "symlink" | "other";
  size: number;
  mode: number;
}

/** The fields to select of {@link statStep}. */
export const STAT_FIELDS = "fileType size permissions";

export interface RawStat {
  fileType: string;
  size: number;
  permissions: number;
}

const TYPES: Readonly<Record<string, Stat["type"]>> = {
  REGULAR: "file",
  REGULAR_TYPE: "file",
  DIRECTORY: "directory",
  DIRECTORY_TYPE: "directory",
  SYMLINK: "symlink",
  SYMLINK_TYPE: "symlink",
};

/** Does not follow a link at the end. */
export function statStep(path: string): Step {
  return call("stat", { path, doNotFollowSymlinks: true });
}

export function readStat({ fileType, size, permissions }: RawStat): Stat {
  return { type: TYPES[fileType] ?? "other", size, mode: permissions & 0o7777 };
}
