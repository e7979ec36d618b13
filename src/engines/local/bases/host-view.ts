/** What of the host is shown, read-only and at its own place: the toolchain, the running Node, what the operator named. */
export interface HostView {
  /** Sorted: what lies in another comes after it. */
  shown: readonly { at: string; from: string }[];
  /** Directories in those that nothing is shown of but what is named in them: homes, and forkbox's state. */
  hidden: readonly string[];
  /** Made where nothing is shown. */
  links: readonly { at: string; target: string }[];
}
