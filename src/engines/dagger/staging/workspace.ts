import { createHash, createHmac, randomBytes } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EMPTY, PREPARE, RUN } from "../commands/scripts.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions, Session } from "../session/session.js";
import { Shared } from "../session/shared.js";
import type { HostState } from "./state.js";

/** A session, the host directory it reads from, and what of both is the same for every operation. */
export class Workspace {
  readonly session: Session;
  readonly state: HostState;
  /** Sandboxes and commands in it: what placement goes by. */
  load = 0;
  readonly #once = new Shared();
  readonly #salt = randomBytes(16);

  constructor(session: Session, state: HostState) {
    this.session = session;
    this.state = state;
  }

  container(id: string): Step {
    return this.session.dialect.container(id);
  }

  directory(id: string): Step {
    return this.session.dialect.directory(id);
  }

  /** The ID of the directory that is mounted where commands run. */
  tools(options: QueryOptions): Promise<string> {
    return this.once("tools", options, async (shared) =>
      this.hostDirectory(await this.stageTools({}), shared),
    );
  }

  /** Stages the scripts, with further files beside them. What is to be discarded must be `only` its caller's. */
  stageTools(beside: Readonly<Record<string, Uint8Array>>, only = ""): Promise<string> {
    const files = { run: Buffer.from(RUN), prepare: Buffer.from(PREPARE), ...beside };
    const hash = createHash("sha256").update(only);
    for (const [name, data] of Object.entries(files)) hash.update(`${name} ${data.length}\n`).update(data);
    return this.state.stage(hash.digest("hex"), async (directory) => {
      for (const [name, data] of Object.entries(files)) {
        await writeFile(join(directory, name), data);
        await chmod(join(directory, name), name === "run" ? 0o755 : name in EMPTY ? 0o600 : 0o644);
      }
    });
  }

  /** The ID of a staged host directory, changed by steps. Its content goes to the engine now; the ID does not hold it. */
  hostDirectory(path: string, options: QueryOptions, changes: readonly Step[] = []): Promise<string> {
    const key = ["directory", path, ...changes.map(({ text }) => text)].join(" ");
    return this.once(key, options, async (shared) => {
      const steps = [call("host"), call("directory", { path, noCache: true }), ...changes];
      return (await this.session.run<{ id: string }>(steps, "id", shared)).id;
    });
  }

  /** Removes what was staged when nothing can ask for it again. */
  async discard(path: string): Promise<void> {
    this.#once.forget(`directory ${path}`);
    await this.state.discard(path);
  }

  /**
   * The ID of a secret. The engine tells secrets apart by name, so the name carries a hash of the value, salted
   * so that it says nothing about it. The value itself is in this one query, and in no other.
   */
  secret(name: string, value: string, options: QueryOptions): Promise<string> {
    const mark = createHmac("sha256", this.#salt).update(value).digest("hex").slice(0, 32);
    return this.once(`secret ${name} ${mark}`, options, async (shared) => {
      const steps = [call("setSecret", { name: `${name}-${mark}`, plaintext: value })];
      return (await this.session.run<{ id: string }>(steps, "id", shared)).id;
    });
  }

  /** What the engine answered when it was first asked; a failure is asked again. */
  once<T>(key: string, options: QueryOptions, ask: (shared: QueryOptions) => Promise<T>): Promise<T> {
    return this.#once.answer(key, options, ask);
  }
}
