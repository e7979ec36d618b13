import type { Requirement } from "./requirement.js";

/** A named set of dependencies. */
export interface Place {
  kind: "extra" | "group" | "poetry-group" | "file" | "hint";
  name: string;
  /** For comments: "the group dev of pyproject.toml". */
  said: string;
  requirements: Requirement[];
  /** Its manager leaves it out unless it is asked for. */
  optional: boolean;
}

/** What a project says that it needs. */
export interface Declared {
  main: Requirement[];
  /** Nothing but building it tells what else it needs. */
  isDynamic: boolean;
  places: Place[];
}
