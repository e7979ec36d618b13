import { createServer, type Server } from "node:http";
import { createApi } from "./api.ts";
import { createPages } from "./pages.ts";
import type { Warehouse } from "./warehouse.ts";

/** The whole app as one HTTP server, not yet listening. */
export function createApp(warehouse: Warehouse, clientDirectory: string): Server {
  const handleApi = createApi(warehouse);
  const handlePage = createPages(clientDirectory);
  return createServer((request, response) => {
    const handle = request.url?.startsWith("/api/") ? handleApi : handlePage;
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
}
