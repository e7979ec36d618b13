import { randomBytes } from "node:crypto";
import {
  checkEnv,
  checkGlobs,
  checkMaxBytes,
  checkOptions,
  checkSecrets,
  checkTimeout,
} from "../arguments/arguments.js";
import { absolutePath, checkPath } from "../arguments/paths.js";
import type {
  Command,
  CreateOptions,
  ExecBytesOptions,
  ExecOptions,
  ExecResult,
  ExportOptions,
  ExportResult,
  OperationOptions,
  RefreshOptions,
  RefreshResult,
  StreamOptions,
} from "../options.js";
import type { CommandStream, Service, ServiceOptions } from "../service.js";
import { commandStream } from "./command-stream.js";
import { type Core, startCore } from "./core.js";
import { checkHostPath } from "./create-arguments.js";
import { checkExec, checkStream, runExec } from "./exec.js";
import { changeWorkdir } from "./files.js";
import { exportToHost, importFromHost } from "./host-boundary.js";
import { SandboxFiles } from "./sandbox-files.js";
import { checkStart } from "./services/start-call.js";

/** @internal For internals.ts, as is the next. */
export let coreOf: (sandbox: Sandbox) => Core;
/** @internal */
export let fromCore: (core: Core) => Sandbox;

/**
 * A sandbox: a name for an immutable snapshot of a file tree, in which commands run and files are read and
 * written. An operation that changes something is a transaction: it succeeds, or leaves the sandbox as it was.
 *
 * Operations on one sandbox run one at a time, in the order they were issued, without waiting for one before
 * issuing the next; different sandboxes, forks included, run in parallel. Paths are absolute, or relative to
 * the workdir. Every asynchronous operation takes a `signal`, and rejects with a {@link SandboxError}:
 * ABORTED when its signal was aborted (`cause` is the signal's reason), CLOSED when the sandbox was closed,
 * INVALID_ARGUMENT for what can't be valid, ENGINE_LOST when the engine died under it, and what it says itself.
 *
 * @example
 * ```ts
 * import { Sandbox } from "forkbox";
 *
 * await using sandbox = await Sandbox.create({ network: "off" });
 * await sandbox.refreshFromHost("./my-app", "/workspace");
 * const { exitCode, stdout } = await sandbox.exec("node --test");
 * console.log(exitCode, stdout);
 * ```
 */
export class Sandbox extends SandboxFiles {
  /** Names this sandbox in messages and logs. */
  readonly id: string = `sandbox-${randomBytes(5).toString("hex")}`;
  readonly #core: Core;

  private constructor(core: Core) {
    super(core);
    this.#core = core;
  }

  static {
    coreOf = (sandbox) => sandbox.#core;
    fromCore = (core) => new Sandbox(core);
  }

  /**
   * Starts a sandbox. Close it when it is no longer needed; `await using` does.
   *
   * @throws SandboxError ENGINE_UNAVAILABLE when nothing here can isolate, with what is missing and how to get
   * it; UNSUPPORTED for an option the engine can't honour; NOT_FOUND for a base that is missing; ABORTED.
   */
  static async create(options: CreateOptions = {}): Promise<Sandbox> {
    const core = await startCore(options, (engine, base, { workdir, settings: { user }, signal }) =>
      engine.open(base, { workdir, user, ...(signal && { signal }) }),
    );
    return new Sandbox(core as Core);
  }

  /**
   * Runs a command and waits for its end. A string goes through `sh -c`, a list is run as it is. A non-zero
   * exit code is a result, and what the command changed is kept. A command that is stopped changes nothing;
   * the error has what it had printed. No deadline unless `timeoutMs` is given.
   *
   * @throws SandboxError TIMEOUT, LIMIT (memory, disk), NOT_FOUND and NOT_A_DIRECTORY for `cwd`, UNSUPPORTED for
   * `network`, ENGINE_ERROR when it could not be started.
   *
   * @example
   * ```ts
   * await sandbox.exec("npm ci && npm test", { onStdout: (text) => process.stdout.write(text) });
   * const { stdout } = await sandbox.exec(["cat", "image.png"], { encoding: "bytes" });
   * ```
   */
  exec(command: Command, options: ExecBytesOptions): Promise<ExecResult<Uint8Array>>;
  exec(command: Command, options?: ExecOptions): Promise<ExecResult>;
  async exec(
    command: Command,
    options: ExecOptions | ExecBytesOptions = {},
  ): Promise<ExecResult<string | Uint8Array>> {
    const call = checkExec(command, options, "exec");
    return this.#core.run("exec", call, (context) => runExec(call, context));
  }

