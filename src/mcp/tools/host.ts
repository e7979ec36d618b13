import { z } from "zod";
import type { Skipped } from "../../options.js";
import { ToolError } from "../errors.js";
import { changedReadOnly, noteUntouched } from "../read-only.js";
import { CHANGES, globs, hostPath, path, sandboxId, tool } from "../tool.js";

/** What may cross at once. */
const MOST_BYTES = 2 * 1024 ** 3;
const MOST_SKIPPED = 20;

const skipped = z
  .array(z.object({ path: z.string(), reason: z.string() }))
  .describe("What was left out, and why.");

export const refreshFromHost = tool({
  name: "refresh_from_host",
  title: "Bring files of the host",
  description:
    "Copies a directory of the host into a sandbox. The host wins: its files replace those in the sandbox, and what an earlier call brought and the host no longer has is removed; other files in the sandbox stay. What .gitignore names is left out unless gitignore is false. Only what changed is copied.",
  hints: { ...CHANGES, idempotentHint: true },
  input: z.strictObject({
    sandbox_id: sandboxId,
    host_path: hostPath("Where the files are"),
    path: path("The sandbox directory; relative to /workspace.").default("."),
    include: globs("What is brought, relative to host_path: src/**, say. Left out: everything."),
    exclude: globs("What of that is left out."),
    gitignore: z.boolean().default(true),
  }),
  output: z.object({ files: z.int(), bytes: z.int(), removed: z.int(), skipped, skipped_in_all: z.int() }),
  async call({ sandbox_id, host_path, path, include, exclude, gitignore }, call) {
    const { client, options, roots, signal, beat } = call;
    const box = client.box(sandbox_id);
    roots.resolve(host_path, "refresh_from_host");
    await beat(() => "waiting for a run", box.free(signal));
    // Again: what it leads to may have changed while it waited.
    const from = roots.resolve(host_path, "refresh_from_host");
    const selected = { ...(include && { include }), ...(exclude && { exclude }), gitignore };
    const done = box.sandbox.refreshFromHost(from, path, { ...selected, maxBytes: MOST_BYTES, signal });
    if (options.readOnlyPaths.length > 0) noteUntouched(box);
    const { files, bytes, removed, skipped } = await beat(() => "copying", done);
    return { facts: { files, bytes, removed, ...skippedFacts(skipped) } };
  },
});

export const exportDirectory = tool({
  name: "export_directory",
  title: "Copy files to the host",
  description:
    "Copies a directory of a sandbox to the host. It adds to what is there, and replaces files of the same names; with replace it swaps the whole directory. Links that lead out of it, and anything in a .git, are left out or refused. It fails with SECRET_LEAK where a file holds a credential.",
  hints: { ...CHANGES, idempotentHint: true },
  input: z.strictObject({
    sandbox_id: sandboxId,
    path: path("The sandbox directory; relative to /workspace.").default("."),
    host_path: hostPath("Where the files go"),
    include: globs("What is copied, relative to path: dist/**, say. Left out: everything."),
    exclude: globs("What of that is left out: **/node_modules, say."),
    replace: z
      .boolean()
      .default(false)
      .describe("Swap the host directory for the exported one: what was in it is gone."),
  }),
  output: z.object({
    host_path: z.string(),
    files: z.int(),
    bytes: z.int(),
    skipped,
    skipped_in_all: z.int(),
    read_only_changed: z.array(z.string()).optional(),
  }),
  async call({ sandbox_id, path, host_path, include, exclude, replace }, { client, roots, signal, beat }) {
    const tool = "export_directory";
    const box = client.box(sandbox_id);
    roots.resolve(host_path, tool, true);
    await beat(() => "waiting for a run", box.free(signal));
    const to = roots.resolve(host_path, tool, true);
    if (replace && roots.isRoot(to))
      throw new ToolError(
        "PERMISSION",
        `${tool}: a root can't be replaced.`,
        "Export into a directory in it.",
      );
    const changed = changedReadOnly(box);
    const selected = { ...(include && { include }), ...(exclude && { exclude }), replace };
    const done = box.sandbox.exportDirectory(path, to, { ...selected, maxBytes: MOST_BYTES, signal });
    const { files, bytes, skipped } = await beat(() => "copying", done);
    const readOnly = await changed;
    return {
      facts: {
        host_path: to,
        files,
        bytes,
        ...skippedFacts(skipped),
        ...(readOnly.length > 0 && { read_only_changed: readOnly }),
      },
    };
  },
});

function skippedFacts(all: readonly Skipped[]) {
  const some = all.slice(0, MOST_SKIPPED);
  return {
    skipped: some.map(({ path, reason }) => ({ path: path.slice(0, 300), reason: reason.slice(0, 200) })),
    skipped_in_all: all.length,
  };
}
