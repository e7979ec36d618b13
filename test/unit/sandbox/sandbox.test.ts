import { inspect } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { SandboxError } from "../../../src/errors.js";
import type { CreateOptions } from "../../../src/options.js";
import { createFromKept, forkWith, keepSandbox, redactorOf } from "../../../src/sandbox/internals.js";
import { Sandbox } from "../../../src/sandbox/sandbox.js";
import { ScriptedEngine } from "./scripted-engine.js";

const TOKEN = "dapi-0123456789";

let engine: ScriptedEngine;
beforeEach(() => {
  engine = new ScriptedEngine();
});

const create = (options: CreateOptions = {}) => Sandbox.create({ engine, ...options });

/** Waits for the stop, as an engine does that kills a command. */
const untilStopped = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener("abort", () => resolve());
  });

describe("order over the seam", () => {
  it("everything takes its place: workdir, env and secrets count from where they were issued", async () => {
    const sandbox = await create();
    const first = sandbox.exec("first");
    sandbox.withEnv("A", "1").withSecret("S", TOKEN);
    const moved = sandbox.setWorkdir("sub");
    const second = sandbox.exec("second");
    const read = sandbox.readTextFile("file");
    sandbox.withEnv("A", "2");
    await Promise.all([first, moved, second, read]);
    expect(engine.calls).toEqual([
      "exec first on s0",
      "directory /workspace/sub on s1",
      "exec second on s2",
      "read /workspace/sub/file on s3",
    ]);
    expect(engine.requests.map(({ cwd, env, secrets }) => ({ cwd, env, secrets }))).toEqual([
      { cwd: "/workspace", env: {}, secrets: {} },
      { cwd: "/workspace/sub", env: { A: "1" }, secrets: { S: TOKEN } },
    ]);
  });

  it("a setWorkdir that fails leaves the workdir, and what comes after runs", async () => {
    const sandbox = await create();
    await expect(sandbox.setWorkdir("fails")).rejects.toMatchObject({
      code: "PERMISSION",
      operation: "setWorkdir",
    });
    await sandbox.exec("pwd");
    expect(engine.requests[0]?.cwd).toBe("/workspace");
  });

  it("a fork has what was issued before it and nothing after", async () => {
    const sandbox = await create({ env: { A: "1" } });
    const writing = sandbox.writeFile("f", "x");
    const forking = sandbox.fork();
    sandbox.withEnv("A", "2");
    const fork = await forking;
    await writing;
    await fork.exec("in the fork");
    expect(engine.calls.at(-1)).toBe("exec in the fork on s1");
    expect(engine.requests[0]?.env).toEqual({ A: "1" });
  });
});

