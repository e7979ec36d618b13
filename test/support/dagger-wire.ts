import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, vi } from "vitest";
import { Connection } from "../../src/engines/dagger/session/connection.js";
import { Telemetry } from "../../src/engines/dagger/session/telemetry.js";

/** All that goes between this process and its Dagger sessions while a test runs. */
export interface Wire {
  queries: string[];
  answers: string[];
  /** Bodies of what sessions export, as latin1. */
  telemetry: string[];
  /** What the IDs in the answers say, as latin1. */
  ids(): string[];
}

export async function recordWire(): Promise<Wire> {
  const queries: string[] = [];
  const answers: string[] = [];
  const telemetry: string[] = [];
  const { send } = Connection.prototype;
  const spy = vi.spyOn(Connection.prototype, "send").mockImplementation(async function (
    this: Connection,
    query,
    ...rest
  ) {
    queries.push(query);
    const answer = await send.call(this, query, ...rest);
    answers.push(answer.body);
    return answer;
  });
  const relay = await relayTo(telemetry);
  onTestFinished(() => {
    spy.mockRestore();
    relay.end();
  });
  const ids = () =>
    answers
      .flatMap((answer) => answer.match(/"[A-Za-z0-9+/_-]{40,}={0,2}"/g) ?? [])
      .map((id) => Buffer.from(id.slice(1, -1), "base64").toString("latin1"));
  return { queries, answers, telemetry, ids };
}

/** Sessions export to it instead, and it hands on all it gets. */
async function relayTo(bodies: string[]): Promise<{ end: () => void }> {
  let target = "";
  const server = createServer(async (incoming, response) => {
    const body = Buffer.concat((await incoming.toArray().catch(() => [])) as Buffer[]);
    bodies.push(body.toString("latin1"));
    const onward = request(new URL(incoming.url ?? "/", target), { method: "POST" }, (answer) => {
      answer.resume().once("end", () => response.end());
    });
    onward.once("error", () => response.destroy());
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const original = Object.getOwnPropertyDescriptor(Telemetry.prototype, "environment")?.get;
  const spy = vi.spyOn(Telemetry.prototype, "environment", "get").mockImplementation(function (
    this: Telemetry,
  ) {
    const environment = original?.call(this) as Record<string, string>;
    target = new URL(environment.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT as string).origin;
    return Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, value.replace(target, here)]),
    );
  });
  return {
    end: () => {
      spy.mockRestore();
      server.close();
      server.closeAllConnections();
    },
  };
}
