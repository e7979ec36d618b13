import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { cliOf, endpointsOf } from "../src/engines/dagger/options.js";
import { Connection } from "../src/engines/dagger/session/connection.js";
import { startProcess } from "../src/engines/dagger/session/process.js";
import { type Base, dagger, Sandbox, SandboxError } from "../src/index.js";
import { CannotRun } from "./group.js";

/** Both sides on one engine, each with a session of its own. */
export interface Sides extends AsyncDisposable {
  raw: Raw;
  /** The base, as a container of the raw side. */
  container: string;
  create(): Promise<Sandbox>;
}

/** The base is FORKBOX_TEST_DAGGER_BASE (JSON), an image or a root file system; else the engine's default. */
export async function bothSides(): Promise<Sides> {
  const engine = dagger();
  const { FORKBOX_TEST_DAGGER_BASE: named } = process.env;
  const base = named === undefined ? engine.defaultBase : (JSON.parse(named) as Base);
  const create = () => Sandbox.create({ engine, base });
  try {
    await (await create()).close();
    const raw = await Raw.start();
    const container = await raw.id(`container{${await baseField(raw, base)}{withWorkdir(path:"/workspace"){`);
    return {
      raw,
      container,
      create,
      async [Symbol.asyncDispose]() {
        await raw.close();
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    if (error instanceof SandboxError) throw new CannotRun(error.message);
    throw error;
  }
}

/** Dagger's API with nothing of forkbox before it: each query is what a user of the API would send. */
export class Raw {
  readonly #connection: Connection;
  readonly #end: () => Promise<void>;

  private constructor(connection: Connection, end: () => Promise<void>) {
    this.#connection = connection;
    this.#end = end;
  }

  static async start(): Promise<Raw> {
    const [endpoint] = endpointsOf({});
    const options = { endpoint, environment: {}, signal: AbortSignal.timeout(60_000) };
    const session = await startProcess({ cli: cliOf({}), ...options });
    return new Raw(new Connection(session.address), () => session.end());
  }

  /** The ID of what a chain of fields leads to, each of them opened: `container{from(address:"…"){`. */
  async id(chain: string, more = ""): Promise<string> {
    const opened = chain.split("{").length - 1;
    const { body } = await this.#connection.send(`{${chain}id ${more}${"}".repeat(opened + 1)}`);
    const { data, errors } = JSON.parse(body) as { data: unknown; errors?: { message: string }[] };
    if (errors?.[0]) throw new Error(errors[0].message);
    let at = data;
    while (typeof at === "object" && at !== null && !("id" in at)) [at] = Object.values(at);
    return (at as { id: string }).id;
  }

  /** Runs a command, and gives the container after it. */
  exec(container: string, ...args: string[]): Promise<string> {
    // Else it is answered from the cache.
    const nonce = `withEnvVariable(name:"NONCE",value:"${randomUUID()}")`;
    return this.id(
      `loadContainerFromID(id:${JSON.stringify(container)}){${nonce}{withExec(args:${JSON.stringify(args)}){`,
      "exitCode stdout stderr",
    );
  }

  /** Brings a host directory to a place in a container, and gives the container after it. */
  async import(container: string, path: string, to: string): Promise<string> {
    const directory = await this.id(`host{directory(path:${JSON.stringify(path)},noCache:true){`);
    const put = `withDirectory(path:${JSON.stringify(to)},source:${JSON.stringify(directory)})`;
    return this.id(`loadContainerFromID(id:${JSON.stringify(container)}){${put}{`, "sync");
  }

  async close(): Promise<void> {
    this.#connection.close();
    await this.#end();
  }
}

async function baseField(raw: Raw, base: Base): Promise<string> {
  if ("image" in base) return `from(address:${JSON.stringify(base.image)})`;
  if (!("rootfs" in base)) throw new CannotRun("name an {image} or a {rootfs} in FORKBOX_TEST_DAGGER_BASE");
  const directory = await raw.id(`host{directory(path:${JSON.stringify(resolve(base.rootfs))}){`);
  return `withRootfs(directory:${JSON.stringify(directory)})`;
}
