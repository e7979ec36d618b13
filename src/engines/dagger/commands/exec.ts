import { randomBytes } from "node:crypto";
import type { ExecOutcome, ExecRequest, StreamName } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { sleep } from "../../../timers.js";
import { readAttributes } from "../files/attributes.js";
import { asking, unsupported } from "../session/errors.js";
import { as, call, chain, follow, Word } from "../session/graphql.js";
import { LiveText } from "../session/live.js";
import type { QueryOptions } from "../session/session.js";
import type { Watch } from "../session/telemetry.js";
import { flattened } from "../snapshots/flatten.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { explainCaches } from "./caches.js";
import { isShort, type RunAnswer, readOutcome, readResult, resultFields } from "./outcome.js";
import { type Cut, commandWords, cutOf, mayForge, runOptions, stagedWords } from "./request.js";
import { leavesReady, surround } from "./run-steps.js";
import { CHANNEL, EMPTY, MOUNT } from "./scripts.js";
import { openStdin, type Stdin } from "./stdin.js";
import { LOG_MS, Stop } from "./stop.js";

const operation = "exec";
/** How long to wait for the engine to say that all of a request that was cut off is dead. */
const DEATH_MS = 10_000;
/** Where nothing tells: what a closed request ran was gone within half of it. */
const UNSEEN_DEATH_MS = 1000;

type OnBytes = ((stream: StreamName, bytes: Uint8Array) => void) | undefined;

/** Runs one command in a container made from a snapshot. */
export async function execOn(
  from: DaggerSnapshot,
  request: ExecRequest,
  onBytes: OnBytes,
): Promise<ExecOutcome> {
  if (request.network !== "on")
    throw unsupported(operation, "a Dagger engine gives every command its network.");
  const { session } = from.workspace;
  const stop = new Stop(request, (withinMs) => session.answers(withinMs));
  const cut = cutOf(request.limits.outputBytes);
  const live = new LiveText(Object.values(request.secrets), cut.head, onBytes);
  const watch = session.telemetry?.watch((stream, text) => live.push(stream, text));
  const asked: QueryOptions = { operation, signal: stop.signal, traceparent: watch?.traceparent };
  from.workspace.load++;
  let stdin: Stdin | undefined;
  try {
    stdin = await openStdin(request.stdin, from, asked);
    const outcome = await asking(operation, undefined, () =>
      run(from, request, stdin as Stdin, stop, watch, cut, asked),
    );
    live.finish(outcome);
    if (outcome.kind !== "exited") return outcome;
    const flat = await flattened(outcome.snapshot as DaggerSnapshot, { operation, signal: stop.signal });
    return { ...outcome, snapshot: flat };
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    if (error.code === "ENGINE_LOST") {
      await sleep(LOG_MS);
      return { kind: "lost", error, ...live.printed() };
    }
    if (!stop.why || error.code !== "ABORTED") throw error;
    if (!(await isDead(watch, stop))) return { kind: "lost", error: undead(), ...live.printed() };
    return { kind: "stopped", why: stop.why, ...live.printed() };
  } finally {
    from.workspace.load--;
    stdin?.close();
    watch?.close();
    stop.close();
  }
}

/**
 * The engine kills what a closed request ran; nothing of it may be alive when an operation has settled. An engine that
 * does not answer can't be asked.
 */
function isDead(watch: Watch | undefined, stop: Stop): Promise<boolean> {
  const told = watch ? watch.idle(DEATH_MS) : sleep(UNSEEN_DEATH_MS).then(() => true);
  return Promise.race([told, stop.silence().then(() => true)]);
}

function undead(): SandboxError {
  const message = `exec: the command was stopped, and the Dagger engine did not say within ${DEATH_MS / 1000} s that all of it is dead: it may still run there. Create a new sandbox, and look at the load of the engine.`;
  return new SandboxError("ENGINE_LOST", message, { operation });
}

async function run(
  from: DaggerSnapshot,
  request: ExecRequest,
  stdin: Stdin,
  stop: Stop,
  watch: Watch | undefined,
  cut: Cut,
  asked: QueryOptions,
): Promise<ExecOutcome> {
  const { workspace, base } = from;
  const words = commandWords(request);
  const inFile = stagedWords(words);
  const beside = {
    ...EMPTY,
    options: runOptions(request, base, cut, watch !== undefined),
    ...(inFile && { words: inFile }),
    ...(stdin.bytes && { in: stdin.bytes }),
  };
  const staged = await workspace.stageTools(beside);
  const { before, after, caches } = await surround(from, request, staged, asked);
  // All of it stays in every later ID of the sandbox, which the engine reads each time.
  const args = [
    `${MOUNT}/run`,
    // The engine answers from its cache when it is asked the same twice.
    randomBytes(9).toString("base64url"),
    request.cwd,
    stop.secondsLeft(base.fractions),
    ...(inFile ? [] : words),
  ];
  const undo = [...after, ...(stdin.steps.length > 0 ? [call("withoutMount", { path: CHANNEL })] : [])];
  const steps = [
    ...before,
    ...stdin.steps,
    call("withExec", { args, noInit: true, ...(mayForge(request) && { expect: new Word("ANY") }) }),
  ];
  const [first, ...others] = undo;
  const next = first ? as("next", first, `{${chain(others, "id")}}`) : "id";
  const running = workspace.session
    .run<RunAnswer & { id?: string; next?: unknown }>(steps, `${resultFields(request)} ${next}`, asked)
    .catch((error) => {
      throw explainCaches(error);
    });
  let unfed: { error: unknown } | undefined;
  stdin.feed(asked).catch((error) => {
    if (stop.signal.aborted) return;
    unfed = { error };
    // Without its stdin it would go on.
    stop.giveUp();
  });
  const answer = await running.catch(async (error) => {
    if (!unfed) throw error;
    await isDead(watch, stop);
  });
  if (unfed || !answer) throw unfed?.error;
  const id = answer.id ?? follow<{ id: string }>(answer.next, others).id;
  const result = readResult(answer, request);
  const snapshot = from.with(id, {
    caches,
    staged,
    known: readAttributes(result.attributes, base.reported),
    ready: leavesReady(request) && isShort(result, cut) ? staged : undefined,
  });
  return readOutcome(snapshot, request, result, cut, asked);
}
