import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { SandboxError } from "../../../errors.js";
import { setImmediate } from "../../../timers.js";
import { findTool, TOOL_PATH } from "../doctor/tools.js";
import { helperPath } from "./helpers.js";
import type { Ids } from "./ids.js";
import { isRunningIn } from "./processes.js";

/**
 * Where the holder's own mounts lie: a place that every user of the namespace may traverse, and below which, as it
 * is the kernel's, no file can be that a command needs.
 */
export const STAGE = "/sys/kernel";

interface Pending {
  resolve: (text: string) => void;
  reject: (error: Error) => void;
  call: string;
}

/** Has the holder of the moment: a new one when the last has died. */
export interface HolderOwner {
  readonly holder: Holder;
}

/**
 * The process that holds every mount and is the parent of every command; see holder.sh for its side.
 * It outlives this process just long enough to kill what it started.
 */
export class Holder {
  /** The session directory as the holder sees it, reachable from here: views are mounted only there. */
  readonly session: string;
  /** The holder's own /proc: pids of its namespace, which are what bwrap reports. */
  readonly proc: string;
  /** Where the slots' pipes are, from here. */
  readonly pipes: string;
  /** Settles when the holder has ended, for whatever reason. */
  readonly ended: Promise<void>;
  #child: ChildProcess;
  #answers: Socket;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #alive = true;

