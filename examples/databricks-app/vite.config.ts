import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { createApi } from "./server/api.ts";
import { readConfig } from "./server/config.ts";
import { Warehouse } from "./server/warehouse.ts";

/** `npm run dev` is one process: the page with hot reload, and the real API beside it. */
const api: Plugin = {
  name: "api",
  apply: "serve",
  configureServer({ middlewares }) {
    const handleApi = createApi(new Warehouse(readConfig(process.env)));
    middlewares.use((request, response, next) => {
      if (request.url?.startsWith("/api/")) void handleApi(request, response);
      else next();
    });
  },
};

export default defineConfig({
  root: "client",
  plugins: [react(), api],
  build: { outDir: "../dist/client", emptyOutDir: true },
});
