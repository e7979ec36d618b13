import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import { forkbox } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { hostDirectory, uniqueNumber, uniqueWord } from "../support/scratch.js";

const engine = await probeLocal();
const [program, ...first] = forkbox;

/** A client without a library, so that how it goes is the test's. */
async function startedSession(child: ChildProcess, marker: string): Promise<void> {
  let id = 0;
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const ask = (method: string, params: object) =>
    child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: id++, method, params })}\n`);
  const answer = async () =>
    JSON.parse(String((await lines.next()).value)) as {
      result: { structuredContent: { sandbox_id: string } };
    };
  ask("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "bare", version: "1" },
  });
  await answer();
  child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  ask("tools/call", { name: "create_sandbox", arguments: {} });
  const { sandbox_id } = (await answer()).result.structuredContent;
  ask("tools/call", {
    name: "exec",
    arguments: { sandbox_id, command: `sleep ${marker} & sleep ${marker}` },
  });
  await waitForProcesses(`sleep\0${marker}`, 2);
}

describe("the end of forkbox mcp on stdio", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill("SIGKILL");
  });

  test.each([
    ["the end of its input", (server: ChildProcess) => server.stdin?.end(), 0],
    ["SIGTERM", (server: ChildProcess) => server.kill("SIGTERM"), 130],
    ["SIGINT", (server: ChildProcess) => server.kill("SIGINT"), 130],
    ["SIGHUP", (server: ChildProcess) => server.kill("SIGHUP"), 130],
  ])("%s ends everything, and nothing is left", async (_what, end, code) => {
    const marker = uniqueNumber();
    const temporary = await hostDirectory();
    child = spawn(program, [...first, "mcp"], { stdio: "pipe", env: { ...process.env, TMPDIR: temporary } });
    const closed = once(child, "close");
    await startedSession(child, marker);
    end(child);
    expect(await closed).toEqual([code, null]);
    expect(await processesWith(`sleep\0${marker}`)).toEqual([]);
    expect((await readdir(temporary)).filter((name) => name.startsWith("forkbox-mcp-"))).toEqual([]);
  });

  test("the death of who started it ends everything, also where its pipes live on", async () => {
    const [marker, word] = [uniqueNumber(), uniqueWord()];
    // A shell starts the server and is killed; this test holds the server's stdin and stdout open.
    const quoted = [program, ...first, "mcp"].map((part) => `'${part}'`).join(" ");
    child = spawn("sh", ["-c", `exec 3<&0; ${quoted} <&3 & wait`], {
      stdio: "pipe",
      env: { ...process.env, FORKBOX_TEST_WORD: word },
    });
    await startedSession(child, marker);
    child.kill("SIGKILL");
    for (let left = 1000; left > 0 && (await processesWith(word)).length > 0; left--)
      await new Promise((resolve) => setTimeout(resolve, 25));
    expect(await processesWith(word)).toEqual([]);
    expect(await processesWith(`sleep\0${marker}`)).toEqual([]);
  });
});
