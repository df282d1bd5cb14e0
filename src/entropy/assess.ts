/**
 * What samples are worth: all ten estimators of NIST SP 800-90B, section 6.3, over the symbols and over their bits, and
 * the least of the figures. Pure; takes half a minute for a million samples of 8 bits.
 *
 * Figures are those of NIST's own tool (ea_non_iid 1.1.7). Like it, samples that hold two different symbols only are
 * taken as bits, and then have no bitstring of their own.
 * @module
 */
import {
  ESTIMATORS,
  MOST_SAMPLE_BITS,
  type EntropyAssessment,
  type EntropyFigures,
  type EntropyStep,
  type Estimator,
} from "../kernel/entropy.ts";
import { AgentError } from "../kernel/errors.ts";
import { compression } from "./compression.ts";
import { collision, markov, mostCommonValue } from "./counting.ts";
import { lag } from "./lag.ts";
import { lz78y } from "./lz78y.ts";
import { multiMmc } from "./markov-models.ts";
import { repeats, type RepeatFigures } from "./repeats.ts";
import { toBits, toSymbols } from "./symbols.ts";
import { multiMcw } from "./windows.ts";

/** So many the standard asks for before a source may be used at all; fewer give figures that mean nothing. */
export const LEAST_SAMPLES = 1024;

/** @throws AgentError "SAMPLES_TOO_FEW", "SAMPLES_TOO_MANY", "SAMPLE_TOO_WIDE": see {@link EntropyTools} */
export function assess(
  samples: Uint8Array,
  bits: number,
  onStep: (step: EntropyStep) => void = () => undefined,
): EntropyAssessment {
  refuse(samples, bits);
  const { symbols, alphabet } = toSymbols(samples);
  const views = alphabet > 2 ? 2 : 1;
  let done = 0;
  const step = (view: EntropyStep["view"], length: number) => (estimator: Estimator) =>
    onStep({ view, estimator, symbols: length, done: done++, total: views * ESTIMATORS.length });
  const literal = figures(symbols, alphabet, step("literal", symbols.length));
  const string = alphabet > 2 ? toBits(samples, bits) : undefined;
  const bitstring = string === undefined ? null : figures(string, 2, step("bitstring", string.length));
  const hOriginal = least(literal, bits);
  const hBitstring = bitstring === null ? null : least(bitstring, 1);
  const assessed = Math.min(hOriginal, hBitstring === null ? bits : bits * hBitstring);
  return { bits, samples: samples.length, symbols: alphabet, literal, bitstring, hOriginal, hBitstring, assessed };
}

function refuse(samples: Uint8Array, bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > 8) throw new RangeError("samples have 1 to 8 bits");
  if (samples.length < LEAST_SAMPLES) {
    throw new AgentError("SAMPLES_TOO_FEW", `${samples.length} samples are too few: at least ${LEAST_SAMPLES}`, {
      fix: "Take 1000000 raw samples in a row, as SP 800-90B asks.",
    });
  }
  const most = Math.floor(MOST_SAMPLE_BITS / bits);
  if (samples.length > most) {
    throw new AgentError(
      "SAMPLES_TOO_MANY",
      `${samples.length} samples of ${bits} bits are too many: at most ${most}`,
      {
        fix: "Assess a part of them: SP 800-90B asks for 1000000 in a row.",
      },
    );
  }
  const offset = samples.findIndex((sample) => sample >> bits !== 0);
  if (offset === -1) return;
  const sample = samples[offset] ?? 0;
  throw new AgentError(
    "SAMPLE_TOO_WIDE",
    `the byte at offset ${offset} is ${sample}, beyond ${2 ** bits - 1}, the most of ${bits} bits`,
    {
      fix: "The file holds one sample a byte, in its low bits.",
    },
  );
}

function figures(symbols: Uint8Array, alphabet: number, next: (estimator: Estimator) => void): EntropyFigures {
  const made = (estimator: Estimator, make: () => number | undefined): number | null => {
    next(estimator);
    return make() ?? null;
  };
  // Nothing can be guessed better than what is always the same, and several estimators divide by what never changes.
  if (alphabet < 2) return { ...NONE, mcv: made("mcv", () => 0) };
  const ofBits = (make: (bits: Uint8Array) => number | undefined) => () => (alphabet === 2 ? make(symbols) : undefined);
  const mcv = made("mcv", () => mostCommonValue(symbols));
  const ofCollision = made("collision", ofBits(collision));
  const ofMarkov = made("markov", ofBits(markov));
  const ofCompression = made("compression", ofBits(compression));
  // One suffix array serves both.
  let repeated: RepeatFigures | undefined;
  const tTuple = made("tTuple", () => (repeated = repeats(symbols, alphabet)).tTuple);
  return {
    mcv,
    collision: ofCollision,
    markov: ofMarkov,
    compression: ofCompression,
    tTuple,
    lrs: made("lrs", () => repeated?.lrs),
    multiMcw: made("multiMcw", () => multiMcw(symbols, alphabet)),
    lag: made("lag", () => lag(symbols, alphabet)),
    multiMmc: made("multiMmc", () => multiMmc(symbols, alphabet)),
    lz78y: made("lz78y", () => lz78y(symbols, alphabet)),
  };
}

const NONE: EntropyFigures = {
  mcv: null,
  collision: null,
  markov: null,
  compression: null,
  tTuple: null,
  lrs: null,
  multiMcw: null,
  lag: null,
  multiMmc: null,
  lz78y: null,
};

function least(figures: EntropyFigures, most: number): number {
  return ESTIMATORS.reduce((low, estimator) => Math.min(low, figures[estimator] ?? most), most);
}
