import type { Redactor } from "../redaction/redactor.js";
import type { McpOptions } from "./options.js";
import type { Roots } from "./roots.js";

/** What all clients share. */
export interface World {
  options: McpOptions;
  roots: Roots;
  /** Knows the operator's credentials: the only ones there are. */
  redactor: Redactor;
}
