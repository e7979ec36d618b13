import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forkbox } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { connectStdio, type Stdio } from "../support/mcp.js";

const engine = await probeLocal();
const huge = "x".repeat(1024 * 1024);

describe("hostile requests", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  let connected: Stdio;
  let sandbox_id: unknown;
  beforeAll(async () => {
    connected = await connectStdio();
    ({ sandbox_id } = await connected.call("create_sandbox"));
  });
  afterAll(() => connected?.close());

  test("arguments that can't be right are refused, briefly, with what to do, and the server lives", async () => {
    const at = { sandbox_id };
    const calls: [string, Record<string, unknown>][] = [
      ["create_sandbox", { env: { A: "b" } }],
      ["create_sandbox", { network: "host", base: { rootfs: "/" } }],
      ["create_sandbox", JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}')],
      ["exec", { ...at, command: "env", env: { LD_PRELOAD: "x" } }],
      ["exec", { ...at, command: "true", secrets: {} }],
      ["exec", { ...at, command: "" }],
      ["exec", { ...at, command: [] }],
      ["exec", { ...at, command: "a\0b" }],
      ["exec", { ...at, command: ["a", "b\0"] }],
      ["exec", { ...at, command: huge }],
      ["exec", { ...at, command: { toString: "x" } }],
      ["exec", { ...at, command: "true", timeout_ms: 0 }],
      ["exec", { ...at, command: "true", timeout_ms: 1e300 }],
      ["exec", { ...at, command: "true", wait_ms: -1 }],
      ["exec", { ...at, command: "true", wait_ms: "NaN" }],
      ["exec", { ...at, command: "true", cwd: "a\0b" }],
      ["exec", { ...at, command: "true", cwd: "../../.." }],
      ["exec", { command: "true" }],
      ["exec", { sandbox_id: { id: 1 }, command: "true" }],
      ["exec", { sandbox_id: huge, command: "true" }],
      ["exec", { sandbox_id: "__proto__", command: "true" }],
      ["exec", { sandbox_id: "sandbox-0123456789", command: "true" }],
      ["get_run", { run_id: "constructor" }],
      ["stop_run", { run_id: "" }],
      ["read_output", { run_id: "hasOwnProperty" }],
      ["read_file", { ...at, path: "\0" }],
      ["read_file", { ...at, path: "../../../etc/shadow" }],
      ["read_file", { ...at, path: huge }],
      ["read_file", { ...at, path: "/proc/self/mem" }],
      ["read_file", { ...at, path: `${"d/".repeat(2000)}f` }],
      ["read_file", { ...at, path: "n".repeat(300) }],
      ["read_file", { ...at, path: "x", offset: -1 }],
      ["read_file", { ...at, path: "x", limit: 1e9 }],
      ["write_files", { ...at, files: [] }],
      ["write_files", { ...at, files: [{ path: "/", content: "x" }] }],
      ["write_files", { ...at, files: [{ path: "../../../x", content: "x" }] }],
      ["write_files", { ...at, files: [{ path: "/proc/sys/kernel/core_pattern", content: "x" }] }],
      ["write_files", { ...at, files: [{ path: "a", content: "x", mode: 0o4755 }] }],
      ["write_files", { ...at, files: [{ path: "a", content: "%%%", encoding: "base64" }] }],
      [
        "write_files",
        {
          ...at,
          files: [
            { path: "ok", content: "x" },
            { path: "a\0", content: "x" },
          ],
        },
      ],
      [
        "write_files",
        { ...at, files: Array.from({ length: 501 }, (_, index) => ({ path: `f${index}`, content: "" })) },
      ],
      ["edit_file", { ...at, path: "x", old_text: "", new_text: "y" }],
      ["list_directory", { ...at, path: "/proc/1/root" }],
      ["refresh_from_host", { ...at, host_path: "/etc" }],
      ["export_directory", { ...at, host_path: "/" }],
      ["export_directory", { ...at, host_path: ".", allowSecrets: true }],
      ["validate", {}],
      ["validate", { ...at, host_path: "/" }],
      ["validate", { ...at, path: "missing" }],
      ["validate", { ...at, config: { secrets: ["X"] } }],
    ];
    for (const [name, args] of calls) {
      const shown = `${name} ${JSON.stringify(args).slice(0, 120)}`;
      const result = await connected.raw(name, args);
      expect(result.isError, shown).toBe(true);
      expect(JSON.stringify(result).length, shown).toBeLessThan(6000);
      const [text] = result.content;
      expect(text?.type === "text" && text.text, shown).toMatch(/^([A-Z_]+: |\{)/);
    }
    expect(await connected.call("exec", { sandbox_id, command: "ls -A" })).toMatchObject({
      exit_code: 0,
      stdout: "",
    });
    await expect(connected.client.callTool({ name: "no_such_tool", arguments: {} })).rejects.toThrow(
      /create_sandbox/,
    );
    const uris = ["forkbox://runs/x/stdout", "file:///etc/passwd", "forkbox://runs/%00/%", "x", huge];
    for (const uri of uris) await expect(connected.client.readResource({ uri })).rejects.toThrow();
  });

  test("files that hostile code left are told of in bounded answers", async () => {
    const command = [
      "mkdir many; cd many; seq 1 3000 | xargs touch; cd ..",
      "head -c 20000000 /dev/zero | tr '\\0' 'x' > large; truncate -s 1T sparse; mkfifo pipe",
      "ln -s /proc/self/mem mem; ln -s self self; head -c 200000 /dev/urandom > binary",
      'touch "$(printf "a\\033[2Jb\\nc")"; printf "a\\033[31mred\\033[0m\\n" > colours',
    ].join("; ");
    await connected.call("exec", { sandbox_id, command });
    for (const path of ["large", "sparse", "pipe", "mem", "self", "many"])
      expect((await connected.refused("read_file", { sandbox_id, path })).code, path).toMatch(
        /^(LIMIT|NOT_A_FILE|NOT_FOUND|PERMISSION|INVALID_ARGUMENT|UNSUPPORTED)$/,
      );
    const listed = await connected.raw("list_directory", { sandbox_id, path: "many", limit: 500 });
    expect(listed.structuredContent).toMatchObject({ total: 3000, next_offset: expect.any(Number) });
    const binary = await connected.raw("read_file", { sandbox_id, path: "binary", limit: 12_000 });
    expect(binary.structuredContent).toMatchObject({ encoding: "base64", size: 200_000, next_offset: 3072 });
    for (const result of [listed, binary]) expect(JSON.stringify(result).length / 4).toBeLessThan(8000);
    expect(await connected.call("close_sandbox", { sandbox_id })).toBeTruthy();
  });

  test("lines that are no messages get protocol errors, and the next request its answer", async () => {
    const [program, ...first] = forkbox;
    const child = spawn(program, [...first, "mcp"], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const answerTo = async (line: string) => {
      child.stdin.write(`${line}\n`);
      return JSON.parse(String((await lines.next()).value)) as unknown;
    };
    const refusal = (code: number) => ({ jsonrpc: "2.0", id: null, error: { code } });
    expect(await answerTo("no JSON")).toMatchObject(refusal(-32700));
    expect(await answerTo('{"jsonrpc": "2.0", "id": 1, "method": "x"')).toMatchObject(refusal(-32700));
    for (const line of [
      "[]",
      "null",
      "{}",
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    ])
      expect(await answerTo(line), line).toMatchObject(refusal(-32600));
    expect(
      await answerTo(`{"jsonrpc":"2.0","id":1,"method":"${"x".repeat(9 * 1024 * 1024)}"}`),
    ).toMatchObject(refusal(-32600));
    expect(await answerTo('{"jsonrpc":"2.0","id":7,"method":"no/such","params":{}}')).toMatchObject({
      id: 7,
      error: { code: -32601 },
    });
    expect(await answerTo('{"jsonrpc":"2.0","id":8,"method":"ping"}')).toMatchObject({ id: 8, result: {} });
    child.stdin.end();
  });
});
