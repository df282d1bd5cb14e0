/** The estimators in their thread: the same figures, refusals by name, and an end whenever it is told to. */
import { expect, test } from "vitest";
import { workerAssessor } from "../../src/drivers/assess-worker.ts";
import { assess } from "../../src/entropy/assess.ts";
import { SOURCES } from "../entropy/sources.ts";

const never = new AbortController().signal;
const samples = SOURCES["uniform4"]!.make(10_000);

test("gives the figures that the estimators give, and tells each step", async () => {
  const steps: string[] = [];
  const assessment = await workerAssessor.assess(samples, 4, never, ({ view, estimator }) => {
    steps.push(`${view} ${estimator}`);
  });
  expect(assessment).toEqual(assess(samples, 4));
  expect(steps).toHaveLength(20);
  expect([steps[0], steps.at(-1)]).toEqual(["literal mcv", "bitstring lz78y"]);
});

test.each([
  [new Uint8Array(10), 8, "SAMPLES_TOO_FEW"],
  [new Uint8Array(2000).fill(4), 2, "SAMPLE_TOO_WIDE"],
])("refuses as they do", async (few, bits, code) => {
  await expect(workerAssessor.assess(few, bits, never)).rejects.toMatchObject({ code });
});

test("what nobody foresaw in the thread is a failure by name, not a crash", async () => {
  await expect(workerAssessor.assess(samples, 9, never)).rejects.toMatchObject({
    code: "ASSESSOR",
    message: expect.stringContaining("1 to 8 bits"),
  });
});

test("ends when it is told to", async () => {
  const stop = new AbortController();
  const long = SOURCES["period4096"]!.make(200_000);
  const assessing = workerAssessor.assess(long, 8, stop.signal, () => stop.abort(new Error("enough")));
  await expect(assessing).rejects.toThrow("enough");
  await expect(workerAssessor.assess(samples, 4, stop.signal)).rejects.toThrow("enough");
});
