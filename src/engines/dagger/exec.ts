import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecOutcome, ExecRequest, StreamName } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { readAttributes } from "./attributes.js";
import { explainCaches } from "./caches.js";
import { asking, unsupported } from "./errors.js";
import { flattened } from "./flatten.js";
import { as, call, chain, follow } from "./graphql.js";
import { LiveText } from "./live.js";
import { RESULT, type RunResult, readOutcome, readResult } from "./outcome.js";
import { commandWords, cutOf, runOptions, stagedWords } from "./request.js";
import { surround } from "./run-steps.js";
import { CHANNEL, MOUNT } from "./scripts.js";
import type { QueryOptions } from "./session.js";
import type { DaggerSnapshot } from "./snapshot.js";
import { openStdin, type Stdin } from "./stdin.js";
import { LOG_MS, Stop } from "./stop.js";

const operation = "exec";
/** How long to wait for the engine to say that all of a request that was cut off is dead. */
const DEATH_MS = 2500;

type OnBytes = ((stream: StreamName, bytes: Uint8Array) => void) | undefined;

/** Runs one command in a container made from a snapshot. */
export async function execOn(
  from: DaggerSnapshot,
  request: ExecRequest,
  onBytes: OnBytes,
): Promise<ExecOutcome> {
  const { session } = from.workspace;
  const stop = new Stop(request, (withinMs) => session.answers(withinMs));
  if (request.network !== "on")
    throw unsupported(operation, "a Dagger engine gives every command its network.");
  const live = new LiveText(Object.values(request.secrets), onBytes);
  const watch = session.telemetry?.watch((stream, text) => live.push(stream, text));
  const asked: QueryOptions = { operation, signal: stop.signal, traceparent: watch?.traceparent };
  from.workspace.load++;
  let stdin: Stdin | undefined;
  try {
    stdin = await openStdin(request.stdin, from, request.user, asked);
    const outcome = await asking(operation, undefined, () =>
      run(from, request, stdin as Stdin, stop, watch !== undefined, asked),
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
    // The engine kills what a closed request ran; nothing of it may be alive when this returns.
    if (watch) await Promise.race([watch.idle(DEATH_MS), stop.silence()]);
    return { kind: "stopped", why: stop.why, ...live.printed() };
  } finally {
    from.workspace.load--;
    stdin?.close();
    watch?.close();
    stop.close();
  }
}

async function run(
  from: DaggerSnapshot,
  request: ExecRequest,
  stdin: Stdin,
  stop: Stop,
  live: boolean,
  asked: QueryOptions,
): Promise<ExecOutcome> {
  const { workspace, base } = from;
  const words = commandWords(request);
  const inFile = stagedWords(words);
  const cut = cutOf(request.limits.outputBytes);
  const beside = {
    options: runOptions(request, base, cut, live),
    ...(inFile && { words: inFile }),
    ...(stdin.bytes && { in: stdin.bytes }),
  };
  const staged = await workspace.stageTools(beside);
  const { before, after, caches } = await surround(
    from,
    request,
    await workspace.hostDirectory(staged, asked),
    asked,
  );
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
  const steps = [...before, ...stdin.steps, call("withExec", { args, noInit: true })];
  const [first, ...others] = undo;
  const next = first ? as("next", first, `{${chain(others, "id")}}`) : "id";
  const running = workspace.session
    .run<RunResult & { id?: string; next?: unknown }>(steps, `${RESULT} ${next}`, asked)
    .catch((error) => {
      throw explainCaches(error);
    });
  const answer = await Promise.race([running, stdin.feed(asked)]);
  const id = answer.id ?? follow<{ id: string }>(answer.next, others).id;
  const result = readResult(answer);
  const snapshot = from.with(id, {
    user: request.user,
    caches,
    staged,
    known: readAttributes(result.attributes),
  });
  return readOutcome(snapshot, request, result, cut, asked);
}
