import type { Duplex } from "node:stream";
import { checkOptions, checkTimeout } from "../../arguments/arguments.js";
import type { ExecOutcome, RunningService, Snapshot } from "../../engine.js";
import { messageOf, SandboxError } from "../../errors.js";
import type { Redactor } from "../../redaction/redactor.js";
import type { OutputChunk, Ready, Service, ServiceEnd, StopOptions, WaitOptions } from "../../service.js";
import { clearTimeout, setTimeout } from "../../timers.js";
import { failure } from "../failure.js";
import { stopError } from "../queue.js";
import { ServiceOutput } from "./output.js";
import { Publisher } from "./publisher.js";
import { untilReady } from "./readiness.js";
import { launch, type Recipe, type Room } from "./recipe.js";
import { checkReady, DEFAULT_READY_MS } from "./start-call.js";

/** As long as a service has to end after SIGTERM. */
const GRACE_MS = 10_000;

type Exited = Extract<ExecOutcome, { kind: "exited" }>;

/** A service of one sandbox: started at once, or, in a fork, when it is first needed. */
export class Handle implements Service {
  readonly name: string;
  readonly exited: Promise<ServiceEnd>;
  readonly #output: ServiceOutput;
  readonly #kill = new AbortController();
  #settle: (end: ServiceEnd) => void = () => {};
  #starting: Promise<void> | undefined;
  #running: RunningService | undefined;
  #exit: Exited | undefined;
  #end: ServiceEnd | undefined;
  /** Whether it was asked to end. */
  #stopping = false;
  #failed: unknown;
  #publisher: Publisher | undefined;

