import { dirname } from "node:path";
import { SandboxError } from "../../../errors.js";
import type { Bind } from "../bases/base-tree.js";
import { latin1, type Tree } from "../layers/tree.js";

/**
 * Looks where bwrap will show parts of the base: it would follow a link that took a directory's place on the way.
 * The last part of a target is safe, being mounted on or refused for as long as there are commands and changes.
 * @returns the directories on the way that are missing.
 */
export function checkBindTargets(tree: Tree, binds: readonly Bind[]): string[] {
  const missing: string[] = [];
  for (const { at } of binds) {
    const parent = dirname(at);
    if (parent === "/") continue;
    const { real, stat } = tree.resolve(parent, "exec", true);
    if (real !== latin1(parent) || stat?.isDirectory() === false)
      throw new SandboxError(
        "NOT_A_DIRECTORY",
        `exec: the base shows ${at}, but a link or a file is in its way there. Delete that, or start from a sandbox without it.`,
        { operation: "exec", path: at },
      );
    if (!stat) missing.push(real);
  }
  return missing;
}
