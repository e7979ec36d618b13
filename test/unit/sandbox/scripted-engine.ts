import type {
  Base,
  Capabilities,
  Change,
  Engine,
  ExecOutcome,
  ExecRequest,
  OnBytes,
  RawOutput,
  Snapshot,
} from "../../../src/engine.js";
import { SandboxError } from "../../../src/errors.js";

/**
 * Not an engine and never counted as one: it runs no code and isolates nothing. It answers what a test tells
 * it to, so that order, transactions, references and errors above the seam can be tried one by one. What real
 * engines do is in the contract suite.
 */
export class ScriptedEngine implements Engine {
  readonly name = "scripted";
  readonly defaultBase: Base = { host: true };
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  readonly requests: ExecRequest[] = [];
  /** What `exec` does. */
  script: (request: ExecRequest, onBytes: OnBytes) => Promise<Scripted> = async () => ({});
  can: Capabilities = everything;
  readonly #references = new Map<Snapshot, number>();
  #made = 0;

  /** References that nobody has given back. */
  get references(): number {
    return [...this.#references.values()].reduce((sum, count) => sum + count, 0);
  }

  async capabilities(): Promise<Capabilities> {
    return this.can;
  }

  async identify(base: Base): Promise<string> {
    return JSON.stringify(base);
  }

  async open(): Promise<Snapshot> {
    return this.#make();
  }

  async exec(from: Snapshot, request: ExecRequest, onBytes: OnBytes = () => undefined): Promise<ExecOutcome> {
    this.#use(from);
    this.calls.push(`exec ${request.argv.at(-1)} on ${from.id}`);
    this.requests.push(request);
    const scripted = await this.script(request, onBytes);
    const output = { stdout: raw(scripted.stdout ?? ""), stderr: raw(scripted.stderr ?? "") };
    if (scripted.why) return { kind: "stopped", why: scripted.why, ...output };
    if (scripted.lost) return { kind: "lost", error: scripted.lost, ...output };
    return { kind: "exited", exitCode: scripted.exitCode ?? 0, snapshot: this.#replace(from), ...output };
  }

  async start(): Promise<never> {
    throw new Error("this engine starts no services");
  }

  async change(from: Snapshot, changes: readonly Change[]): Promise<Snapshot> {
    this.#use(from);
    this.calls.push(...changes.map((change) => `${change.kind} ${change.path} on ${from.id}`));
    if (changes.some(({ path }) => path.includes("fails"))) {
      throw new SandboxError("PERMISSION", "change: no", { operation: "change" });
    }
    return this.#replace(from);
  }

  async read(from: Snapshot, path: string): Promise<Uint8Array> {
    this.#use(from);
    this.calls.push(`read ${path} on ${from.id}`);
    return Buffer.from(path);
  }

  async list(): Promise<[]> {
    return [];
  }

  async stat(): Promise<undefined> {
    return undefined;
  }

  async resolve(_from: Snapshot, path: string): Promise<string> {
    return path.replace("/workspace/link", "/workspace/locked");
  }

  async importTree(): Promise<never> {
    throw new Error("this engine imports nothing");
  }

  async view(): Promise<never> {
    throw new Error("this engine shows nothing");
  }

  retain(snapshot: Snapshot): void {
    this.#count(snapshot, 1);
  }

  release(snapshot: Snapshot): void {
    this.#count(snapshot, -1);
  }

  async keep(key: string, from: Snapshot): Promise<void> {
    this.calls.push(`keep ${key} on ${from.id}`);
  }

  async find(key: string): Promise<Snapshot | undefined> {
    return key === "known" ? this.#make() : undefined;
  }

  async forget(): Promise<void> {}

  async close(): Promise<void> {
    this.calls.push("close");
  }

  #make(): Snapshot {
    const snapshot = { id: `s${this.#made++}` };
    this.#count(snapshot, 1);
    return snapshot;
  }

  #replace(from: Snapshot): Snapshot {
    this.#count(from, -1);
    return this.#make();
  }

  #use(snapshot: Snapshot): void {
    if (!this.#references.has(snapshot)) throw new Error(`${snapshot.id} was used after it was released`);
  }

  #count(snapshot: Snapshot, by: number): void {
    const count = (this.#references.get(snapshot) ?? 0) + by;
    if (count < 0) throw new Error(`${snapshot.id} was released once too often`);
    if (count === 0) this.#references.delete(snapshot);
    else this.#references.set(snapshot, count);
  }
}

interface Scripted {
  exitCode?: number;
  why?: "deadline" | "abort" | "memory" | "disk";
  lost?: SandboxError;
  stdout?: string | RawOutput;
  stderr?: string | RawOutput;
}

function raw(output: string | RawOutput): RawOutput {
  if (typeof output !== "string") return output;
  return { head: Buffer.from(output), tail: Buffer.alloc(0), droppedBytes: 0 };
}

const everything: Capabilities = {
  liveOutput: "bytes",
  bases: { image: "no images here", dockerfile: true, rootfs: true, archive: true, host: true },
  users: { sandbox: true, root: "no root here" },
  network: { on: true, off: true, host: "not the host's" },
  limits: { memoryMiB: true, cpus: "no cgroups", processes: true, diskMiB: true, outputBytes: true },
  caches: "no caches here",
  services: "no services here",
};