  /** `stopInTurn` puts the end of it into the sandbox's queue. */
  constructor(
    readonly recipe: Recipe,
    private readonly room: Room,
    private readonly stopInTurn: (service: Handle, options: StopOptions) => Promise<void>,
  ) {
    this.name = recipe.name;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#output = new ServiceOutput(
      recipe.redactor,
      room.settings.limits.outputBytes,
      recipe.call,
      (error) => {
        this.#failed ??= error;
        this.kill();
      },
    );
  }

  get url(): string | undefined {
    return this.#publisher?.url;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  output(): AsyncIterableIterator<OutputChunk> {
    return this.#output.read();
  }

  learn(redactor: Redactor): void {
    this.#output.learn(redactor);
  }

  /** Before it is started, so that a connection may be what starts it. */
  async publish(): Promise<void> {
    const { publishedPort } = this.recipe.call;
    if (publishedPort === undefined) return;
    this.#publisher = await Publisher.open(async () => this.#connect(publishedPort));
    if (this.ended) this.#publisher.close();
  }

  async #connect(port: number): Promise<Duplex> {
    await this.start();
    return (this.#running as RunningService).connect(port);
  }

  /** Resolves when it is ready, at once when it was started before. */
  start(): Promise<void> {
    if (this.#end && !this.#starting) return Promise.reject(this.#endedEarly(this.#end, "start"));
    this.#starting ??= this.#start();
    this.#starting.catch(() => undefined);
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { ready, timeoutMs } = this.recipe.call;
    try {
      const { signal } = this.#kill;
      signal.throwIfAborted();
      this.#running = await launch(this.room, this.recipe, signal, (stream, bytes) => {
        this.#output.push(stream, bytes);
      });
    } catch (error) {
      const why = failure("start", error, undefined, this.recipe.redactor);
      await this.#ended({ reason: this.#stopping ? "stopped" : "failed", error: why });
      throw why;
    }
    this.#running.ended.then(
      (outcome) => this.#exitedAs(outcome),
      (error) =>
        this.#ended({ reason: "failed", error: failure("start", error, undefined, this.recipe.redactor) }),
    );
    try {
      if (ready) await this.#until(ready, "start", timeoutMs, undefined);
    } catch (error) {
      this.kill();
      await this.exited;
      throw error;
    }
  }

  async waitFor(ready: Ready, options: WaitOptions = {}): Promise<void> {
    const operation = "waitFor";
    const given = checkOptions(options, ["timeoutMs"], operation);
    checkTimeout(given.timeoutMs, operation);
    const checked = checkReady(ready, operation);
    await raced(this.start(), operation, given.signal);
    await this.#until(checked, operation, given.timeoutMs ?? DEFAULT_READY_MS, given.signal);
  }

  async #until(ready: Ready, operation: string, timeoutMs: number, signal: AbortSignal | undefined) {
    const running = this.#running as RunningService;
    const done = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#notReady(ready, operation, timeoutMs)), timeoutMs);
    });
    const over = this.exited.then((end) => {
      throw this.#endedEarly(end, operation);
    });
    over.catch(() => undefined);
    try {
      const waited = untilReady(running, () => this.#output.read(), ready, operation, done.signal);
      await raced(Promise.race([waited, late, over]), operation, signal);
    } finally {
      clearTimeout(timer);
      done.abort();
    }
  }

  async stop(options: StopOptions = {}): Promise<void> {
    const given = checkOptions(options, ["keep"], "stop");
    return this.stopInTurn(this, given);
  }

  /** Ends it; gives the snapshot that is next when what it wrote is kept. Consumes the reference on `current` with that. */
  async finish(keep: boolean, current: Snapshot, signal: AbortSignal): Promise<Snapshot | undefined> {
    const byItself = await this.#terminate(signal);
    if (signal.aborted) throw stopError("stop", signal.reason);
    if (!keep || !this.#running) return undefined;
    if (byItself && this.#exit) return this.#running.keep(current);
    throw this.#notKept(byItself);
  }

  /** Says whether it ended without having to be killed. */
  async #terminate(signal: AbortSignal): Promise<boolean> {
    this.#stopping = true;
    this.#publisher?.close();
    if (!this.#starting) this.kill();
    if (this.ended || !this.#starting) return true;
    // One that is yet to be ready may not have heard of signals.
    let byItself = true;
    const kill = () => {
      byItself = false;
      this.#kill.abort();
    };
    const timer = setTimeout(kill, GRACE_MS);
    signal.addEventListener("abort", kill);
    try {
      if (signal.aborted || !this.#running) kill();
      else await Promise.race([this.#running.terminate(), this.exited]);
      await this.exited;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    }
    return byItself;
  }

  kill(): void {
    this.#stopping = true;
    this.#kill.abort();
    if (!this.#starting) void this.#ended({ reason: "stopped" });
  }

  /** Gives back what it holds; nobody asks for it any more. */
  dispose(): void {
    const { engine } = this.room;
    if (this.#exit) engine.release(this.#exit.snapshot);
    this.#exit = undefined;
    engine.release(this.recipe.from);
  }

  async #exitedAs(outcome: ExecOutcome): Promise<void> {
    const { redactor } = this.recipe;
    if (outcome.kind === "exited") {
      this.#exit = outcome;
      const reason = this.#stopping ? "stopped" : "exited";
      await this.#ended({ reason, exitCode: outcome.exitCode });
    } else if (outcome.kind === "lost") {
      const { code, message, cause } = outcome.error;
      const why = `The service ${this.name} was lost. ${message}`;
      const error = new SandboxError(code, why, { operation: "start", cause });
      await this.#ended({ reason: "lost", error: failure("start", error, undefined, redactor) });
    } else {
      const { why } = outcome;
      await this.#ended({ reason: why === "memory" || why === "disk" ? why : "stopped" });
    }
  }

  async #ended(end: ServiceEnd): Promise<void> {
    if (this.#end) return;
    this.#publisher?.close();
    const how = this.#failed === undefined || end.error ? end : { ...end, error: this.#callbackError() };
    await this.#output.end(end.exitCode === undefined);
    this.#end = how;
    this.#settle(how);
  }

  #callbackError(): SandboxError {
    const why = this.recipe.redactor.redactText(messageOf(this.#failed));
    const message = `The service ${this.name} was stopped because an output callback threw: ${why}.`;
    return new SandboxError("ABORTED", message, { operation: "start", cause: this.#failed });
  }

  #notReady(ready: Ready, operation: string, timeoutMs: number): SandboxError {
    const what =
      "log" in ready
        ? `no line of its output matched ${ready.log}`
        : `${ready.path === undefined ? "nothing listened" : `GET ${ready.path} was not answered with a status from 200 to 399`} on its port ${ready.port}`;
    const message = `${operation}: the service ${this.name} was not ready within ${timeoutMs} ms: ${what}.${this.#lastOutput()}`;
    return new SandboxError("TIMEOUT", message, { operation });
  }

  #endedEarly({ reason, exitCode, error }: ServiceEnd, operation: string): SandboxError {
    if (error && reason !== "stopped") return error;
    const { limits } = this.room.settings;
    const how = {
      exited: `ended with exit code ${exitCode}`,
      stopped: "was stopped",
      memory: `used more memory than limits.memoryMiB, ${limits.memoryMiB} MiB, and was killed`,
      disk: `wrote more to the disk than limits.diskMiB, ${limits.diskMiB} MiB, and was killed`,
      lost: "was lost",
      failed: "could not be started",
    }[reason];
    const code = reason === "memory" || reason === "disk" ? "LIMIT" : "SERVICE_ENDED";
    const message = `${operation}: the service ${this.name} ${how} before it was ready.${this.#lastOutput()}`;
    return new SandboxError(code, message, { operation, cause: error });
  }

  #notKept(byItself: boolean): SandboxError {
    const kept = "What it wrote is not kept, and the sandbox is as it was before.";
    if (!byItself) {
      const message = `stop: the service ${this.name} did not end within ${GRACE_MS} ms of SIGTERM and was killed. ${kept}${this.#lastOutput()}`;
      return new SandboxError("TIMEOUT", message, { operation: "stop" });
    }
    const { reason, error } = this.#end as ServiceEnd;
    const code = reason === "memory" || reason === "disk" ? "LIMIT" : (error?.code ?? "SERVICE_ENDED");
    const message = `stop: the service ${this.name} had been killed before (${reason}). ${kept}`;
    return new SandboxError(code, message, { operation: "stop", cause: error });
  }

  #lastOutput(): string {
    const { last } = this.#output;
    return last === "" ? " It printed nothing." : ` The last that it printed:\n${last}`;
  }
}

/** What is waited for goes on when the waiter leaves. */
async function raced<T>(waited: Promise<T>, operation: string, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return waited;
  if (signal.aborted) throw stopError(operation, signal.reason);
  let leave: () => void = () => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(stopError(operation, signal.reason));
    signal.addEventListener("abort", leave);
  });
  try {
    return await Promise.race([waited, left]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
