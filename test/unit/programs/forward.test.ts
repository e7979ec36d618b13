import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { forwarder, MOST_CONNECTIONS } from "../../../src/programs/forward.mjs";

test("more connections to the host's proxy than the caller's process can take are refused", async () => {
  const proxy = createServer((socket) => socket.on("error", () => {}).write("here")).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const forward = forwarder(() => connect((proxy.address() as AddressInfo).port, "127.0.0.1"));
  await once(forward.listen(0, "127.0.0.1"), "listening");
  const { port } = forward.address() as AddressInfo;
  const clients = Array.from({ length: MOST_CONNECTIONS + 40 }, () => connect(port, "127.0.0.1"));
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    for (const server of [forward, proxy]) server.close();
  });
  const answers = await Promise.all(
    clients.map(
      (client) =>
        new Promise((resolve) => {
          client.on("error", () => {}).once("close", () => resolve("closed"));
          client.once("data", () => resolve("answered"));
        }),
    ),
  );
  expect(answers.filter((answer) => answer === "answered")).toHaveLength(MOST_CONNECTIONS);
});
