import { canRedraw } from "./terminal.js";
import type { View } from "./types.js";

/** A tree that is drawn over itself on a terminal, lines elsewhere. */
export async function chooseView(
  stream: NodeJS.WriteStream,
  { verbose, quiet }: { verbose: boolean; quiet: boolean },
): Promise<View> {
  if (quiet) return { event: () => {}, stopping: () => {}, end: () => {} };
  if (canRedraw(stream) && !verbose) return (await import("./live-view.js")).liveView(stream);
  return (await import("./plain-view.js")).plainView(stream, verbose);
}
