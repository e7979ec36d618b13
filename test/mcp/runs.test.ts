import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { type Connected, connectStdio, type Served, serveHttp } from "../support/mcp.js";
import { uniqueNumber } from "../support/scratch.js";

const engine = await probeLocal();

async function untilNone(marker: string): Promise<void> {
  for (let left = 400; left > 0 && (await processesWith(marker)).length > 0; left--)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(await processesWith(marker)).toEqual([]);
}

describe.each(["stdio modern", "stdio legacy", "HTTP modern", "HTTP legacy"])("runs, %s", (name) => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  const era = name.endsWith("modern") ? "modern" : "legacy";
  let served: Served | undefined;
  let connected: Connected;
  let sandbox_id: unknown;

  beforeAll(async () => {
    if (name.startsWith("HTTP")) served = await serveHttp();
    connected = served ? await served.connect({ era }) : await connectStdio([], { era });
    ({ sandbox_id } = await connected.call("create_sandbox"));
  });

  afterAll(async () => {
    await connected?.close();
    await served?.stop();
  });

  test("a cancelled request stops its command, with all of its processes", async () => {
    const marker = uniqueNumber();
    const stop = new AbortController();
    const call = connected.client.callTool(
      { name: "exec", arguments: { sandbox_id, command: `sleep ${marker} & sleep ${marker}` } },
      { signal: stop.signal },
    );
    const refused = expect(call).rejects.toThrow();
    await waitForProcesses(`sleep\0${marker}`, 2);
    stop.abort();
    await refused;
    await untilNone(`sleep\0${marker}`);
    expect(await connected.call("exec", { sandbox_id, command: "echo alive" })).toMatchObject({
      stdout: "alive\n",
    });
  });

  test("a long command answers while it runs; get_run waits on, and stop_run ends it", async () => {
    const marker = uniqueNumber();
    const command = `echo first; sleep ${marker}`;
    const started = await connected.call("exec", { sandbox_id, command, wait_ms: 1500 });
    expect(started).toMatchObject({ state: "running", stdout: "first\n" });
    const { run_id } = started;
    expect(await connected.call("get_run", { run_id, wait_ms: 100 })).toMatchObject({
      run_id,
      state: "running",
    });
    const all = await connected.call("list_sandboxes");
    expect(all.sandboxes).toMatchObject([{ sandbox_id, running: [run_id] }]);
    expect(await connected.call("stop_run", { run_id })).toMatchObject({
      state: "stopped",
      stdout: "first\n",
    });
    expect(await processesWith(`sleep\0${marker}`)).toEqual([]);
    expect(await connected.call("get_run", { run_id }).catch((error: Error) => error.message)).toMatchObject({
      state: "stopped",
    });
  });
});