  /**
   * @param directory - The session's directory as it is called now; `session`, as it will be.
   * @param lease - The open file of its lease, which every holder of the session gets.
   * Throws ENGINE_UNAVAILABLE with what the system said.
   */
  static async start(directory: string, session: string, ids: Ids, lease: number): Promise<Holder> {
    const scripts = [helperPath("holder.sh"), helperPath("network.sh")].map((path) => `. ${quote(path)}`);
    const leaks = leakedDescriptors();
    const unshare = ["--user", "sh", "-c", ENTER];
    const child = spawn(...closing(leaks, [findTool("unshare") ?? "unshare", ...unshare]), {
      stdio: stdioOver(leaks, lease),
      detached: true,
      cwd: "/",
      env: HOLDER_ENV,
    });
    const answers = child.stdio[4] as Socket;
    const lines = createInterface({ input: answers })[Symbol.asyncIterator]();
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (cause) => reject(unavailable(cause.message, cause)));
      child.once("exit", () => setImmediate(() => reject(unavailable(said))));
    });
    failed.catch(() => {});
    child.stdin?.on("error", () => {}); // a holder that died is seen by its exit
    await Promise.race([lines.next(), failed]);
    writeMaps(child.pid as number, ids);
    const prepare = `prepare ${quote(directory)} ${quote(session)} ${STAGE}`;
    child.stdin?.write(`\n${[...scripts, prepare].join("\n")}\n`);
    const first = await Promise.race([lines.next(), failed]);
    if (first.done) return failed;
    return new Holder(child, answers, lines, Number(first.value.split(" ")[2]));
  }

  private constructor(
    child: ChildProcess,
    answers: Socket,
    lines: AsyncIterator<string>,
    readonly pid: number,
  ) {
    this.#child = child;
    this.#answers = answers;
    this.session = `/proc/${pid}/root${STAGE}/s`;
    this.proc = `/proc/${pid}/root/proc`;
    this.pipes = `/proc/${pid}/root${STAGE}/io`;
    this.ended = new Promise((resolve) => {
      child.once("exit", () => {
        this.#alive = false;
        for (const { reject, call } of this.#pending.values()) reject(lost(call));
        this.#pending.clear();
        resolve();
      });
    });
    this.#read(lines);
    child.unref();
    for (const stream of child.stdio) (stream as Socket | null)?.unref();
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Calls a function of holder.sh and waits for its answer. */
  call(name: string, ...args: readonly string[]): Promise<string> {
    return this.#ask(name, args);
  }

  /** Runs a program in the holder; rejects with what it printed. */
  run(...command: readonly string[]): Promise<string> {
    return this.#ask("run", command);
  }

  /** The same without holding up what is sent after it. */
  task(...command: readonly string[]): Promise<string> {
    return this.#ask("task", command);
  }

  /** Calls a function of holder.sh that does not answer. */
  send(name: string, ...args: readonly string[]): void {
    if (this.#alive) this.#child.stdin?.write(`${[name, ...args.map(quote)].join(" ")}\n`);
  }

  /** Whether a thread of a process of its pid namespace is alive. */
  isRunning(pid: string): boolean {
    if (!this.#alive) return false;
    try {
      return isRunningIn(readFileSync(`${this.proc}/${pid}/stat`, "latin1"));
    } catch (error) {
      // Where this process can open no more files, nothing says that the other has ended.
      return ["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException).code ?? "");
    }
  }

  /** Ends the holder, with it every command and mount, and removes the session. */
  async close(): Promise<void> {
    this.#child.ref();
    this.send("tidy");
    this.#child.stdin?.end();
    await this.ended;
  }

  #ask(name: string, args: readonly string[]): Promise<string> {
    if (!this.#alive) return Promise.reject(lost(name));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, call: [name, ...args.slice(0, 2)].join(" ") });
      if (this.#pending.size === 1) this.#answers.ref();
      this.send(name, String(id), ...args);
    });
  }

  async #read(lines: AsyncIterator<string>): Promise<void> {
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      const [id, status, ...text] = line.value.split(" ");
      const pending = this.#pending.get(Number(id));
      if (!pending) continue;
      this.#pending.delete(Number(id));
      if (this.#pending.size === 0) this.#answers.unref();
      if (status === "0") pending.resolve(text.join(" "));
      else pending.reject(new Error(`${pending.call}: ${text.join(" ").trim() || `status ${status}`}`));
    }
  }
}

/** POSIX sh quoting on one line: exact for every string without NUL. holder.sh sets nl. */
export function quote(text: string): string {
  return /^[\w./:=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`).replaceAll("\n", `'"$nl"'`)}'`;
}

// The classic mount(2) call: the newer one takes no more than 256 bytes of an option's value.
const HOLDER_ENV = {
  PATH: TOOL_PATH,
  LIBMOUNT_FORCE_MOUNT2: "always",
  LC_ALL: "C",
};

const ENTER = "echo up >&4; read -r _ && exec unshare --mount --pid --fork --kill-child sh -s";

/** What this process got from its parent without close-on-exec would reach sandboxed code. */
function leakedDescriptors(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 5 && survivesExec(fd));
}

/** Shut by bash, whose like POSIX does not promise: there a descriptor above 9 can't be named. */
function closing(leaks: readonly number[], command: [string, ...string[]]): [string, string[]] {
  const bash = findTool("bash");
  const [program, ...args] = command;
  if (leaks.length === 0 || !bash) return [program, args];
  const script = `exec ${leaks.map((fd) => `${fd}>&-`).join(" ")}; exec "$@"`;
  return [bash, ["--noprofile", "--norc", "-c", script, "bash", ...command]];
}

/** Without bash, /dev/null takes their place. */
function stdioOver(leaks: readonly number[], lease: number): ("pipe" | "ignore" | number)[] {
  const stdio: ("pipe" | "ignore" | number)[] = ["pipe", "ignore", "pipe", devNull(), "pipe", lease];
  const most = mostDescriptors();
  for (const fd of leaks) {
    if (fd >= most) continue; // opened when the limit was higher: none can be put in its place
    while (stdio.length <= fd) stdio.push("ignore");
    stdio[fd] = devNull();
  }
  return stdio;
}

function mostDescriptors(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

let nullDescriptor: number | undefined;
function devNull(): number {
  nullDescriptor ??= openSync("/dev/null", "r");
  return nullDescriptor;
}

function survivesExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & 0o2000000) === 0;
  } catch {
    return false; // closed since it was listed
  }
}

function writeMaps(pid: number, ids: Ids): void {
  try {
    if (!ids.range) writeFileSync(`/proc/${pid}/setgroups`, "deny");
    writeFileSync(`/proc/${pid}/uid_map`, ids.uidMap);
    writeFileSync(`/proc/${pid}/gid_map`, ids.gidMap);
  } catch (cause) {
    process.kill(pid, "SIGKILL");
    throw unavailable(`the id map of a user namespace can't be written: ${(cause as Error).message}`, cause);
  }
}

function unavailable(why: string, cause?: unknown): SandboxError {
  return new SandboxError(
    "ENGINE_UNAVAILABLE",
    `The local engine could not start its namespaces: ${why.trim() || "no reason given"}. Run \`forkbox doctor\` to see what this machine lacks.`,
    { operation: "create", cause },
  );
}

function lost(call: string): SandboxError {
  return new SandboxError(
    "ENGINE_LOST",
    `The local engine's process ended while it was to do: ${call}. Snapshots are kept; try the operation again.`,
    { operation: "exec" },
  );
}
