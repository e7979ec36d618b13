import { SandboxError } from "../../errors.js";
import { clearTimeout, performance, setTimeout } from "../../timers.js";
import { Session } from "./session/session.js";
import { untilAborted } from "./session/until-aborted.js";
import type { HostState } from "./staging/state.js";
import { Workspace } from "./staging/workspace.js";

/** One engine of the pool, with its session when it has one. */
interface Member {
  /** Undefined: where the Dagger CLI itself finds or starts one. */
  readonly endpoint: string | undefined;
  starting: Promise<Workspace> | undefined;
  workspace: Workspace | undefined;
  /** How many are about to start something on it. */
  coming: number;
  /** When it last could not be used. */
  failedAt: number;
}

/** For how long an engine that could not be used comes last. */
const AVOIDED_MS = 30_000;
/** An engine that has not answered by then may hang: the others are asked meanwhile. */
const SLOW_MS = 1000;

/** Engines that sandboxes are spread over. A session that ended is replaced when somebody comes to it again. */
export class Pool {
  readonly #members: readonly Member[];
  readonly #cli: string;
  readonly #state: HostState;
  /** Its signal is of no operation: it ends what is still starting. */
  readonly #closing = new AbortController();

  constructor(endpoints: readonly string[], cli: string, state: HostState) {
    const named = endpoints.length > 0 ? endpoints : [undefined];
    this.#members = named.map((endpoint) => ({
      ...{ endpoint, starting: undefined, workspace: undefined },
      ...{ coming: 0, failedAt: Number.NEGATIVE_INFINITY },
    }));
    this.#cli = cli;
    this.#state = state;
  }

  /**
   * Works on the engine with the least to do that can be reached.
   * @throws SandboxError ENGINE_UNAVAILABLE that says what is wrong with each.
   */
  async use<T>(signal: AbortSignal | undefined, work: (workspace: Workspace) => Promise<T>): Promise<T> {
    const lacks: SandboxError[] = [];
    const members = [...this.#members].sort(byPreference);
    const openers = members.map((member) => once(() => this.#open(member, signal)));
    const openAll = () => {
      for (const open of openers) open().catch(() => undefined);
    };
    for (const [index, member] of members.entries()) {
      // Counted before anything is waited for: those who come at once go to different engines.
      member.coming++;
      // Several that hang are waited for together, not one after the other.
      const slow = setTimeout(openAll, SLOW_MS);
      try {
        const opening = (openers[index] as () => Promise<Workspace>)();
        return await work(await opening.finally(() => clearTimeout(slow)));
      } catch (error) {
        // What was to be started on an engine that ended meanwhile is started on another.
        if (!(error instanceof SandboxError) || !isAbsence(error)) throw error;
        member.failedAt = performance.now();
        lacks.push(error);
      } finally {
        member.coming--;
      }
    }
    const [first, ...others] = lacks as [SandboxError, ...SandboxError[]];
    if (others.length === 0) throw first;
    const list = lacks.map(({ message }) => `- ${message}`).join("\n");
    throw new SandboxError("ENGINE_UNAVAILABLE", `create: no engine of the pool can be used:\n${list}`, {
      operation: "create",
      cause: first,
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const ending = this.#members.map(async ({ starting }) =>
      (await starting?.catch(() => undefined))?.session.close(),
    );
    await Promise.all(ending);
    await this.#state.close();
  }

  async #open(member: Member, signal: AbortSignal | undefined): Promise<Workspace> {
    if (this.#closing.signal.aborted) throw closed();
    const { workspace } = member;
    const well = workspace === undefined || (await workspace.session.isWell(signal));
    if (!well && member.workspace === workspace) {
      member.workspace = undefined;
      member.starting = undefined;
    }
    // Shared by all who come at once: one of them giving up must not end it for the others.
    member.starting ??= this.#start(member);
    return untilAborted(member.starting, { operation: "create", signal });
  }

  async #start(member: Member): Promise<Workspace> {
    const { signal } = this.#closing;
    try {
      const session = await Session.start(this.#cli, member.endpoint, signal);
      member.workspace = new Workspace(session, this.#state);
      if (signal.aborted) await session.close();
      return member.workspace;
    } catch (error) {
      member.starting = undefined;
      throw signal.aborted ? closed() : error;
    }
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function byPreference(one: Member, other: Member): number {
  return loadOf(one) - loadOf(other);
}

function isAbsence({ code }: SandboxError): boolean {
  return code === "ENGINE_UNAVAILABLE" || code === "ENGINE_LOST";
}

function loadOf({ workspace, coming, failedAt }: Member): number {
  if (performance.now() - failedAt < AVOIDED_MS) return Number.MAX_SAFE_INTEGER;
  return (workspace?.session.over === false ? workspace.load : 0) + coming;
}

function closed(): SandboxError {
  return new SandboxError("CLOSED", "create: the Dagger engine was closed.", { operation: "create" });
}
