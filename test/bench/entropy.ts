/**
 * What assessing a million samples takes, and how far the figures are from those of NIST's own program; what it takes beside
 * the agent, and for how long the event loop stands still meanwhile; and the gate at boot.
 * @module
 */
import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { memoryUsage } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { workerAssessor } from "../../src/drivers/assess-worker.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { assess } from "../../src/entropy/assess.ts";
import { goldenFiles, worstDifference } from "../entropy/golden.ts";
import type { EntropyOpening } from "../../src/ports/entropy.ts";
import { gate } from "../../src/trust/source-gate.ts";
import { fakeEntropy } from "../fakes/entropy.ts";
import { type Bench, quantile, type Row, round } from "./table.ts";

const TOLERANCE = 1e-6;
const IDLE_MS = 30_000;

export const bench: Bench = {
  name: "entropy",
  run: async () => {
    const beside = [await idle(), await besideAgent(), await boot()];
    const rows = goldenFiles().map(({ name, bits, count, figures, samples }): Row => {
      const file = samples();
      const start = performance.now();
      const assessment = assess(file, bits);
      const ms = performance.now() - start;
      const { difference, figure } = worstDifference(assessment, figures);
      if (!(difference < TOLERANCE)) throw new Error(`${name}, ${count} samples: ${figure} is off by ${difference}`);
      return {
        source: name,
        bits,
        samples: count,
        seconds: round(ms / 1000),
        "off by at most": difference.toExponential(1),
        "process, MB": round(memoryUsage().rss / 2 ** 20),
      };
    });
    return [...rows, ...beside];
  },
};

const signal = new AbortController().signal;

/** The same process with nothing to do: how long a busy machine makes the event loop stand still anyway. */
async function idle(): Promise<Row> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(IDLE_MS);
  delay.disable();
  return { source: "nothing", seconds: IDLE_MS / 1000, "event loop stood still, ms": round(delay.max / 1e6) };
}

/** With ideal bytes, which take longest. */
async function besideAgent(): Promise<Row> {
  const samples = new Uint8Array(randomBytes(1_000_000));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  await workerAssessor.assess(samples, 8, signal);
  const ms = performance.now() - start;
  delay.disable();
  const longest = delay.max / 1e6;
  return {
    source: "ideal, beside the agent",
    bits: 8,
    samples: samples.length,
    seconds: round(ms / 1000),
    "event loop stood still, ms": round(longest),
    "process, MB": round(memoryUsage().rss / 2 ** 20),
  };
}

/** Reading is left out: how fast a device gives samples is its own affair. */
async function boot(): Promise<Row> {
  const bytes = randomBytes(40_000);
  let at = 0;
  const open = async () => fakeEntropy(() => bytes[at++ % bytes.length] ?? 0);
  const opening: EntropyOpening = { uri: "qrng:fake", optional: false, open };
  const parts = { assessor: workerAssessor, enrolment: undefined, clock: systemClock(), signal };
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    const { fault } = await gate(opening, parts);
    if (fault !== undefined) throw new Error(fault.detail);
    times.push(performance.now() - start);
  }
  return { source: "gate at boot, raw", bits: 8, samples: 10_000, seconds: round(quantile(times, 0.5) / 1000) };
}
