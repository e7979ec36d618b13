import type { Place } from "./toolchains/caller.js";
import type { Toolchains } from "./toolchains/find.js";

/** What of the host is shown, read-only and at its own place: the toolchain, the running Node, what the operator named. */
export interface HostView {
  /** Sorted: what lies in another comes after it. */
  shown: readonly Place[];
  /** Directories in those that nothing is shown of but what is named in them: homes, and forkbox's state. */
  hidden: readonly string[];
  /** Small files that are copied instead. */
  copies: readonly Place[];
  /** Made where nothing is shown. */
  links: readonly { at: string; target: string }[];
  /** What of it are the caller's own toolchains. */
  tools: Toolchains;
}