describe("transactions over the seam", () => {
  it("no reference is left after everything is closed, whatever happened before", async () => {
    const sandbox = await create();
    await sandbox.exec("true");
    await sandbox.exec("true", { onStdout: () => undefined });
    await sandbox.writeFile("fails", "x").catch(() => undefined);
    engine.script = async () => ({ why: "deadline" });
    await sandbox.exec("slow", { timeoutMs: 5, onStdout: () => undefined }).catch(() => undefined);
    engine.script = () => Promise.reject(new Error("engine trouble"));
    await sandbox.exec("broken", { stdin: "x" }).catch(() => undefined);
    engine.script = async (_, onBytes) => {
      onBytes("stdout", Buffer.from("text"));
      return {};
    };
    const thrower = () => {
      throw new Error("callback");
    };
    await sandbox.exec("printing", { onStdout: thrower }).catch(() => undefined);
    const fork = await sandbox.fork();
    await sandbox.close();
    await fork.writeFile("still", "works");
    await Promise.all([fork.close(), fork.close()]);
    expect(engine.references).toBe(0);
    expect(engine.calls).not.toContain("close");
  });

  it("a callback that throws after the command has ended still takes its changes back", async () => {
    const sandbox = await create();
    engine.script = async (_, onBytes) => {
      onBytes("stdout", Buffer.from("text"));
      return { stdout: "text" };
    };
    const thrown = new Error("from the callback");
    const stopped = sandbox.exec("print", {
      onStdout: () => {
        throw thrown;
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED", cause: thrown, stdout: "text" });
    await sandbox.exec("next");
    expect(engine.calls.at(-1)).toBe("exec next on s0");
  });

  it("a stream given as stdin that fails stops the command and is the error's cause", async () => {
    const sandbox = await create();
    const thrown = new Error("from the stream");
    engine.script = async ({ stdin, signal }) => {
      const stopped = untilStopped(signal);
      for await (const _ of stdin ?? []);
      await stopped;
      return { why: "abort", stdout: "partly" };
    };
    async function* broken() {
      yield "some";
      throw thrown;
    }
    const stopped = sandbox.exec("cat", { stdin: broken() });
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED", cause: thrown, stdout: "partly" });
  });
});

describe("how commands end over the seam", () => {
  it.each([
    ["deadline", "TIMEOUT", /did not end within 250 ms/],
    ["memory", "LIMIT", /limits\.memoryMiB, 64 MiB/],
    ["disk", "LIMIT", /limits\.diskMiB, 10 MiB/],
  ] as const)("stopped by its %s is %s, with what it had printed", async (why, code, message) => {
    const sandbox = await create({ limits: { memoryMiB: 64, diskMiB: 10 } });
    engine.script = async () => ({ why, stdout: "out", stderr: "err" });
    await expect(sandbox.exec("npm test", { timeoutMs: 250 })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      stdout: "out",
      stderr: "err",
      durationMs: expect.any(Number),
    });
  });

  it("lost with its engine is ENGINE_LOST, with what had arrived, and changes nothing", async () => {
    const sandbox = await create();
    const lost = new SandboxError("ENGINE_LOST", "exec: it ended", { operation: "exec", cause: "why" });
    engine.script = async () => ({ lost, stdout: "out", stderr: "err" });
    const error = await sandbox.execWithTimeout("npm test").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      ...{ code: "ENGINE_LOST", operation: "execWithTimeout", message: "exec: it ended", cause: "why" },
      ...{ stdout: "out", stderr: "err", durationMs: expect.any(Number) },
    });
    engine.script = async () => ({});
    await sandbox.exec("again");
    expect(engine.calls.at(-1)).toBe("exec again on s0");
  });

  it("execWithTimeout has the sandbox's deadline unless its option says otherwise; exec has none", async () => {
    const sandbox = await create({ timeoutMs: 1234 });
    await sandbox.execWithTimeout("a");
    await sandbox.execWithTimeout("b", { timeoutMs: 5 });
    await sandbox.exec("c");
    expect(engine.requests.map(({ deadlineMs }) => deadlineMs)).toEqual([1234, 5, undefined]);
  });

  it("close stops a running command with CLOSED and its output", async () => {
    const sandbox = await create();
    engine.script = async ({ signal }) => {
      await untilStopped(signal);
      return { why: "abort", stdout: "begun" };
    };
    const running = sandbox.exec("sleep").catch((error: unknown) => error);
    await sandbox.close();
    expect(await running).toMatchObject({ code: "CLOSED", stdout: "begun" });
    await expect(sandbox.readFile("f")).rejects.toMatchObject({ code: "CLOSED", operation: "readFile" });
    expect(() => sandbox.withEnv("A", "1")).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });

  it("what the engine throws that is no SandboxError is ENGINE_ERROR with it as cause", async () => {
    const sandbox = await create();
    const thrown = new Error("surprise");
    engine.script = () => Promise.reject(thrown);
    await expect(sandbox.exec("x")).rejects.toMatchObject({
      code: "ENGINE_ERROR",
      operation: "exec",
      cause: thrown,
    });
  });

  it("encoding bytes gives bytes, also in callbacks and errors", async () => {
    const sandbox = await create();
    engine.script = async (_, onBytes) => {
      onBytes("stdout", Uint8Array.of(255, 0));
      return { why: "deadline", stdout: { head: Buffer.of(255, 0), tail: Buffer.of(), droppedBytes: 0 } };
    };
    const chunks: Uint8Array[] = [];
    const stopped = sandbox.exec("x", {
      encoding: "bytes",
      timeoutMs: 5,
      onStdout: (chunk) => chunks.push(chunk),
    });
    await expect(stopped).rejects.toMatchObject({ stdout: Uint8Array.of(255, 0) });
    expect(chunks).toEqual([Uint8Array.of(255, 0)]);
  });
});