  /** Like {@link exec}, with the sandbox's `timeoutMs` (600,000 ms unless set) when the options have none. */
  execWithTimeout(command: Command, options: ExecBytesOptions): Promise<ExecResult<Uint8Array>>;
  execWithTimeout(command: Command, options?: ExecOptions): Promise<ExecResult>;
  async execWithTimeout(
    command: Command,
    options: ExecOptions | ExecBytesOptions = {},
  ): Promise<ExecResult<string | Uint8Array>> {
    const given = checkExec(command, options, "execWithTimeout");
    const call = { ...given, timeoutMs: given.timeoutMs ?? this.#core.settings.timeoutMs };
    return this.#core.run("execWithTimeout", call, (context) => runExec(call, context));
  }

  /**
   * Runs a command like {@link exec}, and gives its output as it comes. It takes its turn at the call.
   *
   * @example
   * ```ts
   * const build = sandbox.stream("npm run build", { timeoutMs: 600_000 });
   * for await (const { stream, text } of build) process[stream].write(text);
   * const { exitCode } = await build;
   * ```
   */
  stream(command: Command, options: StreamOptions = {}): CommandStream {
    return commandStream(async ({ onText, pace, left }) => {
      const checked = checkStream(command, options, {
        onStdout: (text) => onText({ stream: "stdout", text }),
        onStderr: (text) => onText({ stream: "stderr", text }),
      });
      const stop = checked.signal ? AbortSignal.any([checked.signal, left]) : left;
      const call = { ...checked, pace, signal: stop };
      return this.#core.run("stream", call, (context) => runExec(call, context)) as Promise<ExecResult>;
    });
  }

  /**
   * Starts a command that runs beside later operations, from the sandbox's files of this moment and in its network:
   * later commands find it at `localhost` and at its name. What it writes is its own, and is thrown away when it
   * ends, unless `stop({ keep: true })` makes it the sandbox's. It has the sandbox's limits, and no deadline once it is
   * ready. It ends with the sandbox.
   *
   * @throws SandboxError SERVICE_ENDED, with its last output, when it ends before it is ready; TIMEOUT when it is not
   * ready in time, LIMIT, NOT_FOUND and NOT_A_DIRECTORY for `cwd`, UNSUPPORTED where the engine has no services, and in
   * a sandbox with network "host".
   *
   * @example
   * ```ts
   * const web = await sandbox.start("node server.js", { name: "web", ready: { port: 3000 }, publish: true });
   * await sandbox.exec("curl -f http://web:3000/");
   * console.log(web.url);
   * await web.stop();
   * ```
   */
  async start(command: Command, options: ServiceOptions = {}): Promise<Service> {
    const call = checkStart(command, options);
    return this.#core.run("start", call, (context) => this.#core.services.start(call, context));
  }

  /**
   * A service of this sandbox by its name, in a fork too.
   * @throws SandboxError NOT_FOUND.
   */
  service(name: string): Service {
    return this.#core.services.get(name);
  }

  /**
   * Makes a directory the one that relative paths and commands start from, for what is issued after this.
   * Creates it when it is missing. Globs of `readOnlyPaths` stay where they were.
   * @throws SandboxError NOT_A_DIRECTORY.
   */
  async setWorkdir(path: string, options: OperationOptions = {}): Promise<void> {
    const given = checkOptions(options, [], "setWorkdir");
    checkPath(path, "setWorkdir");
    return this.#core.run("setWorkdir", given, (context) => changeWorkdir(context, "setWorkdir", path));
  }

  /** Sets an environment variable for the commands issued after this. DATABRICKS_TOKEN becomes a secret. */
  withEnv(key: string, value: string): this {
    this.#core.setVariables("withEnv", checkEnv({ [key]: value }, "withEnv"), {});
    return this;
  }

  /** {@link withEnv} for several. */
  withEnvs(vars: Readonly<Record<string, string>>): this {
    this.#core.setVariables("withEnvs", checkEnv(vars, "withEnvs"), {});
    return this;
  }

  /**
   * Sets a secret environment variable for the commands issued after this. Its value is redacted from
   * everything this sandbox and its forks give back or print, except what `readFile` reads. One under six
   * bytes can't be, and gets a process warning.
   */
  withSecret(key: string, value: string): this {
    this.#core.setVariables("withSecret", {}, checkSecrets({ [key]: value }, "withSecret"));
    return this;
  }

  /** {@link withSecret} for several. */
  withSecrets(vars: Readonly<Record<string, string>>): this {
    this.#core.setVariables("withSecrets", {}, checkSecrets(vars, "withSecrets"));
    return this;
  }

  /**
   * Brings a host directory's content into a sandbox directory. The host wins: every selected file has its
   * content and type afterwards. What an earlier refresh of the same pair brought and the host no longer has
   * is removed; what the sandbox made itself stays. What is unchanged on both sides is not copied again.
   *
   * Modification times, hard links among the files and holes in them come along. The host's directory may be in use:
   * what vanishes meanwhile was never there, and a file that changes while it is read is read again.
   *
   * @throws SandboxError NOT_FOUND and NOT_A_DIRECTORY for either directory, PERMISSION for a host file that
   * can't be read, TIMEOUT, LIMIT for a full disk, for more than `maxBytes` and for more than the sandbox's `diskMiB`.
   */
  async refreshFromHost(
    hostPath: string,
    sandboxPath: string,
    options: RefreshOptions = {},
  ): Promise<RefreshResult> {
    const operation = "refreshFromHost";
    const known = ["include", "exclude", "gitignore", "timeoutMs", "maxBytes"] as const;
    const given = checkOptions(options, known, operation);
    checkGlobs(given, operation);
    checkTimeout(given.timeoutMs, operation);
    checkMaxBytes(given.maxBytes, operation);
    const from = checkHostPath(hostPath, "the host directory", operation);
    checkPath(sandboxPath, operation);
    return this.#core.run(operation, given, (context) =>
      importFromHost(context, from, absolutePath(context.state.workdir, sandboxPath, operation), given),
    );
  }

