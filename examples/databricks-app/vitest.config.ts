import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    // Generous: the other checks may be running beside this one.
    testTimeout: 30_000,
    reporters: ["default", ["junit", { outputFile: "reports/junit.xml" }]],
  },
});
