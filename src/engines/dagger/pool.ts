import { SandboxError } from "../../errors.js";
import { aborted } from "./errors.js";
import { Session } from "./session.js";
import type { HostState } from "./state.js";
import { untilAborted } from "./until-aborted.js";
import { Workspace } from "./workspace.js";

/** One engine of the pool, with its session when it has one. */
interface Member {
  /** Undefined: where the Dagger CLI itself finds or starts one. */
  readonly endpoint: string | undefined;
  starting: Promise<Workspace> | undefined;
  workspace: Workspace | undefined;
}

/** Engines that sandboxes are spread over. A session that ended is replaced when somebody comes to it again. */
export class Pool {
  readonly #members: readonly Member[];
  readonly #cli: string;
  readonly #state: HostState;
  /** Its signal is of no operation: it ends what is still starting. */
  readonly #closing = new AbortController();

  constructor(endpoints: readonly string[], cli: string, state: HostState) {
    const named = endpoints.length > 0 ? endpoints : [undefined];
    this.#members = named.map((endpoint) => ({ endpoint, starting: undefined, workspace: undefined }));
    this.#cli = cli;
    this.#state = state;
  }

  /**
   * The engine with the least to do that can be reached.
   * @throws SandboxError ENGINE_UNAVAILABLE that says what is wrong with each.
   */
  async place(signal?: AbortSignal): Promise<Workspace> {
    const lacks: SandboxError[] = [];
    for (const member of [...this.#members].sort((one, other) => loadOf(one) - loadOf(other))) {
      try {
        return await this.#open(member, signal);
      } catch (error) {
        if (!(error instanceof SandboxError) || error.code !== "ENGINE_UNAVAILABLE") throw error;
        lacks.push(error);
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
    try {
      const { workspace } = member;
      const well = workspace === undefined || (await workspace.session.isWell(signal));
      if (!well && member.workspace === workspace) {
        member.workspace = undefined;
        member.starting = undefined;
      }
      // Shared by all who come at once: one of them giving up must not end it for the others.
      member.starting ??= this.#start(member);
      return await untilAborted(member.starting, signal);
    } catch (error) {
      throw signal?.aborted ? aborted("create", signal) : error;
    }
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

function loadOf({ workspace }: Member): number {
  return workspace?.session.over === false ? workspace.load : 0;
}

function closed(): SandboxError {
  return new SandboxError("CLOSED", "create: the Dagger engine was closed.", { operation: "create" });
}
