/** `caye entropy status` and `caye entropy enrol`, and the API's routes behind them. */
import { beforeEach, describe, expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import type { EntropyJobReport } from "../../src/kernel/entropy-reports.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";
import { entropyReport, GOOD_SOURCE } from "../fakes/entropy-view.ts";
import { enrolmentOf } from "../trust/enrolments.ts";

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

const { source } = GOOD_SOURCE;
const enrolment = enrolmentOf({ source, check: { at_ms: 1_760_000_000_000, samples: 1_000_000, assessed: 7.21 } });

describe("caye entropy status", () => {
  test("tells each source, what it gives and what it is worth", async () => {
    cli.view.entropy.course = [entropyReport({ sources: [{ ...GOOD_SOURCE, enrolment }] })];
    const { code, out } = await cli.run("entropy", "status");
    expect(code).toBe(0);
    for (const said of [
      "Healthy; the generator was reseeded 6 times, the last 2 min ago",
      "✓ qrng:qcicada:/dev/ttyUSB0  healthy",
      "serial QC0000000217, firmware 5.13",
      "61440 samples tested since the start, 0 failures",
      "10000 samples assessed at 6.01 bits a sample, the least is 3.50",
      "enrolled 2025-06-15: 1000000 samples assessed at 7.300 bits a sample; checked 2025-10-09: 7.210",
    ]) {
      expect(out).toContain(said);
    }
  });

  test("says what fails and what to do, and what was not enrolled", async () => {
    const failing = { ...GOOD_SOURCE, ok: false, state: "flagged", detail: "voltage low", fix: "check it" } as const;
    const hwrng = { ...GOOD_SOURCE, source: "hwrng:/dev/hwrng", required: false, raw: false };
    cli.view.entropy.course = [entropyReport({ state: "degraded", sources: [failing, hwrng] })];
    const { out } = await cli.run("entropy", "status");
    expect(out).toMatch(/^DEGRADED;/);
    expect(out).toMatch(/✗ qrng:qcicada:\/dev\/ttyUSB0 {2}flagged\n.*\n {4}voltage low\n {4}fix: check it\n/);
    expect(out).toContain("not enrolled: caye entropy enrol");
    expect(out).toContain("nobody asked for it");
    expect(out).toContain("conditioned: figures of them prove nothing about the source");
  });

  test("gives the report as JSON", async () => {
    const { out } = await cli.run("entropy", "status", "--json");
    expect(JSON.parse(out)).toEqual(entropyReport());
  });

  test("in quarantine says why there is nothing to tell", async () => {
    cli.view.entropy.report = () => Promise.reject(new AgentError("QUARANTINE", "shut", { fix: "caye doctor" }));
    const { code, err } = await cli.run("entropy", "status");
    expect([code, err]).toEqual([1, expect.stringContaining("caye doctor")]);
  });
});

describe("caye entropy enrol", () => {
  const job = (changes: Partial<EntropyJobReport>) =>
    entropyReport({
      sources: [{ ...GOOD_SOURCE, enrolment }],
      job: { kind: "enrol", source, phase: "reading", done: 0, total: 1_000_000, detail: "", fix: "", ...changes },
    });

  test("stays until it is done, and tells now and then how far it is", async () => {
    const reading = Array.from({ length: 30 }, (_, i) => job({ done: i * 30_000 }));
    const done = job({ phase: "done", done: 1, total: 1, detail: "assessed at 7.300 bits a sample" });
    cli.view.entropy.course = [...reading, job({ phase: "gate", done: 3, total: 100 }), done];
    const { code, out, err } = await cli.run("entropy", "enrol", "--samples", "1000000", "--source", source);
    expect([code, out]).toEqual([0, `${source} is enrolled: assessed at 7.300 bits a sample\n`]);
    expect(err.split("\n").slice(0, 2)).toEqual([
      `caye: enrol ${source}: samples read: 0 of 1000000 (0 ms)`,
      `caye: enrol ${source}: samples read: 300000 of 1000000 (10 s)`,
    ]);
    expect(cli.view.entropy.wishes).toEqual([{ source, samples: 1_000_000 }]);
  });

  test("prints the enrolment as JSON, and leaves no line on a terminal", async () => {
    cli.isTty = true;
    cli.view.entropy.course = [job({}), job({ phase: "done" })];
    const { out, err } = await cli.run("entropy", "enrol", "--json");
    expect(JSON.parse(out)).toEqual(enrolment);
    expect(err.endsWith("\r\u001b[K")).toBe(true);
    expect(cli.view.entropy.wishes).toEqual([{ source: undefined, samples: undefined }]);
  });

  test("fails by name when the source fails meanwhile", async () => {
    cli.view.entropy.course = [job({}), job({ phase: "failed", detail: "it is gone", fix: "plug it in" })];
    const { code, err } = await cli.run("entropy", "enrol");
    expect([code, err]).toEqual([1, expect.stringMatching(/was not enrolled: it is gone[\s\S]*plug it in/)]);
  });

  test("says that another is under way", async () => {
    cli.view.entropy.enrol = () => Promise.reject(new AgentError("ENTROPY_BUSY", "busy", { fix: "wait" }));
    const { code, out } = await cli.run("entropy", "enrol", "--json");
    expect([code, JSON.parse(out).error.code]).toEqual([1, "ENTROPY_BUSY"]);
  });

  test.each(["199999", "4000001", "many"])("with --samples %s is typed wrongly", async (samples) => {
    const { code, err } = await cli.run("entropy", "enrol", "--samples", samples);
    expect([code, err]).toEqual([2, expect.stringContaining("from 200000 to 4000000")]);
  });
});

test("the API lets everybody read, and only who has the token enrol", async () => {
  const ask = cli.answer ?? expect.unreachable();
  expect((await ask("http://127.0.0.1:8420/v1/entropy", {})).status).toBe(200);
  const enrol = (headers: Record<string, string>, body: string) =>
    ask("http://127.0.0.1:8420/v1/entropy/enrol", { method: "POST", headers, body });
  const json = { "content-type": "application/json" };
  const token = { ...json, authorization: "Bearer t0ken" };
  expect((await enrol(json, "{}")).status).toBe(401);
  expect((await enrol(token, "{}")).status).toBe(202);
  for (const body of ['{"samples":0}', '{"samples":1.5}', '{"source":""}', '{"other":1}', "[]"]) {
    expect((await enrol(token, body)).status, body).toBe(400);
  }
});
