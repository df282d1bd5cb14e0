/** The estimators in their thread: the same figures, refusals by name, and an end whenever it is told to. */
import { readFileSync } from "node:fs";
import { kill, pid } from "node:process";
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

const many = SOURCES["biased06"]!.make(60_000);

test("many samples are judged in a process of its own, by the same figures, and it is gone afterwards", async () => {
  let during: readonly string[] = [];
  const assessment = await workerAssessor.assess(many, 1, never, () => (during = children()));
  expect(assessment).toEqual(assess(many, 1));
  expect(during.length).toBeGreaterThan(0);
  expect(children()).toEqual([]);
});

test("none is started for few samples", async () => {
  let started = -1;
  await workerAssessor.assess(samples, 4, never, () => (started = children().length));
  expect(started).toBe(0);
});

test("that process is the one that goes where memory runs out", async () => {
  let sacrifice: readonly string[] = [];
  await workerAssessor.assess(many, 1, never, () => {
    sacrifice = children().map((child) => readFileSync(`/proc/${child}/oom_score_adj`, "utf8").trim());
  });
  expect(sacrifice).toEqual(["1000"]);
});

test("that process refuses by name, ends when it is told to, and is told of when it was killed", async () => {
  const wide = Uint8Array.from(many).fill(9, 59_999);
  await expect(workerAssessor.assess(wide, 1, never)).rejects.toMatchObject({ code: "SAMPLE_TOO_WIDE" });
  const stop = new AbortController();
  const stopped = workerAssessor.assess(many, 1, stop.signal, () => stop.abort(new Error("enough")));
  await expect(stopped).rejects.toThrow("enough");
  const killed = workerAssessor.assess(many, 1, never, () => {
    for (const pid of children()) kill(Number(pid), "SIGKILL");
  });
  await expect(killed).rejects.toMatchObject({
    code: "ASSESSOR",
    message: expect.stringContaining("without an answer"),
  });
  expect(children()).toEqual([]);
});

/** Of this process; those that have ended and are not fetched yet count, too. */
function children(): readonly string[] {
  return readFileSync(`/proc/self/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
}

test("ends when it is told to", async () => {
  const stop = new AbortController();
  const long = SOURCES["period4096"]!.make(200_000);
  const assessing = workerAssessor.assess(long, 8, stop.signal, () => stop.abort(new Error("enough")));
  await expect(assessing).rejects.toThrow("enough");
  await expect(workerAssessor.assess(samples, 4, stop.signal)).rejects.toThrow("enough");
});
