import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    globalSetup: ["test/setup.ts"],
    // Bounds that only a hang breaks: CI is slow, and shared.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    teardownTimeout: 20_000,
    maxWorkers: 2,
    reporters: ["default"],
  },
});
