import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { checkCommand, checkEnv, checkFiles, checkOptions } from "../../../src/arguments/arguments.js";
import { bytesOf } from "../../../src/arguments/data.js";
import { ownSignal } from "../../../src/arguments/signals.js";
import { SandboxError } from "../../../src/errors.js";
import { checkExec } from "../../../src/sandbox/exec.js";

const text = (data: unknown) => Buffer.from(bytesOf(data) ?? []).toString();

describe("what a caller passes in", () => {
  it.each([
    ["a string", "hi"],
    ["a Uint8Array", new Uint8Array([104, 105])],
    ["a part of a Buffer", Buffer.from("xhix").subarray(1, 3)],
    ["a DataView", new DataView(new Uint8Array([0, 104, 105]).buffer, 1)],
    ["a Uint16Array", new Uint16Array(new Uint8Array([104, 105]).buffer)],
    ["an ArrayBuffer", new Uint8Array([104, 105]).buffer],
    ["shared memory", shared("hi")],
    ["a Uint8Array of another realm", runInNewContext("new Uint8Array([104, 105])")],
    ["a DataView of another realm", runInNewContext("new DataView(new Uint8Array([104, 105]).buffer)")],
    ["an ArrayBuffer of another realm", runInNewContext("new Uint8Array([104, 105]).buffer")],
  ])("%s is bytes", (_what, data) => {
    expect(text(data)).toBe("hi");
    expect(checkFiles([{ path: "a", data }], "writeFile")).toHaveLength(1);
    expect(checkExec("cat", { stdin: data }, "exec").stdin).toMatchObject({ kind: "bytes" });
  });

  it("shared memory is copied, for another thread may be writing there", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(1));
    const bytes = bytesOf(shared);
    shared[0] = 1;
    expect(bytes).toEqual(new Uint8Array([0]));
  });

  it("memory that was given away is refused, not written as nothing", () => {
    const data = new Uint8Array(8);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(() => checkFiles([{ path: "a", data }], "writeFile")).toThrow(SandboxError);
  });

  it("options and commands of another realm are what they are", () => {
    const options = runInNewContext("({ cwd: '/tmp', env: { A: 'b' } })");
    expect(checkExec(runInNewContext("['echo', 'x']"), options, "exec")).toMatchObject({
      argv: ["echo", "x"],
      cwd: "/tmp",
      env: { A: "b" },
    });
  });

  it.each([
    [
      "options with a getter that throws",
      () =>
        checkOptions(
          {
            get signal(): never {
              throw thrown;
            },
          },
          [],
          "exec",
        ),
    ],
    ["options that are a Proxy", () => checkOptions(hostile({}), [], "exec")],
    ["a command that is one", () => checkCommand(hostile(["echo"]) as never, "exec")],
    ["an env that is one", () => checkEnv(hostile({}), "exec")],
    ["files that are one", () => checkFiles(hostile([]), "writeFiles")],
    ["a stdin that is one", () => checkExec("cat", { stdin: hostile({}) as never }, "exec")],
  ])("%s: what it throws is the cause", (_what, check) => {
    expect(check).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", cause: thrown }));
  });

  it("each option is read once", () => {
    let reads = 0;
    const options = {
      get cwd() {
        return reads++ === 0 ? "/tmp" : "/changed";
      },
    };
    expect(checkExec("pwd", options, "exec").cwd).toBe("/tmp");
    expect(reads).toBe(1);
  });
});

function shared(content: string): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(content.length);
  new Uint8Array(buffer).set(Buffer.from(content));
  return buffer;
}

const thrown = new Error("from the caller");

function hostile<T extends object>(target: T): T {
  const fail = () => {
    throw thrown;
  };
  return new Proxy(target, { get: fail, has: fail, ownKeys: fail });
}

describe("a signal that is not Node's own", () => {
  class OtherSignal extends EventTarget {
    aborted = false;
    reason: unknown;
    abort(reason: unknown) {
      Object.assign(this, { aborted: true, reason });
      this.dispatchEvent(new Event("abort"));
    }
  }

  it("is followed, once however often it is given", () => {
    const other = new OtherSignal();
    const own = ownSignal(other);
    expect(own).toBeInstanceOf(AbortSignal);
    expect(ownSignal(other)).toBe(own);
    expect(own?.aborted).toBe(false);
    other.abort("why");
    expect(own).toMatchObject({ aborted: true, reason: "why" });
  });

  it("that was aborted before, or without an event, is aborted", () => {
    const other = new OtherSignal();
    ownSignal(other);
    Object.assign(other, { aborted: true, reason: "why" });
    expect(ownSignal(other)).toMatchObject({ aborted: true, reason: "why" });
  });

  it("Node's own stays itself, and what is none is none", () => {
    const { signal } = new AbortController();
    expect(ownSignal(signal)).toBe(signal);
    for (const none of [{}, null, "signal", { aborted: false }, Object.create(AbortSignal.prototype)]) {
      expect(() => checkOptions({ signal: none as never }, [], "exec")).toThrow(SandboxError);
    }
  });
});
