import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { Warehouse } from "./warehouse.ts";

const { HOST = "127.0.0.1", DATABRICKS_APP_PORT, PORT = "8000" } = process.env;
const client = fileURLToPath(new URL("../client", import.meta.url));

const server = createApp(new Warehouse(readConfig(process.env)), client);
server.listen(Number(DATABRICKS_APP_PORT ?? PORT), HOST, () => {
  const { port } = server.address() as AddressInfo;
  console.log(`Listening on http://${HOST}:${port}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => server.close());
}
