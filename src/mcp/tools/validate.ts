import { z } from "zod";
import type { Box } from "../box.js";
import { ToolError } from "../errors.js";
import { changedReadOnly } from "../read-only.js";
import { runFacts } from "../runs/facts.js";
import { validateHere } from "../runs/validation.js";
import { type Call, CHANGES, hostPath, path, sandboxId, tool, waitMs } from "../tool.js";
import { waited } from "./commands.js";

export const validateTool = tool({
  name: "validate",
  title: "Build and check a project",
  description:
    "Judges a project, in a sandbox (sandbox_id) or on the host (host_path): builds it once in a fresh sandbox and runs all of its checks in parallel forks of that. What is checked comes from its forkbox.yaml, else from the forkbox key of package.json, else from its scripts and manifests. The project itself is not changed. The answer has the verdict, each step, and the last lines of those that did not pass; artifacts_to is where the files go that it declares as artifacts. If it is still running after wait_ms, go on with get_run.",
  hints: { ...CHANGES, destructiveHint: false, openWorldHint: true },
  input: z.strictObject({
    sandbox_id: sandboxId.optional(),
    path: path("Of the project in the sandbox; relative to /workspace.").default("."),
    host_path: hostPath("The project, where it is on the host").optional(),
    artifacts_to: hostPath("Where artifacts go").optional(),
    wait_ms: waitMs,
  }),
  output: runFacts,
  async call({ sandbox_id, path, host_path, artifacts_to, wait_ms }, call) {
    const { client, options, roots } = call;
    if ((sandbox_id === undefined) === (host_path === undefined))
      throw new ToolError("INVALID_ARGUMENT", "validate takes sandbox_id or host_path.", "Give one of them.");
    const out = () =>
      artifacts_to === undefined ? undefined : roots.resolve(artifacts_to, "validate", true);
    out();
    const box = sandbox_id === undefined ? undefined : client.box(sandbox_id);
    if (host_path !== undefined) roots.resolve(host_path, "validate");
    const project = box
      ? await projectIn(box, path, call)
      : () => ({ directory: roots.resolve(host_path ?? "", "validate") });
    const what = host_path ?? `${path} in ${sandbox_id}`;
    const run = client.start("validate", `validate ${what}`, undefined, (run, signal) =>
      validateHere(run, options, project, out, signal),
    );
    return waited(run, wait_ms, call);
  },
});

/** A copy of what is in the sandbox at this moment, so that it can go on meanwhile. */
async function projectIn(box: Box, path: string, { signal, beat }: Call) {
  await beat(() => "waiting for a run", box.free(signal));
  const changed = changedReadOnly(box);
  const fork = await box.sandbox.fork({ signal });
  return () => ({ fork, path, changed });
}
