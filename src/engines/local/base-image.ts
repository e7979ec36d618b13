import type { Base } from "../../engine.js";
import type { BaseContext } from "./base.js";
import { openArchive } from "./base-archive.js";
import type { CachedImage } from "./base-archive-cache.js";

/** A base that is an image, wherever it comes from. */
export type ImageBase = Exclude<Base, { host: true } | { rootfs: string }>;

export async function openImage(base: ImageBase, context: BaseContext): Promise<CachedImage> {
  if ("archive" in base) return openArchive(base.archive, context);
  throw new Error();
}
