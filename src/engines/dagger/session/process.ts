import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { SandboxError } from "../../../errors.js";
import { clearTimeout, setTimeout } from "../../../timers.js";
import type { Address } from "./connection.js";
import { readable } from "./errors.js";

const KEPT_STDERR = 4096;
const LAST_WORDS_MS = 500;
/** How long a session may take to end when its input is closed. */
const END_MS = 3000;

export interface SessionProcess {
  readonly address: Address;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  end(): Promise<void>;
}

export interface StartOptions {
  cli: string;
  /** Undefined: as the CLI finds it, which starts an engine in Docker. */
  endpoint: string | undefined;
  environment: Readonly<Record<string, string>>;
  /** Its reason is why the engine can't be used. */
  signal: AbortSignal;
}

/**
 * Starts `dagger session`. It leads a session of its own, so that Ctrl-C on a terminal does not end it before
 * what runs in it, and it ends with its stdin: nothing is left of it when this process is killed.
 */
export async function startProcess(options: StartOptions): Promise<SessionProcess> {
  const { cli, endpoint, environment, signal } = options;
  if (endpoint !== undefined) await requireListener(endpoint, signal);
  const child = spawn(cli, ["session", "--silent"], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    env: {
      ...process.env,
      ...environment,
      ...(endpoint !== undefined && { _EXPERIMENTAL_DAGGER_RUNNER_HOST: endpoint }),
      DAGGER_NO_NAG: "1",
    },
  });
  const said = keepStderr(child);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  try {
    const address = await firstLine(child, signal);
    letGo(child);
    return { address, ended, end: () => endProcess(child, ended) };
  } catch (error) {
    // While it connects it takes no SIGTERM.
    child.kill("SIGKILL");
    await ended;
    throw unavailable(endpoint, error, said());
  }
}

/** A socket that nobody listens on: the CLI itself would try for ten minutes. */
async function requireListener(endpoint: string, signal: AbortSignal): Promise<void> {
  let socket: Socket | undefined;
  try {
    socket = connectTo(endpoint);
    if (socket) await once(socket, "connect", { signal });
  } catch (error) {
    throw unavailable(endpoint, signal.aborted ? signal.reason : error, "");
  } finally {
    socket?.destroy();
  }
}

/** Undefined for what only the CLI knows the way to. */
function connectTo(endpoint: string): Socket | undefined {
  if (!URL.canParse(endpoint)) throw new Error("it is no address");
  const { protocol, hostname, port, pathname } = new URL(endpoint);
  if (protocol === "unix:") return connect(decodeURIComponent(pathname));
  // A URL has brackets around the address of IPv6.
  if (protocol === "tcp:") return connect(Number(port), hostname.replace(/^\[(.*)\]$/, "$1"));
  return undefined;
}

function firstLine(child: ChildProcess, signal: AbortSignal): Promise<Address> {
  return new Promise((resolve, reject) => {
    let text = "";
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    child.once("error", reject);
    child.once("exit", (code, by) => {
      const ended = () => reject(new Error(`\`dagger session\` ended with ${by ?? code}`));
      // What it said of that may come after its end, or never where another process holds its streams.
      child.once("close", ended);
      setTimeout(ended, LAST_WORDS_MS).unref();
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk;
      const line = text.split("\n", 1)[0] as string;
      if (line.length === text.length) return;
      signal.removeEventListener("abort", stop);
      resolve(parseAddress(line, reject));
    });
    child.once("close", () => signal.removeEventListener("abort", stop));
  });
}

function parseAddress(line: string, reject: (error: Error) => void): Address {
  try {
    const { port, session_token: token } = JSON.parse(line) as { port: number; session_token: string };
    if (Number.isInteger(port) && typeof token === "string") return { port, token };
  } catch {
    // Said below.
  }
  reject(new Error(`\`dagger session\` said ${JSON.stringify(line.slice(0, 200))} instead of its address`));
  return { port: 0, token: "" };
}

function keepStderr(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk).slice(-KEPT_STDERR);
  });
  return () => readable(text);
}

/** The session must not keep this process from ending; its end is then the session's. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    stream?.on("error", () => undefined);
    (stream as unknown as { unref?: () => void } | null)?.unref?.();
  }
}

async function endProcess(child: ChildProcess, ended: Promise<void>): Promise<void> {
  // Let go of, it would not keep this process waiting for its end.
  child.ref();
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(timer);
}

function unavailable(endpoint: string | undefined, cause: unknown, said: string): SandboxError {
  const { code, message, syscall } = cause as NodeJS.ErrnoException;
  const at = endpoint ?? "in Docker";
  const why =
    code === "ENOENT" && endpoint === undefined
      ? "the Dagger CLI is not installed"
      : [message, said].filter(Boolean).join(": ");
  const fix = syscall?.startsWith("spawn")
    ? "Install the Dagger CLI (https://docs.dagger.io/install) or name it with dagger({ cli })."
    : endpoint === undefined
      ? 'Start Docker, or name a running engine: dagger({ engines: ["unix://…"] }), --engines, or _EXPERIMENTAL_DAGGER_RUNNER_HOST.'
      : 'Start that engine, or name another: dagger({ engines: ["unix://…"] }), --engines, or _EXPERIMENTAL_DAGGER_RUNNER_HOST.';
  return new SandboxError("ENGINE_UNAVAILABLE", `create: no Dagger engine (${at}): ${why}. ${fix}`, {
    operation: "create",
    cause,
  });
}
