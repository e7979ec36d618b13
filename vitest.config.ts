import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two workers: a test starts many processes of its own, and small machines have two cores.
    maxWorkers: 2,
    globalSetup: "./test/support/global-setup.ts",
    reporters: ["default", "./test/support/contract-report.ts"],
  },
});
