/** `caye selftest`: what can be typed, what comes out, and what a wrong answer ends in. */
import { beforeEach, expect, test } from "vitest";
import type { SelfTestReport } from "../../src/kernel/selftest.ts";
import { recordOf } from "../../src/selftest/self-test.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const FINE: SelfTestReport = {
  kind: "power-up",
  ok: true,
  node: "24.0.0",
  tests: [{ name: "SHA-2", source: "NIST", cases: 3, failed: [] }],
};
const BROKEN: SelfTestReport = {
  kind: "full",
  ok: false,
  node: "24.0.0",
  tests: [
    ...FINE.tests,
    { name: "a check", source: "", cases: 25, failed: Array.from({ length: 7 }, (_, i) => `round ${i + 1}`) },
  ],
};

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
  cli.answer = undefined;
  cli.selfTestTools = { powerUp: () => FINE, full: () => BROKEN, recordOf };
});

test("runs the tests of power-up without an agent", async () => {
  cli.env["CAYE_STATE"] = "/nowhere";
  const { code, out, err } = await cli.run("selftest");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^test +cases +result +known answers of\nSHA-2 +3 +ok +NIST\n/);
  expect(out).toContain("All 1 tests hold (");
  expect(out).toContain(`Report, SHA-256: ${recordOf(FINE).sha256}\n`);
});

test("says which cases of the full set are wrong, and ends with 1", async () => {
  const { code, out, err } = await cli.run("selftest", "--full");
  expect(code).toBe(1);
  expect(out).toMatch(/^a check +25 +FAILED 7: round 1, round 2, round 3, round 4, round 5, … +–$/m);
  expect(out).toContain("1 of 2 tests FAILED");
  expect(err).toContain("Nothing that this machine signs, seals or verifies can be trusted.");
});

test("prints the record as JSON", async () => {
  const { code, out } = await cli.run("selftest", "--full", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual(recordOf(BROKEN));
});

test("the real ones hold", async () => {
  cli = fakeCli();
  const { code, out } = await cli.run("selftest");
  expect([code, out]).toEqual([0, expect.stringContaining("All 13 tests hold")]);
});
