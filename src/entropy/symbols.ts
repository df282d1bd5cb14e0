/** Samples as the estimators take them: symbols numbered from 0 without gaps, and the string of their bits. @module */

export interface Symbols {
  /** One a byte, 0 … alphabet − 1; the order of the samples' values is kept. */
  readonly symbols: Uint8Array;
  /** Different symbols, 1 … 256. */
  readonly alphabet: number;
}

/** @param samples one a byte, at least one */
export function toSymbols(samples: Uint8Array): Symbols {
  const numbers = new Int16Array(256).fill(-1);
  for (const sample of samples) numbers[sample] = 0;
  let alphabet = 0;
  for (let value = 0; value < 256; value++) if (numbers[value] === 0) numbers[value] = alphabet++;
  return { symbols: samples.map((sample) => numbers[sample] ?? 0), alphabet };
}

/** The low bits of each sample, the highest first, one a byte. @param bits a sample, 1 … 8 */
export function toBits(samples: Uint8Array, bits: number): Uint8Array {
  const string = new Uint8Array(samples.length * bits);
  let at = 0;
  for (const sample of samples) {
    for (let shift = bits - 1; shift >= 0; shift--) string[at++] = (sample >> shift) & 1;
  }
  return string;
}
