import { z } from "zod";
import type { Box } from "../box.js";
import type { Client } from "../client.js";
import { noteUntouched } from "../read-only.js";
import { ADDS, CHANGES, LOOKS, sandboxId, tool } from "../tool.js";

const LONGEST_WHAT = 120;
/** As many as fit into an answer that a model can read. */
const MOST_SANDBOXES = 40;
const MOST_RUNS = 20;
const sandboxFacts = z.object({
  sandbox_id: z.string(),
  forked_from: z.string().optional(),
  created_at: z.string(),
  idle_seconds: z.int().describe("Since it was last used."),
  running: z.array(z.string()).describe("Ids of runs in it that have not ended."),
});

export const createSandbox = tool({
  name: "create_sandbox",
  title: "Create a sandbox",
  description:
    "Creates an empty sandbox: a file system of its own with the operator's base (usually Linux with Node), an ordinary user, and /workspace to work in. Its sandbox_id goes into all other tools. Close it with close_sandbox when it is no longer needed.",
  hints: ADDS,
  input: z.strictObject({}),
  output: sandboxFacts,
  async call(_args, { client, options, signal, beat }) {
    const box = await beat(() => "starting", client.create(signal));
    if (options.readOnlyPaths.length > 0) noteUntouched(box);
    return { facts: factsOf(box) };
  },
});

export const forkSandbox = tool({
  name: "fork_sandbox",
  title: "Fork a sandbox",
  description:
    "Copies a sandbox with all of its files, at once and however large it is. Neither sees what is done in the other afterwards. Use it before something that may go wrong, or to try several ways side by side.",
  hints: ADDS,
  input: z.strictObject({ sandbox_id: sandboxId }),
  output: sandboxFacts,
  async call({ sandbox_id }, { client, signal, beat }) {
    const box = client.box(sandbox_id);
    await beat(() => "waiting for a run", box.free(signal));
    return { facts: factsOf(await client.fork(box, signal)) };
  },
});

export const closeSandbox = tool({
  name: "close_sandbox",
  title: "Close a sandbox",
  description:
    "Stops all that runs in a sandbox and throws its files away. Forks of it stay. Export first what is to be kept.",
  hints: { ...CHANGES, idempotentHint: true },
  input: z.strictObject({ sandbox_id: sandboxId }),
  output: z.object({
    closed: z.string(),
    left: z.array(z.string()).describe("The sandboxes that still exist."),
  }),
  async call({ sandbox_id }, { client }) {
    await client.close(client.box(sandbox_id));
    return { facts: { closed: sandbox_id, left: client.boxes.slice(-MOST_SANDBOXES).map(({ id }) => id) } };
  },
});

export const listSandboxes = tool({
  name: "list_sandboxes",
  title: "List sandboxes and runs",
  description:
    "Lists your sandboxes, and your runs with the state of each: running, exited, stopped or failed.",
  hints: LOOKS,
  input: z.strictObject({}),
  output: z.object({
    sandboxes: z.array(sandboxFacts),
    sandboxes_in_all: z.int(),
    runs: z.array(
      z.object({
        run_id: z.string(),
        sandbox_id: z.string().optional(),
        kind: z.enum(["exec", "validate"]),
        what: z.string(),
        state: z.string(),
        exit_code: z.int().optional(),
      }),
    ),
  }),
  async call(_args, { client }) {
    const { boxes } = client;
    const sandboxes = boxes.slice(-MOST_SANDBOXES).map(factsOf);
    return { facts: { sandboxes, sandboxes_in_all: boxes.length, runs: runsOf(client) } };
  },
});

function factsOf(box: Box) {
  return {
    sandbox_id: box.id,
    ...(box.forkedFrom !== undefined && { forked_from: box.forkedFrom }),
    created_at: box.createdAt,
    idle_seconds: Math.round(box.idleMs / 1000),
    running: [...box.running].map(({ id }) => id),
  };
}

function runsOf(client: Client) {
  return client.runs.slice(-MOST_RUNS).map((run) => ({
    run_id: run.id,
    ...(run.sandboxId !== undefined && { sandbox_id: run.sandboxId }),
    kind: run.kind,
    what: run.what.slice(0, LONGEST_WHAT),
    state: run.state,
    ...(run.outcome.exitCode !== undefined && { exit_code: run.outcome.exitCode }),
  }));
}
