/** What the estimators share: the upper end of the 99 % confidence interval, and min-entropy. SP 800-90B, 6.3. @module */

/** The standard prints 2.576; NIST's own tool uses all the digits, and so its figures can be met. */
export const Z = 2.575_829_303_548_900_8;

/** The highest probability that an observed share of `count` allows. @param share 0 … 1 @param count 2 or more */
export function upperBound(share: number, count: number): number {
  return Math.min(1, share + Z * Math.sqrt((share * (1 - share)) / (count - 1)));
}

/** Bits, 0 or more. @param probability of the likeliest guess, above 0, at most 1 */
export function minEntropy(probability: number): number {
  return Math.max(0, -Math.log2(probability));
}
