import { readOnlyState } from "../sandbox/internals.js";
import type { Box } from "./box.js";

const MOST_NAMED = 20;

/** What is there now is what commands must leave as it is. */
export function noteUntouched(box: Box): void {
  box.untouched = readOnlyState(box.sandbox);
  // Whoever compares with it hears of it.
  box.untouched.catch(() => undefined);
}

/**
 * The read-only paths that commands changed, made or removed. Issue it in the turn of what it is to come after. Where
 * that can't be told it is what it says.
 */
export async function changedReadOnly(box: Box): Promise<string[]> {
  if (box.untouched === undefined) return [];
  const now = readOnlyState(box.sandbox);
  try {
    const [before, after] = await Promise.all([box.untouched, now]);
    return named(before, after);
  } catch (error) {
    return [`could not be looked at: ${error instanceof Error ? error.message : error}`];
  }
}

function named(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const changes: string[] = [];
  for (const [path, word] of before) {
    const now = after.get(path);
    if (now === undefined) changes.push(`${path} (removed)`);
    else if (now !== word) changes.push(`${path} (changed)`);
  }
  for (const path of after.keys()) if (!before.has(path)) changes.push(`${path} (new)`);
  const more = changes.length - MOST_NAMED;
  return more > 0 ? [...changes.slice(0, MOST_NAMED), `and ${more} more`] : changes;
}
