import { SandboxError } from "../errors.js";
import type { Context } from "./state.js";

/**
 * What lies in a cache is in no snapshot: only commands see it.
 * @throws SandboxError UNSUPPORTED for a path in one, also where a link leads there.
 */
export async function refuseCaches(context: Context, path: string, operation: string): Promise<void> {
  const { engine, settings, state, signal } = context;
  const caches = Object.entries(settings.caches);
  if (caches.length === 0) return;
  const real = await engine.resolve(state.snapshot, path, true, signal);
  const hit = caches.find(([, place]) =>
    [path, real].some((at) => at === place || at.startsWith(`${place}/`)),
  );
  if (!hit) return;
  const message = `${operation} ${path}: it lies in the cache ${hit[0]}, which is in no snapshot; only commands see it.`;
  throw new SandboxError("UNSUPPORTED", message, { operation, path });
}
