import { randomBytes } from "node:crypto";
import { MOUNT, SYSTEM_PATH } from "../commands/scripts.js";
import { quote } from "../commands/shell-quote.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";

const NAMES_PER_COMMAND = 500;

/**
 * Removes what an import's host has lost: files, and directories that are empty then. It runs in the snapshot:
 * the engine's own removal can neither leave a directory alone that is not empty, nor name what is not UTF-8.
 */
export async function removeGone(
  from: DaggerSnapshot,
  to: string,
  remove: readonly Buffer[],
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  const { workspace, container } = from;
  const staged = await workspace.stageTools({ remove: removalScript(to, remove) });
  const steps = [
    workspace.container(container),
    call("withMountedDirectory", { path: MOUNT, source: await workspace.hostDirectory(staged, asked) }),
    call("withExec", {
      args: ["/bin/sh", `${MOUNT}/remove`, randomBytes(9).toString("base64url")],
      noInit: true,
    }),
  ];
  const { sync } = await workspace.session.run<{ sync: string }>(steps, "sync", asked);
  return from.with(sync, { staged });
}

/** Never goes through a link: the sandbox may have put one where a directory was. */
function removalScript(to: string, remove: readonly Buffer[]): Buffer {
  const lines = [
    SYSTEM_PATH,
    'into() { for part; do [ -d "./$part" ] && [ ! -L "./$part" ] && cd "./$part" || return 1; done; }',
    `cd ${quote(Buffer.from(to).toString("latin1"))} || exit 0`,
  ];
  for (const { parent, names } of byParent(remove)) {
    const parts = parent.split("/").filter(Boolean).map(quote).join(" ");
    const words = names.map((name) => quote(`./${name}`)).join(" ");
    lines.push(`(into ${parts}; [ $? = 0 ] && { rm -f ${words}; rmdir ${words}; }) 2>/dev/null`);
  }
  lines.push("exit 0", "");
  return Buffer.from(lines.join("\n"), "latin1");
}

/** Children come before their parents, and stay there. */
function byParent(remove: readonly Buffer[]): { parent: string; names: string[] }[] {
  const groups: { parent: string; names: string[] }[] = [];
  for (const path of remove) {
    const text = path.toString("latin1");
    const slash = text.lastIndexOf("/");
    const parent = text.slice(0, Math.max(0, slash));
    const last = groups.at(-1);
    if (last?.parent === parent && last.names.length < NAMES_PER_COMMAND)
      last.names.push(text.slice(slash + 1));
    else groups.push({ parent, names: [text.slice(slash + 1)] });
  }
  return groups;
}
