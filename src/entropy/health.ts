/**
 * The continuous health tests of NIST SP 800-90B, section 4.4, with cutoffs for a false alarm in 2^30 samples. They
 * see a broken device; a dishonest one they don't see.
 *
 * What sticks is seen within 1 + ceil(30 / H) samples of a claim of H bits: 5 at 8 bits, 9 at 4, the first of which may
 * have come before it stuck. A source at half its claim gives its commonest sample with a probability of 2^(-H/2), at
 * which a run of that length, or a window above the cutoff, comes within some hundred windows at the most.
 * @module
 */

/** −log2 of the probability of a false alarm. */
export const ALPHA_BITS = 30;
/** Window of the adaptive proportion test: samples of one bit, and wider ones. */
export const BIT_WINDOW = 1024;
export const APT_WINDOW = 512;

/** Repetition count test: so many equal samples in a row are a failure. @param minEntropyBits 0 < H ≤ 8 */
export function rctCutoff(minEntropyBits: number, alphaBits = ALPHA_BITS): number {
  return 1 + Math.ceil(alphaBits / minEntropyBits);
}

/**
 * Adaptive proportion test: a window that holds its first sample so many times is a failure. One more than the
 * smallest count whose binomial upper tail is at most α.
 * @param minEntropyBits 0 < H ≤ 8
 */
export function aptCutoff(minEntropyBits: number, window = APT_WINDOW, alphaBits = ALPHA_BITS): number {
  const alpha = 2 ** -alphaBits;
  const lnP = -minEntropyBits * Math.LN2;
  const lnQ = Math.log1p(-Math.exp(lnP));
  let lnChoose = 0; // ln of the binomial coefficient (window over count), from count = window downwards
  let tail = 0;
  for (let count = window; count > 0; count--) {
    tail += Math.exp(lnChoose + count * lnP + (window - count) * lnQ);
    if (tail > alpha) return 1 + count;
    lnChoose += Math.log(count) - Math.log(window - count + 1);
  }
  return 1;
}

export type HealthAlarm = "repetition" | "proportion";

export interface FirstAlarm {
  readonly test: HealthAlarm;
  /** Its number, from 1. */
  readonly sample: number;
}

/** Fed one sample after another, for ever; tells at which sample a test failed, and goes on after a failure. */
export class HealthTests {
  readonly rct: number;
  readonly apt: number;
  readonly #window: number;
  #last: number | undefined;
  #repeats = 0;
  #reference: number | undefined;
  #seen = 0;
  #matches = 0;

  /**
   * @param minEntropyBits claimed for each sample, 0 < H ≤ bitsPerSample
   * @param bitsPerSample 1 … 8
   */
  constructor(minEntropyBits: number, bitsPerSample = 8) {
    this.#window = bitsPerSample === 1 ? BIT_WINDOW : APT_WINDOW;
    this.rct = rctCutoff(minEntropyBits);
    this.apt = aptCutoff(minEntropyBits, this.#window);
  }

  /** The test that fails with this sample, or undefined. @param sample 0 … 255 */
  feed(sample: number): HealthAlarm | undefined {
    const repeated = this.#repetition(sample);
    const frequent = this.#proportion(sample);
    if (repeated) return "repetition";
    return frequent ? "proportion" : undefined;
  }

  /** The first failing test of these samples and the number of the sample, from 1. All are fed, whatever fails. */
  feedAll(samples: Uint8Array): FirstAlarm | undefined {
    let first: FirstAlarm | undefined;
    for (let i = 0; i < samples.length; i++) {
      const test = this.feed(samples[i] ?? 0);
      if (test !== undefined) first ??= { test, sample: i + 1 };
    }
    return first;
  }

  #repetition(sample: number): boolean {
    this.#repeats = sample === this.#last ? this.#repeats + 1 : 1;
    this.#last = sample;
    return this.#repeats >= this.rct;
  }

  #proportion(sample: number): boolean {
    if (this.#reference === undefined) {
      this.#reference = sample;
      this.#seen = 0;
      this.#matches = 0;
    }
    this.#seen++;
    if (sample === this.#reference) this.#matches++;
    const failed = this.#matches >= this.apt;
    if (failed || this.#seen >= this.#window) this.#reference = undefined;
    return failed;
  }
}
