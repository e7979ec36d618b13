import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { describe, expect, test } from "vitest";
import { forkbox } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { type Connected, serveHttp, waysOf } from "../support/mcp.js";
import { hostDirectory } from "../support/scratch.js";

const engine = await probeLocal();

/** Uses the credential in every way that a session has, and fails where none of it came through as a mask. */
async function useCredential({ client, call, raw, refused }: Connected): Promise<void> {
  const { sandbox_id } = await call("create_sandbox");
  const forms = [
    "echo plain $CANARY; echo $CANARY >&2; printf %s $CANARY | base64; printf x%s $CANARY | base64 -w0; echo",
    "printf %s $CANARY | od -An -tx1 | tr -d ' \\n'; echo; node -p 'encodeURIComponent(process.env.CANARY)'",
    "node -p 'JSON.stringify(process.env.CANARY)'; env; cat /proc/self/environ | tr '\\0' '\\n'",
  ];
  const shown = await call("exec", { sandbox_id, command: forms.join("; ") });
  expect(shown).toMatchObject({
    exit_code: 0,
    stdout: expect.stringContaining("plain ***"),
    stderr: "***\n",
  });
  // Longer than an answer, and than what is kept: cuts lie anywhere in the credential.
  const { run_id } = await call("exec", {
    sandbox_id,
    command: "for i in $(seq 60000); do printf %s $CANARY; done; sleep 6",
  });
  const progress: string[] = [];
  const waiting = { name: "get_run", arguments: { run_id } };
  await client.callTool(waiting, { onprogress: ({ message }) => void progress.push(message ?? "") });
  for (const offset of [0, 1, 7, 100, -5, -100]) await call("read_output", { run_id, offset, limit: 50 });
  await call("read_output", { run_id, grep: "***" });
  await client.readResource({ uri: `forkbox://runs/${run_id}/stdout` });

  const files =
    "echo $CANARY > file; touch name-$CANARY; printf '\\377%s' $CANARY > binary; mkdir d; ln -s /$CANARY d/out";
  await call("exec", { sandbox_id, command: files });
  expect(await call("read_file", { sandbox_id, path: "file" })).toMatchObject({ text: "***\n" });
  for (const offset of [1, 3]) await call("read_file", { sandbox_id, path: "file", offset, limit: 2 });
  await call("read_file", { sandbox_id, path: "binary" });
  const { entries } = await call("list_directory", { sandbox_id });
  expect((entries as { name: string }[]).map(({ name }) => name)).toContain("name-***");
  expect(await refused("export_directory", { sandbox_id, host_path: "out" })).toMatchObject({
    code: "SECRET_LEAK",
  });
  await raw("export_directory", { sandbox_id, path: "d", host_path: "out" });
  await call("exec", { sandbox_id, command: ["sh", "-c", "exec $CANARY"] });
  await raw("exec", { sandbox_id, command: "echo $CANARY; sleep 60", timeout_ms: 1000 });

  const checks = 'checks:\n  leak:\n    run: echo "leak $CANARY"; exit 1\n';
  await call("write_files", { sandbox_id, files: [{ path: "p/forkbox.yaml", content: checks }] });
  const report = await call("validate", { sandbox_id, path: "p" });
  expect(report).toMatchObject({
    passed: false,
    steps: [{ name: "leak", tail: "leak ***" }, { name: "sources" }],
  });
  for (const stream of ["report", "check:leak"]) await call("read_output", { run_id: report.run_id, stream });
  await call("list_sandboxes");
  await call("close_sandbox", { sandbox_id });
}

/** None of the forms in which a credential can be recognized, whatever the case and wherever it was cut. */
function expectNone(recorded: string, canary: string): void {
  expect(recorded.length).toBeGreaterThan(10_000);
  expect(recorded).toContain("***");
  const bytes = Buffer.from(canary);
  const base64 = [0, 1, 2].map((shift) =>
    bytes.subarray(shift).toString("base64").replace(/=+$/, "").slice(0, -2),
  );
  const forms = [
    canary,
    encodeURIComponent(canary),
    JSON.stringify(canary).slice(1, -1),
    bytes.toString("hex"),
    ...base64,
  ];
  for (const form of forms) expect(recorded.toLowerCase().includes(form.toLowerCase()), form).toBe(false);
  // Nor the halves of it, which a cut would leave.
  for (const half of [canary.slice(0, 24), canary.slice(-24)])
    expect(recorded.includes(half), half).toBe(false);
}

describe("a recording of every byte that forkbox mcp sends while it has a credential", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  const canary = `canary-"+%=${randomBytes(24).toString("base64url")}`;

  test("on stdio it is in none of them, nor in what it prints", async () => {
    const directory = await hostDirectory();
    const [out, err] = [join(directory, "out"), join(directory, "err")];
    const root = await hostDirectory();
    const transport = new StdioClientTransport({
      command: "bash",
      args: [
        "-c",
        `"$@" 2> >(tee ${err} >&2) | tee ${out}`,
        "bash",
        ...forkbox,
        "mcp",
        "--secret",
        "CANARY",
        "--root",
        root,
      ],
      env: { ...(process.env as Record<string, string>), CANARY: canary },
      stderr: "ignore",
    });
    const client = new Client({ name: "recorded", version: "1" }, { versionNegotiation: { mode: "auto" } });
    await client.connect(transport);
    await useCredential(waysOf(client));
    await client.close();
    expectNone((await readFile(out, "utf8")) + (await readFile(err, "utf8")), canary);
  });

  test("over HTTP it is in none of them, in both directions", async () => {
    const root = await hostDirectory();
    await using served = await serveHttp(["--secret", "CANARY", "--root", root], { CANARY: canary });
    const target = new URL(served.url);
    const recorded: Buffer[] = [];
    const recorder = createServer((incoming) => {
      const outgoing = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        from.on("data", (chunk: Buffer) => recorded.push(chunk)).on("error", () => to.destroy());
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve) => recorder.listen(0, "127.0.0.1", resolve));
    const address = recorder.address();
    if (address === null || typeof address === "string") throw new Error("the recorder has no port");
    await using connected = await served.connect({ url: `http://127.0.0.1:${address.port}/mcp` });
    await useCredential(connected);
    await connected.close();
    recorder.close();
    expectNone(Buffer.concat(recorded).toString(), canary);
  });
});
