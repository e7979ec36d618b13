import { describe, expect, it, vi } from "vitest";
import {
  checkCommand,
  checkEnv,
  checkFiles,
  checkOptions,
  checkSecrets,
  checkTimeout,
} from "../../../src/arguments/arguments.js";
import { checkCreation } from "../../../src/sandbox/create-arguments.js";
import { databricksEnv } from "../../../src/sandbox/databricks.js";
import {
  callerSecrets,
  secretValues,
  splitVariables,
  withVariables,
} from "../../../src/sandbox/environment.js";
import { ReadOnlyPaths } from "../../../src/sandbox/read-only-paths.js";

const refused = (why: RegExp) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(why) });

describe("arguments", () => {
  it.each([Number.NaN, -1, 0, 1.5, 2_147_483_648, Number.POSITIVE_INFINITY, "5", null])(
    "%s is no timeout, and the message says what is",
    (timeoutMs) => {
      expect(() => checkTimeout(timeoutMs, "exec")).toThrow(
        refused(/whole number of milliseconds from 1 to/),
      );
    },
  );

  it.each([1, 2_147_483_647, undefined])("%s is a timeout", (timeoutMs) => {
    expect(() => checkTimeout(timeoutMs, "exec")).not.toThrow();
  });

  it("an argument or variable longer than Linux takes is refused with what to do instead", () => {
    const longest = "x".repeat(128 * 1024 - 1);
    expect(checkCommand(["echo", longest], "exec")).toHaveLength(2);
    expect(() => checkCommand(["echo", `${longest}x`], "exec")).toThrow(refused(/write it to a file/));
    expect(() => checkCommand("é".repeat(64 * 1024), "exec")).toThrow(refused(/write it to a file/));
    expect(() => checkEnv({ A: longest }, "exec")).toThrow(refused(/write it to a file/));
    expect(checkEnv({ A: longest.slice(2) }, "exec")).toHaveProperty("A");
  });

  it("a variable that is refused is named, and its value is not shown", () => {
    const error = (() => {
      try {
        return checkEnv({ TOKEN: "hidden\0value" }, "withEnv");
      } catch (caught) {
        return caught as Error;
      }
    })();
    expect(error).toEqual(refused(/TOKEN/));
    expect((error as Error).message).not.toContain("hidden");
  });

  it("env is copied: what its owner changes later does not count", () => {
    const env = { A: "1" };
    const checked = checkEnv(env, "exec");
    env.A = "2";
    expect(checked).toEqual({ A: "1" });
  });

  it("an option that does not exist is refused with those that do", () => {
    const options = { cwd: "a", tiemoutMs: 5 } as { cwd?: string; signal?: AbortSignal };
    expect(() => checkOptions(options, ["cwd"], "exec")).toThrow(refused(/"tiemoutMs".*cwd, signal/));
  });

  it("a mode has permission bits only", () => {
    expect(checkFiles([{ path: "a", data: "x", mode: 0o755 }], "writeFiles")[0]).toMatchObject({
      mode: 0o755,
    });
    for (const mode of [-1, 0o1000, 1.5, "755"]) {
      expect(() => checkFiles([{ path: "a", data: "x", mode }], "writeFiles")).toThrow(refused(/mode of a/));
    }
  });

  it("host paths of a base become absolute", () => {
    const { base } = checkCreation({ base: { rootfs: "some/root" } });
    expect(base).toEqual({ rootfs: `${process.cwd()}/some/root` });
  });

  it("limits must be numbers above zero, of known names", () => {
    for (const limits of [
      { memoryMiB: 0 },
      { cpus: -1 },
      { processes: 1.5 },
      { memory: 5 },
      { diskMiB: Number.NaN },
    ]) {
      expect(() => checkCreation({ limits })).toThrow(refused(/limit/));
    }
    expect(checkCreation({ limits: { cpus: 0.5, memoryMiB: 64 } }).settings.limits).toEqual({
      cpus: 0.5,
      memoryMiB: 64,
    });
  });
});

describe("secrets among variables", () => {
  it("a short secret is accepted with a warning that names it and does not show it", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    try {
      checkSecrets({ PIN: "12345" }, "withSecret");
      checkSecrets({ LONG: "123456" }, "withSecret");
      expect(warn.mock.calls.map(([message]) => message)).toEqual([
        expect.stringMatching(/PIN .*not redacted/),
      ]);
      expect(String(warn.mock.calls[0]?.[0])).not.toContain("12345");
    } finally {
      warn.mockRestore();
    }
  });

  it("an empty secret is refused", () => {
    expect(() => checkSecrets({ A: "" }, "withSecret")).toThrow(refused(/secret A is empty/));
  });

  it("of env and secret with one name the later wins, and in one call the secret", () => {
    const first = withVariables(new Map(), { A: "plain" }, { B: "secret-b" });
    expect(splitVariables(first)).toEqual({ env: { A: "plain" }, secrets: { B: "secret-b" } });
    const second = withVariables(first, { B: "plain-b" }, { A: "secret-a" });
    expect(splitVariables(second)).toEqual({ env: { B: "plain-b" }, secrets: { A: "secret-a" } });
    expect(splitVariables(withVariables(new Map(), { C: "1" }, { C: "2" }))).toEqual({
      env: {},
      secrets: { C: "2" },
    });
  });

  it("DATABRICKS_TOKEN is a secret wherever it comes from", () => {
    const variables = withVariables(new Map(), {
      DATABRICKS_TOKEN: "dapi-token",
      DATABRICKS_HOST: "https://h",
    });
    expect(splitVariables(variables)).toEqual({
      env: { DATABRICKS_HOST: "https://h" },
      secrets: { DATABRICKS_TOKEN: "dapi-token" },
    });
    expect(secretValues(variables)).toEqual(["dapi-token"]);
  });

  it("the password in a proxy's URL is a secret, as it stands there and as its owner knows it", () => {
    const proxy = "http://me:p%40ssword@proxy:3128";
    expect(callerSecrets({ HTTPS_PROXY: proxy, http_proxy: "http://proxy:3128", PATH: "/bin" })).toEqual([
      "p%40ssword",
      "p@ssword",
    ]);
    const variables = withVariables(new Map(), { https_proxy: proxy, no_proxy: "localhost" });
    expect(splitVariables(variables).env).toEqual({ no_proxy: "localhost" });
    expect(secretValues(variables)).toContain("p@ssword");
  });

  it("databricksEnv takes what is set, the token as a secret", () => {
    expect(databricksEnv({ DATABRICKS_HOST: "h", DATABRICKS_TOKEN: "t", OTHER: "o" })).toEqual({
      env: { DATABRICKS_HOST: "h" },
      secrets: { DATABRICKS_TOKEN: "t" },
    });
    expect(databricksEnv({ DATABRICKS_TOKEN: "" })).toEqual({ env: {}, secrets: {} });
  });
});

describe("read-only paths", () => {
  it("globs with what no path can be are refused at once", () => {
    for (const glob of ["", "../up", "!not", "a\0b"]) {
      expect(() => new ReadOnlyPaths([glob], "/workspace")).toThrow(refused(/readOnlyPaths/));
    }
  });
});
