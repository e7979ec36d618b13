import { readdir } from "node:fs/promises";
import { Agent, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { expectCode } from "../support/errors.js";
import { untilNone } from "../support/leftovers.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { type Reply, ScriptedDagger } from "../support/scripted-dagger.js";
import { sessionsOf } from "../support/sessions.js";
import { SOON_MS, within } from "../support/within.js";

// forkbox takes no timer that a test fakes. This test turns the watch's hands all the same.
vi.mock("../../src/timers.js", async (original) => ({
  ...(await original<typeof import("../../src/timers.js")>()),
  setInterval: (...args: Parameters<typeof setInterval>) => globalThis.setInterval(...args),
  clearInterval: (timer: NodeJS.Timeout) => globalThis.clearInterval(timer),
}));

const isCommand = (query: string) => query.includes("/.forkbox/run");
const write = (text: string) => (response: ServerResponse) => void response.end(text);

/** What a Dagger session may answer, or not, while a command runs. */
describe("a scripted Dagger session", () => {
  let scripted: ScriptedDagger;
  let sandbox: Sandbox;
  let state: string;
  beforeEach(async () => {
    scripted = await ScriptedDagger.start();
    state = await hostDirectory();
    const engine = dagger({
      engines: ["scripted://here"],
      cli: await scripted.cli(),
      stateDirectory: state,
    });
    onTestFinished(async () => {
      await within(engine.close());
      await untilNone(() => sessionsOf(process.pid), SOON_MS);
    });
    sandbox = await Sandbox.create({ engine, base: { image: "some" } });
  });

  const answerCommands = (reply: Reply) => {
    scripted.script = (query) => (isCommand(query) ? reply : undefined);
  };
  const expectWell = async () => {
    scripted.script = () => undefined;
    expect((await sandbox.exec("true")).exitCode).toBe(0);
  };

  test("that answers as it should runs commands", () => expectWell());

  test("that sends its answer byte by byte is waited for", async () => {
    scripted.leaf = (path) => ({ "result.contents": "exited 0 4 0 0 0\n\nslow" })[path.slice(-2).join(".")];
    scripted.script = (query) => (isCommand(query) ? slowly({ data: scripted.answer(query) }) : undefined);
    expect((await sandbox.exec("true")).stdout).toBe("slow");
  });

  for (const [what, reply] of [
    ["an error without extensions", { errors: [{ message: "it went wrong" }] }],
    [
      "an error beside data",
      { data: { anything: 1 }, errors: [{ message: "it went wrong" }, { message: "twice" }] },
    ],
    [
      "an error of a command",
      { errors: [{ message: "exit code: 137", extensions: execError("it went wrong") }] },
    ],
    ["HTTP 500", (response) => void response.writeHead(500).end("it went wrong")],
    [
      "HTTP 500 with an error",
      (response) => void response.writeHead(500).end('{"errors":[{"message":"it went wrong"}]}'),
    ],
    ["a body that is not JSON", write("<html>it went wrong")],
  ] as [string, Reply][]) {
    test(`that answers ${what} is ENGINE_ERROR with its words, and the sandbox goes on`, async () => {
      answerCommands(reply);
      const error = await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
      expect(error.message).toMatch(/^exec: the Dagger engine answered: .*it went wrong/);
      await expectWell();
    });
  }

  for (const body of [
    "",
    "null",
    "[]",
    "7",
    "{}",
    '{"data":null}',
    '{"data":{}}',
    '{"data":{"loadContainerFromID":null}}',
  ]) {
    test(`that answers ${body || "nothing"} is ENGINE_ERROR, and the sandbox goes on`, async () => {
      answerCommands(write(body));
      const error = await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
      expect(error.message).toMatch(/^exec: the Dagger engine answered: /);
      await expectWell();
    });
  }

  test("whose failure tells of a connection, and which is well, is not taken for lost", async () => {
    answerCommands({ errors: [{ message: "dial tcp 127.0.0.1:5000: connect: connection refused" }] });
    await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
    await expectWell();
  });

  for (const message of [
    "lstat /snapshots/7/fs/database not open/session cache is closed: file name too long",
    "can't read /workspace/x: database not open",
  ]) {
    test(`whose failure has words of a sandbox in it (${message}) is not taken for lost`, async () => {
      answerCommands({ errors: [{ message }] });
      await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
      await expectWell();
    });
  }

  test("whose engine fails, and has much to do, is not taken for lost", async () => {
    scripted.script = (query) => {
      if (isCommand(query)) return { errors: [{ message: "it went wrong" }] };
      if (!query.includes("plaintext")) return undefined;
      return async (response) => {
        await sleep(1000);
        response.end(JSON.stringify({ data: scripted.answer(query) }));
      };
    };
    await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
    await expectWell();
  });

  test("that says that its engine closed its stores, and ends a while later, is ENGINE_LOST", async () => {
    answerCommands((response) => {
      response.end('{"errors":[{"message":"error committing x: database not open"}]}');
      setTimeout(() => scripted.end(), 1500);
    });
    await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
  });

  test("whose engine ends over a path named as if it were not there is ENGINE_LOST", async () => {
    scripted.script = (query) =>
      query.includes("/not exist")
        ? (response) => {
            response.end('{"errors":[{"message":"stat /not exist: database not open"}]}');
            scripted.end();
          }
        : undefined;
    await within(expectCode(sandbox.stat("/not exist"), "ENGINE_LOST"));
  });

  for (const [what, reply] of [
    ["cuts its answer", (response) => cut(response)],
    ["closes the connection", (response) => void response.destroy()],
  ] as [string, Reply][]) {
    test(`that ${what} is ENGINE_LOST, and its process ends`, async () => {
      answerCommands(reply);
      await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
      await untilNone(() => sessionsOf(process.pid), SOON_MS);
      await within(expectCode(sandbox.readFile("/file"), "ENGINE_LOST"));
    });
  }

  test("whose engine is gone, and says so with HTTP 502, is ENGINE_LOST", async () => {
    scripted.script = () => (response) =>
      void response.writeHead(502).end("http do: dial: connection refused");
    await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
  });

  test("whose engine fails in its own words and is gone soon after is ENGINE_LOST", async () => {
    answerCommands((response) => {
      response.end('{"errors":[{"message":"something inside broke"}]}');
      scripted.end();
    });
    await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
  });

  test("whose engine does not know the session's secret is another: ENGINE_LOST, and nothing was run", async () => {
    await sleep(200);
    scripted.script = (query) =>
      query.includes("plaintext") ? { data: { loadSecretFromID: { plaintext: "***" } } } : undefined;
    scripted.queries.length = 0;
    await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
    expect(scripted.queries.filter((query) => !query.includes("plaintext"))).toEqual([]);
  });

  test("that stops answering is ENGINE_LOST when its server ends", async () => {
    answerCommands(() => undefined);
    const lost = expectCode(sandbox.exec("true"), "ENGINE_LOST");
    while (!scripted.queries.some(isCommand)) await sleep(10);
    scripted.end();
    await within(lost);
  });

  for (const [what, script] of [
    ["a command alone", (query) => (isCommand(query) ? () => undefined : undefined)],
    ["anything", () => () => undefined],
  ] as [string, ScriptedDagger["script"]][]) {
    test(`that never answers ${what} is TIMEOUT soon after the deadline`, async () => {
      scripted.script = script;
      await within(expectCode(sandbox.exec("true", { timeoutMs: 500 }), "TIMEOUT"), 500 + SOON_MS);
      await expectWell();
    });
  }

  for (const [what, code] of [
    ["abort", "ABORTED"],
    ["deadline", "TIMEOUT"],
  ] as const) {
    test(`that is slow: the ${what} of one sandbox fails no other that waits for the same`, async () => {
      const fork = await sandbox.fork();
      const held: (() => void)[] = [];
      scripted.script = (query) =>
        query.startsWith("{host{directory")
          ? (response) => void held.push(() => response.end(JSON.stringify({ data: scripted.answer(query) })))
          : undefined;
      const controller = new AbortController();
      const first = sandbox.exec("true", {
        signal: controller.signal,
        ...(what === "deadline" && { timeoutMs: 500 }),
      });
      const stopped = expectCode(first, code);
      const second = fork.exec("true");
      while (held.length === 0) await sleep(10);
      await sleep(100);
      if (what === "abort") controller.abort();
      await within(stopped);
      scripted.script = () => undefined;
      for (const release of held) release();
      expect((await within(second)).exitCode).toBe(0);
    });
  }

  test("an abort of one import fails no other of the same files", async () => {
    scripted.leaf = (path) => (path.at(-1) === "fileType" ? "DIRECTORY" : undefined);
    const fork = await sandbox.fork();
    const source = await hostFiles(
      Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`file${index}`, "text"])),
    );
    const controller = new AbortController();
    const first = expectCode(
      sandbox.refreshFromHost(source, "/workspace", { signal: controller.signal }),
      "ABORTED",
    );
    const second = fork.refreshFromHost(source, "/workspace");
    const isStaging = async () =>
      (await readdir(state, { recursive: true })).some((path) => path.endsWith("/file1"));
    while (!(await isStaging())) await sleep(1);
    controller.abort();
    await within(first);
    expect((await within(second)).files).toBe(1000);
  });

  test("is not lost when this process may open no more files: that is LIMIT, and it goes on", async () => {
    const forks = await Promise.all(Array.from({ length: 8 }, () => sandbox.fork()));
    scripted.script = (query) => async (response) => {
      await sleep(100);
      response.end(JSON.stringify({ data: scripted.answer(query) }));
    };
    const connecting = vi.spyOn(Agent.prototype, "createConnection").mockImplementation(failToConnect);
    const reading = forks.map((fork) => fork.stat("/file"));
    const ended = await Promise.allSettled(reading).finally(() => connecting.mockRestore());
    const failures = ended.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) await expectCode(Promise.reject(failure), "LIMIT");
    await expectWell();
  });

  test("that is asked many things at once by one operation makes Node warn of nothing", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    scripted.leaf = (path) => (path.at(-1) === "fileType" ? "DIRECTORY" : undefined);
    const files = Array.from({ length: 40 }, (_, index) => ({ path: `/${index}/${index}/file`, data: "" }));
    await sandbox.writeFiles(files).catch(() => undefined);
    await sleep(50);
    expect(warnings).toEqual([]);
  });

  test("that runs many commands whose stdin goes on, and ends alike, runs them all", async () => {
    const forks = await Promise.all(Array.from({ length: 12 }, () => sandbox.fork()));
    let ended = 0;
    scripted.script = (query) => {
      if (query.includes('"feed"')) {
        ended++;
        return undefined;
      }
      const answer = { data: scripted.answer(query) };
      if (!isCommand(query)) return undefined;
      return async (response) => {
        while (ended < 2 * forks.length) await sleep(5);
        response.end(JSON.stringify(answer));
      };
    };
    const running = forks.map((fork) => fork.exec("cat", { stdin: slowText() }));
    for (const { exitCode } of await within(Promise.all(running))) expect(exitCode).toBe(0);
    // What one has discarded must be no other's.
    const staged = new Set(scripted.queries.filter((query) => query.startsWith("{host{directory")));
    expect(staged.size).toBeGreaterThanOrEqual(2 * forks.length);
  });

  describe("with work that has no deadline", () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
      onTestFinished(() => void vi.useRealTimers());
    });

    const later = async () => {
      vi.advanceTimersByTime(15_000);
      await sleep(50);
    };
    const begin = async (reply: (response: ServerResponse) => void) => {
      answerCommands(reply);
      const running = sandbox.exec("true");
      while (!scripted.queries.some(isCommand)) await sleep(10);
      return { running };
    };

    test("and that never answers again is ENGINE_LOST after a minute", async () => {
      const { running } = await begin(() => undefined);
      scripted.script = () => () => undefined;
      let settled = false;
      const lost = expectCode(running, "ENGINE_LOST").finally(() => {
        settled = true;
      });
      for (let look = 0; look < 3; look++) await later();
      expect(settled).toBe(false);
      await later();
      await within(lost);
      await untilNone(() => sessionsOf(process.pid), SOON_MS);
    });

    test("and whose answers take half a minute is waited for", async () => {
      let end: () => void = () => undefined;
      const { running } = await begin((response) => {
        end = () => void response.end(JSON.stringify({ data: { loadContainerFromID: { id: "next" } } }));
      });
      const looks: (() => void)[] = [];
      scripted.script = (query) => (response) =>
        void looks.push(() => response.end(JSON.stringify({ data: scripted.answer(query) })));
      for (let minute = 0; minute < 3; minute++) {
        for (let look = 0; look < 3; look++) await later();
        for (const release of looks.splice(0)) release();
        await sleep(50);
      }
      scripted.script = () => undefined;
      end();
      await within(expectCode(running, "ENGINE_ERROR"));
      await expectWell();
    });
  });

  test("that answers after the deadline changes nothing", async () => {
    let late: ServerResponse | undefined;
    answerCommands((response) => {
      late = response;
    });
    await within(expectCode(sandbox.exec("true", { timeoutMs: 500 }), "TIMEOUT"), 500 + SOON_MS);
    late?.end(JSON.stringify({ data: { loadContainerFromID: { id: "changed" } } }));
    scripted.queries.length = 0;
    await expectWell();
    expect(
      scripted.queries.filter((query) => query.includes('loadContainerFromID(id:"some id")')).length,
    ).toBe(1);
    expect(scripted.queries.filter((query) => query.includes("changed"))).toEqual([]);
  });
});

async function* slowText() {
  await sleep(100);
  yield "text";
  await sleep(100);
}

/** As when all files that a process may open are open. */
function failToConnect(): Socket {
  const error = Object.assign(new Error("connect EMFILE 127.0.0.1"), { code: "EMFILE" });
  const socket = new Socket();
  process.nextTick(() => socket.destroy(error));
  return socket;
}

function execError(stderr: string) {
  return { _type: "EXEC_ERROR", exitCode: 137, stdout: "", stderr };
}

function cut(response: ServerResponse): void {
  response.writeHead(200, { "content-length": 1000 });
  response.write('{"data":{"loadContainer', () => response.destroy());
}

/** One byte at a time, in as many packets. */
function slowly(answer: object): Reply {
  return async (response) => {
    for (const byte of JSON.stringify(answer)) {
      response.write(byte);
      await sleep(1);
    }
    response.end();
  };
}
