import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { answerTo, type Leaf } from "./scripted-answer.js";

/** What becomes of one query: a body to answer with 200, or what the test does with the connection. */
export type Reply = object | ((response: ServerResponse) => void | Promise<void>) | undefined;

/**
 * Not an engine and never counted as one: an HTTP server that says what a test tells it to, and a program that
 * claims to be the Dagger CLI in front of it. What it was asked, it answers in the form it was asked for.
 */
export class ScriptedDagger {
  version = "v0.20.1";
  /** What is different from a well engine: undefined for nothing. */
  script: (query: string) => Reply = () => undefined;
  /** Values at the end of a path of fields, where they matter. */
  leaf: Leaf = () => undefined;
  readonly queries: string[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));
  #plaintext = "";

  static async start(): Promise<ScriptedDagger> {
    const scripted = new ScriptedDagger();
    await new Promise<void>((resolve) => scripted.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => scripted.end());
    return scripted;
  }

  /** A Dagger CLI that leads here. */
  async cli(): Promise<string> {
    const { port } = this.#server.address() as AddressInfo;
    return scriptedCli(`echo '{"port":${port},"session_token":"token"}'; exec cat >/dev/null`);
  }

  end(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks = (await request.toArray().catch(() => [])) as Buffer[];
    const { query } = JSON.parse(Buffer.concat(chunks).toString()) as { query: string };
    this.queries.push(query);
    const reply = this.script(query) ?? { data: this.answer(query) };
    if (typeof reply === "function") void reply(response);
    else response.end(JSON.stringify(reply));
  }

  /** What a well engine would say. */
  answer(query: string): unknown {
    this.#plaintext =
      /setSecret\(name:"forkbox-mark-[^"]*",plaintext:"([^"]*)"/.exec(query)?.[1] ?? this.#plaintext;
    return answerTo(query, (path) => {
      const field = path.at(-1);
      if (field === "version") return this.version;
      if (field === "envVariables") return [];
      if (field === "plaintext") return this.#plaintext;
      return this.leaf(path) ?? WELL[path.slice(-2).join(".")];
    });
  }
}

/** Of a base that has all that is needed, and a command that ended well and printed nothing. */
const WELL: Readonly<Record<string, unknown>> = {
  "report.contents":
    "missing\nbecome chroot\nfractions\nfullblock\ngid 1000\nhome /home/sandbox\nreported /tmp\n",
  "attributes.contents": "",
  "result.contents": "exited 0 0 0 0 0\n",
};

/** A program at a path of its own, with this for its shell script. */
export async function scriptedCli(script: string, mode = 0o755): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "forkbox-test-cli-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "dagger");
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode });
  return path;
}
