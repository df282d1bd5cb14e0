/** What assessing a million samples takes, and how far the figures are from those of NIST's own program. @module */
import { performance } from "node:perf_hooks";
import { memoryUsage } from "node:process";
import { assess } from "../../src/entropy/assess.ts";
import { goldenFiles, worstDifference } from "../entropy/golden.ts";
import { type Bench, type Row, round } from "./table.ts";

const TOLERANCE = 1e-6;

export const bench: Bench = {
  name: "entropy",
  run: () => {
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
    return Promise.resolve(rows);
  },
};
