/** An enrolment as the record keeps it, for tests to change. */
import type { EntropyFigures } from "../../src/kernel/entropy.ts";
import type { EnrolmentReport } from "../../src/kernel/entropy-reports.ts";

const figures: EntropyFigures = {
  mcv: 7.9,
  collision: null,
  markov: null,
  compression: null,
  tTuple: 7.3,
  lrs: 7.9,
  multiMcw: 7.9,
  lag: 7.9,
  multiMmc: 7.9,
  lz78y: 7.9,
};

export function enrolmentOf(change: Partial<EnrolmentReport> = {}): EnrolmentReport {
  return {
    source: "qrng:fake",
    serial: "FAKE-1",
    firmware: null,
    raw: true,
    bits_per_sample: 8,
    claimed_bits: 7,
    at_ms: 1_750_000_000_000,
    samples: 1_000_000,
    assessed: 7.3,
    h_original: 7.3,
    h_bitstring: 0.95,
    literal: figures,
    bitstring: { ...figures, mcv: 0.99, collision: 0.95, markov: 0.99, compression: 0.97 },
    gate: { samples: 10_000, pieces: 100, lowest: 5.5, median: 6, threshold: 5 },
    check: null,
    ...change,
  };
}
