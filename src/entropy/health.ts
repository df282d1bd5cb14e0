/**
 * The continuous health tests of NIST SP 800-90B, section 4.4, for samples of 8 bits, with cutoffs for a false alarm
 * in 2^30 samples. They see a broken device; a dishonest one they don't see.
 * @module
 */

/** −log2 of the probability of a false alarm. */
export const ALPHA_BITS = 30;
/** Window of the adaptive proportion test for samples that are not binary. */
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

/** Fed one sample after another, for ever; tells at which sample a test failed, and goes on after a failure. */
export class HealthTests {
  readonly rct: number;
  readonly apt: number;
  #last: number | undefined;
  #repeats = 0;
  #reference: number | undefined;
  #seen = 0;
  #matches = 0;

  /** @param minEntropyBits claimed for each sample, 0 < H ≤ 8 */
  constructor(minEntropyBits: number) {
    this.rct = rctCutoff(minEntropyBits);
    this.apt = aptCutoff(minEntropyBits);
  }

  /** The test that fails with this sample, or undefined. @param sample 0 … 255 */
  feed(sample: number): HealthAlarm | undefined {
    const repeated = this.#repetition(sample);
    const frequent = this.#proportion(sample);
    if (repeated) return "repetition";
    return frequent ? "proportion" : undefined;
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
    if (failed || this.#seen >= APT_WINDOW) this.#reference = undefined;
    return failed;
  }
}