describe("runs and their output", () => {
  if ("unavailable" in engine) return;
  let connected: Connected;
  let sandbox_id: unknown;
  const sh = (command: string, more = {}) => connected.call("exec", { sandbox_id, command, ...more });

  beforeAll(async () => {
    connected = await connectStdio();
    ({ sandbox_id } = await connected.call("create_sandbox"));
  });
  afterAll(() => connected?.close());

  test("a client that gave a progress token hears every five seconds how far it is", async () => {
    const heard: string[] = [];
    const result = await connected.client.callTool(
      { name: "exec", arguments: { sandbox_id, command: "echo one; sleep 7; echo two" } },
      { onprogress: ({ message }) => void heard.push(message ?? "") },
    );
    expect(result.structuredContent).toMatchObject({ exit_code: 0, stdout: "one\ntwo\n" });
    expect(heard).toEqual(["5 s: one"]);
  });

  test.each([
    ["numbers", "seq 1 200000"],
    ["one long line", "head -c 500000 /dev/zero | tr '\\0' x"],
    ["letters of no word", "head -c 500000 /dev/urandom | base64"],
    ["other alphabets", "yes 漢字かな | head -c 500000"],
    ["control characters", "head -c 500000 /dev/zero | tr '\\0' '\\033'"],
    ["both streams", "seq 1 200000; seq 1 200000 >&2"],
  ])("what a model gets of %s is bounded, structured content and text together", async (_what, command) => {
    const result = await connected.raw("exec", { sandbox_id, command });
    expect(result.isError).toBeFalsy();
    expect(JSON.stringify(result).length / 4).toBeLessThan(8000);
    expect(result.structuredContent).toMatchObject({ exit_code: 0 });
  });

  test("of a long output the beginning and the end are there once, and all of it by read_output and a resource", async () => {
    const result = await connected.raw("exec", { sandbox_id, command: "echo BEGIN; seq 1 80000; echo END" });
    const facts = result.structuredContent as { run_id: string; stdout: string };
    const { run_id, stdout } = facts;
    expect(stdout.match(/BEGIN/g)).toHaveLength(1);
    expect(stdout.match(/END/g)).toHaveLength(1);
    expect(stdout).toMatch(/characters left out/);
    const found = await connected.call("read_output", { run_id, grep: "77777|nothing" });
    expect(found).toMatchObject({ matches: 1 });
    const [offset] = String(found.text).split(":");
    const part = await connected.call("read_output", { run_id, offset: Number(offset), limit: 6 });
    expect(part).toMatchObject({ text: "77777\n" });
    expect(await connected.call("read_output", { run_id, offset: -4 })).toMatchObject({ text: "END\n" });
    const link = result.content.find(({ type }) => type === "resource_link");
    if (link?.type !== "resource_link") throw new Error("there is no link");
    const { contents } = await connected.client.readResource({ uri: link.uri });
    const [whole] = contents;
    expect(whole && "text" in whole && whole.text.split("\n").slice(0, 3)).toEqual(["BEGIN", "1", "2"]);
    expect(whole && "text" in whole && whole.text.endsWith("80000\nEND\n")).toBe(true);
  });

  test("an output can be read through part by part, to its end", async () => {
    const { run_id } = await sh("for i in $(seq 1 3000); do echo line $i; done");
    let text = "";
    for (let offset: unknown = 0; offset !== undefined; ) {
      const part = await connected.call("read_output", { run_id, offset, limit: 12_000 });
      text += part.text;
      offset = part.next_offset;
    }
    expect(text).toBe(Array.from({ length: 3000 }, (_, index) => `line ${index + 1}\n`).join(""));
  });

  test("looking through output takes the text as it is, whatever pattern it may look like", async () => {
    const { run_id } = await sh("head -c 300000 /dev/zero | tr '\\0' a; echo; echo '(a+)+$'");
    const found = await connected.call("read_output", { run_id, grep: "(a+)+$" });
    expect(found).toMatchObject({ matches: 1, text: "300001: (a+)+$" });
  });

  test("a deadline is an error that says so, with what had been printed, and changes nothing", async () => {
    const command = "echo printed; touch changed; sleep 60";
    const result = await connected.raw("exec", { sandbox_id, command, timeout_ms: 1500 });
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { state: "failed", stdout: "printed\n", error: { code: "TIMEOUT" } },
    });
    expect(await sh("ls")).toMatchObject({ exit_code: 0, stdout: "" });
  });

  test("a program that is missing, and a directory, say what to do", async () => {
    expect(await connected.call("exec", { sandbox_id, command: ["no-such-program"] })).toMatchObject({
      exit_code: 127,
    });
    const cwd = await connected.raw("exec", { sandbox_id, command: "true", cwd: "missing" });
    expect(cwd).toMatchObject({ isError: true, structuredContent: { error: { code: "NOT_FOUND" } } });
  });

  test("two commands at once run one after the other, and closing the sandbox ends both", async () => {
    const marker = uniqueNumber();
    const other = await connected.call("create_sandbox");
    const at = { sandbox_id: other.sandbox_id, command: `sleep ${marker}`, wait_ms: 0 };
    const first = await connected.call("exec", at);
    const second = await connected.call("exec", at);
    await waitForProcesses(`sleep\0${marker}`);
    await connected.call("close_sandbox", { sandbox_id: other.sandbox_id });
    for (const { run_id } of [first, second]) {
      const ended = await connected.raw("get_run", { run_id });
      expect(ended.structuredContent).toMatchObject({ state: "failed", error: { code: "CLOSED" } });
    }
    expect(await processesWith(`sleep\0${marker}`)).toEqual([]);
  });
});
