/** `caye selftest`: what can be typed, what comes out, and what a wrong answer ends in. */
import { beforeEach, expect, test } from "vitest";
import { recordOf, type SelfTestReport } from "../../src/kernel/selftest.ts";
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
  cli.selfTestTools = { powerUp: () => FINE, full: () => BROKEN };
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

test("a full report goes into the log of the agent that runs, and nowhere when none does", async () => {
  cli.answer = async () =>
    Response.json({ error: { code: "STARTING", message: "it is starting", fix: "" } }, { status: 503 });
  expect((await cli.run("selftest", "--full")).err).toContain("the report is in no agent's log: it is starting\n");
  cli.answer = undefined;
  cli.env["CAYE_STATE"] = "/nowhere";
  expect((await cli.run("selftest", "--full")).err).toContain("in no agent's log: none is running here");
  cli = fakeCli();
  cli.selfTestTools = { powerUp: () => FINE, full: () => ({ ...FINE, kind: "full" }) };
  await cli.run("selftest");
  expect(cli.selfTests).toEqual([]);
  const kept = await cli.run("selftest", "--full");
  expect([kept.code, kept.err]).toEqual([0, "caye: the agent has the report in its log\n"]);
  expect(cli.selfTests).toEqual([recordOf({ ...FINE, kind: "full" })]);
});

test("the real ones hold", async () => {
  cli = fakeCli();
  const { code, out } = await cli.run("selftest");
  expect([code, out]).toEqual([0, expect.stringContaining("All 13 tests hold")]);
});
