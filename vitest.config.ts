import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Forked processes, so that a native driver that is still open can't hold a worker thread.
    pool: "forks",
    // One for each core of the smallest machine that runs them: half of the tests wait for agents, radios and TPMs.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
  },
});