describe("secrets over the seam", () => {
  it("are in the request's secrets and in nothing that comes back", async () => {
    const sandbox = await create({ secrets: { A: TOKEN }, env: { DATABRICKS_TOKEN: "dapi-from-env" } });
    engine.script = async (_, onBytes) => {
      for (const byte of Buffer.from(`1 ${TOKEN} dapi-from-env dapi-of-exec.`))
        onBytes("stdout", Buffer.of(byte));
      return { stdout: `1 ${TOKEN} dapi-from-env dapi-of-exec.` };
    };
    let live = "";
    const { stdout } = await sandbox.exec("print", {
      secrets: { B: "dapi-of-exec" },
      onStdout: (text) => {
        live += text;
      },
    });
    expect([stdout, live]).toEqual(["1 *** *** ***.", "1 *** *** ***."]);
    expect(engine.requests[0]).toMatchObject({
      env: {},
      secrets: { A: TOKEN, B: "dapi-of-exec", DATABRICKS_TOKEN: "dapi-from-env" },
    });
  });

  it("stay secret after they were replaced, and those of one command in the commands after it", async () => {
    const sandbox = await create({ secrets: { A: TOKEN } });
    await sandbox.exec("write them to a file", { secrets: { B: "dapi-of-exec" } });
    sandbox.withEnv("A", "plain");
    engine.script = async () => ({ stdout: `${TOKEN} dapi-of-exec plain` });
    expect((await sandbox.exec("cat")).stdout).toBe("*** *** plain");
    const fork = await sandbox.fork();
    expect((await fork.exec("cat")).stdout).toBe("*** *** plain");
    expect(redactorOf(fork).redactText(TOKEN)).toBe("***");
    expect(engine.requests.at(-1)).toMatchObject({ env: { A: "plain" }, secrets: {} });
  });

  it("are in no part of an error: its message, its cause, its outputs, the command it names", async () => {
    const sandbox = await create({ secrets: { A: TOKEN } });
    engine.script = () =>
      Promise.reject(Object.assign(new Error(`spawn ${TOKEN}`), { spawnargs: ["sh", "-c", TOKEN] }));
    const broken = await sandbox.exec("x").catch((error: unknown) => error);
    engine.script = async () => ({ why: "deadline", stdout: TOKEN.slice(0, 9), stderr: TOKEN });
    const late = await sandbox.exec(`echo ${TOKEN}`, { timeoutMs: 1 }).catch((error: unknown) => error);
    const ended = new SandboxError("ENGINE_LOST", `lost ${TOKEN}`, {
      operation: "exec",
      cause: new Error(TOKEN),
    });
    engine.script = async () => ({ lost: ended, stdout: `${TOKEN}${TOKEN.slice(0, 9)}` });
    const lost = await sandbox.exec("x").catch((error: unknown) => error);
    for (const error of [broken, late, lost]) {
      expect(error).toBeInstanceOf(Error);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/dapi-0123/);
    }
  });

  it("a creation that fails does not show them either", async () => {
    const failing = new ScriptedEngine();
    failing.open = () => Promise.reject(new Error(`can't open ${TOKEN}`));
    const error = await Sandbox.create({ engine: failing, secrets: { A: TOKEN } }).catch((e: unknown) => e);
    expect(inspect(error, { depth: 10 })).not.toContain(TOKEN);
    expect(error).toMatchObject({ code: "ENGINE_ERROR", operation: "create" });
  });
});

describe("creation over the seam", () => {
  it.each<[CreateOptions, string]>([
    [{ base: { image: "x" } }, "no images here"],
    [{ user: "root" }, "no root here"],
    [{ network: "host" }, "not the host's"],
    [{ limits: { cpus: 1 } }, "no cgroups"],
    [{ caches: { npm: "/cache" } }, "no caches here"],
  ])("%j is UNSUPPORTED in the engine's own words", async (options, words) => {
    await expect(create(options)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining(words),
    });
    expect(engine.references).toBe(0);
  });

  it("a command's own network must be supported, too", async () => {
    const sandbox = await create();
    await expect(sandbox.exec("x", { network: "host" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await sandbox.exec("x", { network: "off" });
    expect(engine.requests.map(({ network }) => network)).toEqual(["off"]);
  });

  it("an unknown engine is INVALID_ARGUMENT that lists those that are known", async () => {
    const creation = Sandbox.create({ engine: "docker" as "local" });
    await expect(creation).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/auto, local, dagger/),
    });
  });

  it("`await using` closes it", async () => {
    {
      await using sandbox = await create();
      await sandbox.exec("x");
    }
    expect(engine.references).toBe(0);
  });
});

describe("read-only paths over the seam", () => {
  it("hold through links, in writeFiles as a whole, and leave others alone", async () => {
    const sandbox = await create({ readOnlyPaths: ["locked/**", "/etc/hosts"] });
    for (const path of ["locked/a", "link/a", "/etc/hosts"]) {
      const files = [
        { path: "free", data: "" },
        { path, data: "" },
      ];
      await expect(sandbox.writeFiles(files)).rejects.toMatchObject({ code: "READ_ONLY_PATH" });
      await expect(sandbox.deleteFile(path)).rejects.toMatchObject({ code: "READ_ONLY_PATH" });
    }
    await sandbox.writeFile("free", "");
    expect(engine.calls).toEqual(["write /workspace/free on s0"]);
  });
});

describe("what validation uses", () => {
  it("keeps a sandbox's files after what was issued before, and starts from them", async () => {
    const sandbox = await create();
    const writing = sandbox.writeFile("f", "x");
    await keepSandbox(sandbox, "known");
    await writing;
    expect(engine.calls.at(-1)).toBe("keep known on s1");
    await using found = await createFromKept("known", { engine });
    expect(found).toBeInstanceOf(Sandbox);
    expect(await createFromKept("unknown", { engine })).toBeUndefined();
  });

  it("forks with other settings, env added", async () => {
    const sandbox = await create({ env: { A: "1" }, limits: { memoryMiB: 64 } });
    const fork = await forkWith(sandbox, {
      network: "off",
      env: { B: "2" },
      secrets: { S: TOKEN },
      timeoutMs: 7,
    });
    await fork.execWithTimeout("x");
    expect(engine.requests[0]).toMatchObject({
      network: "off",
      env: { A: "1", B: "2" },
      secrets: { S: TOKEN },
      limits: { memoryMiB: 64 },
      deadlineMs: 7,
    });
    await expect(forkWith(sandbox, { network: "host" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});
