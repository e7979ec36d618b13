import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Telemetry } from "../../src/engines/dagger/session/telemetry.js";
import { randomData } from "../support/bytes.js";
import { within } from "../support/within.js";

/** What a session exports is another program's: whatever comes, live output is the worst that can be lost. */
describe("what a Dagger session exports", () => {
  let telemetry: Telemetry;
  let logs: string;
  let traceId: string;
  let shown: string[];
  beforeEach(async () => {
    telemetry = await Telemetry.start();
    onTestFinished(() => telemetry.close());
    logs = telemetry.environment.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT as string;
    shown = [];
    const watch = telemetry.watch((stream, text) => shown.push(`${stream}: ${text}`));
    traceId = watch.traceparent.split("-")[1] as string;
  });

  const post = async (url: string, body: Uint8Array) =>
    (await fetch(url, { method: "POST", body: new Uint8Array(body) })).status;

  test("is shown by its stream, to whom it belongs, and nothing marked as a repetition", async () => {
    await post(logs, logRecord(traceId, "out", { "stdio.stream": 1 }));
    await post(logs, logRecord(traceId, "err", { "stdio.stream": 2 }));
    await post(logs, logRecord(traceId, "again", { "stdio.stream": 1, "dagger.io/logs.verbose": 1 }));
    await post(logs, logRecord(traceId, "no stream", {}));
    await post(logs, logRecord("00".repeat(16), "another's", { "stdio.stream": 1 }));
    expect(shown).toEqual(["stdout: out", "stderr: err"]);
  });

  test("is taken from nobody who does not know its address", async () => {
    const record = logRecord(traceId, "forged", { "stdio.stream": 1 });
    const { origin } = new URL(logs);
    for (const path of ["/logs", "/v1/logs", `/${"0".repeat(32)}/logs`, "/"])
      await post(origin + path, record);
    expect(shown).toEqual([]);
  });

  for (const [what, path, status, mostBytes] of [
    ["from nobody who does not know its address, however much it is", "/logs", 404, 8],
    ["up to a limit", undefined, 413, 80],
  ] as const) {
    test(`is read ${what}`, async () => {
      const { hostname, port, pathname } = new URL(logs);
      const socket = connect(Number(port), hostname);
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => undefined);
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk;
      });
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(`POST ${path ?? pathname} HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n`);
      const piece = `100000\r\n${"x".repeat(1024 * 1024)}\r\n`;
      let sent = 0;
      while (!socket.destroyed && sent < 300) {
        const drained = socket.write(piece) || new Promise((resolve) => socket.once("drain", resolve));
        await Promise.race([drained, closed]);
        sent++;
      }
      await within(closed);
      expect(sent).toBeLessThan(mostBytes);
      expect(answer).toMatch(new RegExp(`^(HTTP/1.1 ${status}|$)`));
    });
  }

  test("whose reader fails ends nothing", async () => {
    const watch = telemetry.watch(() => {
      throw new Error("the reader failed");
    });
    const id = watch.traceparent.split("-")[1] as string;
    expect(await post(logs, logRecord(id, "out", { "stdio.stream": 1 }))).toBe(200);
    await post(logs, logRecord(traceId, "out", { "stdio.stream": 1 }));
    expect(shown).toEqual(["stdout: out"]);
  });

  test("that makes no sense, or stops in the middle, does no harm", async () => {
    const record = logRecord(traceId, "out", { "stdio.stream": 1 });
    for (let length = 0; length < record.length; length++) {
      expect(await post(logs, record.subarray(0, length))).toBe(200);
      expect(await post(logs.replace(/logs$/, "traces"), record.subarray(0, length))).toBe(200);
    }
    for (let size = 1; size < 60; size++) expect(await post(logs, randomData(size))).toBe(200);
    const { hostname, port, pathname } = new URL(logs);
    const socket = connect(Number(port), hostname);
    socket.write(`POST ${pathname} HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\nhalf`);
    await sleep(50);
    socket.destroy();
    shown.length = 0;
    await post(logs, record);
    expect(shown).toEqual(["stdout: out"]);
  });
});

/** An ExportLogsServiceRequest with one record, as protobuf. */
function logRecord(traceId: string, text: string, attributes: Record<string, number>): Buffer {
  const list = Object.entries(attributes).map(([key, value]) =>
    field(6, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.of(0x18, value))])),
  );
  const body = field(5, field(1, Buffer.from(text)));
  const record = Buffer.concat([body, ...list, field(9, Buffer.from(traceId, "hex"))]);
  return field(1, field(2, field(2, record)));
}

function field(id: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(id * 8 + 2, content.length), content]);
}