  /**
   * Copies a sandbox directory to the host, merging into what is there or, with `replace`, in its place. It
   * never writes through a link on the host, nor creates one that points out of the exported tree.
   *
   * Modification times, hard links among the files and holes in them come along. A file that the host has already,
   * with the same bytes, is left as it is, its time too. What is stopped leaves no temporary file, and the host as it
   * was; or, where many files were being moved into a directory that was there, each of them old or new.
   *
   * @throws SandboxError NOT_FOUND, NOT_A_DIRECTORY, SECRET_LEAK when a file holds a secret's value,
   * UNSAFE_EXPORT with `strict`, PERMISSION, TIMEOUT, LIMIT for a full disk and for more than `maxBytes`.
   */
  async exportDirectory(
    sandboxPath: string,
    hostPath: string,
    options: ExportOptions = {},
  ): Promise<ExportResult> {
    const operation = "exportDirectory";
    const safety = ["strict", "allowSecrets", "allowGit"] as const;
    const known = ["include", "exclude", "replace", "timeoutMs", "maxBytes", ...safety] as const;
    const given = checkOptions(options, known, operation);
    checkGlobs(given, operation);
    checkTimeout(given.timeoutMs, operation);
    checkMaxBytes(given.maxBytes, operation);
    const to = checkHostPath(hostPath, "the host directory", operation);
    checkPath(sandboxPath, operation);
    return this.#core.run(operation, given, (context) =>
      exportToHost(context, absolutePath(context.state.workdir, sandboxPath, operation), to, given),
    );
  }

  /**
   * A second sandbox that starts from this one's state after everything issued before: files, workdir, env
   * and secrets. From then on neither sees the other. It costs the same however many files there are. Close
   * each by itself.
   *
   * The fork has the same services, of its own and on the same ports; see {@link Service} for when they start.
   * `services: false` does without.
   */
  async fork(options: OperationOptions & { services?: boolean } = {}): Promise<Sandbox> {
    const given = checkOptions(options, ["services"], "fork");
    return this.#core.run("fork", given, async ({ settings, state }) => ({
      value: new Sandbox(await this.#core.copy(settings, state, given.services ?? true)),
    }));
  }

  /** Stops what runs and what waits (CLOSED). Resolves when nothing of it is alive. Forks live on. Idempotent. */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
