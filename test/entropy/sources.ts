/**
 * Sample files by name, from a seed: what `test/vectors/entropy` holds NIST's figures of. A smaller size is the beginning
 * of the same file. Random bytes are SHA-256 in counter mode: sha256(seed ‖ u64be(0)) ‖ sha256(seed ‖ u64be(1)) ‖ …
 * @module
 */
import { createHash } from "node:crypto";

export interface Source {
  readonly bits: number;
  /** One sample a byte. */
  readonly make: (count: number) => Uint8Array;
}

function byteStream(seed: string): () => number {
  let block = Buffer.alloc(0);
  let next = 0;
  let counter = 0n;
  const index = Buffer.alloc(8);
  return () => {
    if (next === block.length) {
      index.writeBigUInt64BE(counter++);
      block = createHash("sha256").update(seed).update(index).digest();
      next = 0;
    }
    return block[next++]!;
  };
}

/** Numbers of 32 bits. */
function numberStream(seed: string): () => number {
  const byte = byteStream(seed);
  return () => byte() * 2 ** 24 + byte() * 2 ** 16 + byte() * 2 ** 8 + byte();
}

const below = (probability: number): number => Math.floor(probability * 2 ** 32);
const filled = (count: number, next: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => next(i));

/** A chain that stays with the given probability and else takes a new sample. */
function sticky(seed: string, bits: number, stay: number): Source {
  const make = (count: number): Uint8Array => {
    const number = numberStream(seed);
    let sample = 0;
    return filled(count, () => {
      if (number() >= below(stay)) sample = number() % 2 ** bits;
      return sample;
    });
  };
  return { bits, make };
}

/** Each sample by the next number, on its own. */
function independent(seed: string, bits: number, sampleOf: (number: number) => number): Source {
  const make = (count: number): Uint8Array => {
    const number = numberStream(seed);
    return filled(count, () => sampleOf(number()));
  };
  return { bits, make };
}

function periodic(seed: string, bits: number, period: number): Source {
  const make = (count: number): Uint8Array => {
    const byte = byteStream(seed);
    const once = filled(period, () => byte() % 2 ** bits);
    return filled(count, (i) => once[i % period]!);
  };
  return { bits, make };
}

export const SOURCES: Readonly<Record<string, Source>> = {
  /** Independent bits, P(1) = 0.6: 0.737 bits by theory. */
  biased06: independent("dsg-biased06-v1", 1, (number) => (number < below(0.6) ? 1 : 0)),
  /** Stays with probability 0.9: 0.152 bits by theory. */
  markov09: {
    bits: 1,
    make: (count) => {
      const number = numberStream("dsg-markov09-v1");
      let bit = number() % 2;
      return filled(count, () => {
        const now = bit;
        if (number() >= below(0.9)) bit ^= 1;
        return now;
      });
    },
  },
  /** Uniform, and 0xA5 for ever from sample 500,000 on. */
  stuckhalf8: {
    bits: 8,
    make: (count) => {
      const byte = byteStream("dsg-stuck-v1");
      return filled(count, (i) => (i < 500_000 ? byte() : 0xa5));
    },
  },
  counter8: { bits: 8, make: (count) => filled(count, (i) => i & 255) },
  period4096: periodic("dsg-period-v1", 8, 4096),
  uniform2: independent("caye-uniform2", 2, (number) => number % 4),
  uniform3: independent("caye-uniform3", 3, (number) => number % 8),
  uniform4: independent("caye-uniform4", 4, (number) => number % 16),
  uniform5: independent("caye-uniform5", 5, (number) => number % 32),
  uniform6: independent("caye-uniform6", 6, (number) => number % 64),
  uniform7: independent("caye-uniform7", 7, (number) => number % 128),
  /** Fewer symbols than the bits allow, with gaps between them. */
  gaps8: independent("caye-gaps8", 8, (number) => [3, 17, 18, 130, 255][number % 5]!),
  /** Two different symbols in eight bits: taken as bits. */
  two8: independent("caye-two8", 8, (number) => (number < below(0.7) ? 0x0f : 0xf0)),
  mostly0: independent("caye-mostly0", 6, (number) => (number < below(0.9) ? 0 : number % 64)),
  sticky3: sticky("caye-sticky3", 3, 0.8),
  sticky8: sticky("caye-sticky8", 8, 0.5),
  period37: periodic("caye-period37", 5, 37),
  period3000: periodic("caye-period3000", 2, 3000),
  /** Worse and worse. */
  dying4: {
    bits: 4,
    make: (count) => {
      const number = numberStream("caye-dying4");
      return filled(count, (i) => (number() < (2 ** 32 * i) / 20_000 ? 9 : number() % 16));
    },
  },
};
