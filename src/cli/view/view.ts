import type { ValidationEvent } from "../../validation/types.js";
import { canRedraw } from "./terminal.js";

/** Shows a validation while it runs. */
export interface View {
  event(event: ValidationEvent): void;
  /** The user asked to stop. */
  stopping(): void;
  /** Takes away what was only for the moment; idempotent. */
  end(): void;
}

/** A tree that is drawn over itself on a terminal, lines elsewhere. */
export async function chooseView(
  stream: NodeJS.WriteStream,
  { verbose, quiet }: { verbose: boolean; quiet: boolean },
): Promise<View> {
  if (quiet) return { event: () => {}, stopping: () => {}, end: () => {} };
  if (canRedraw(stream) && !verbose) return (await import("./live-view.js")).liveView(stream);
  return (await import("./plain-view.js")).plainView(stream, verbose);
}
