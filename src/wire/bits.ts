/**
 * Bits, most significant first, for layouts in which a byte is too coarse; with Elias gamma codes for small numbers.
 *
 * Gamma of n ≥ 1: as many zeros as n has bits after its first, then n in binary. 1 takes 1 bit, 2 and 3 take 3, 4 … 7 take 5.
 * @module
 */
import type { ByteReader, ByteWriter } from "../kernel/bytes.ts";

const MOST_BITS = 32;

export class BitWriter {
  readonly #bytes: number[] = [];
  #free = 0;

  /** Whole bytes that it takes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** The lowest `count` bits, 0 … 32. @throws RangeError when the value needs more: a fault of ours */
  bits(value: number, count: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** count) throw new RangeError(`not ${count} bits`);
    for (let i = count - 1; i >= 0; i--) this.#bit(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  /** @param value 1 … 2^32 − 1 */
  gamma(value: number): this {
    const length = bitLength(value);
    return this.bits(0, length - 1).bits(value, length);
  }

  /** Appends all; the last byte is filled with zeros. */
  finish(writer: ByteWriter): void {
    writer.bytes(Uint8Array.from(this.#bytes));
  }

  #bit(bit: number): void {
    if (this.#free === 0) {
      this.#bytes.push(0);
      this.#free = 8;
    }
    this.#free--;
    const last = this.#bytes.length - 1;
    this.#bytes[last] = (this.#bytes[last] ?? 0) | (bit << this.#free);
  }
}

/** Reads bits from where the reader stands. Never throws: failures are the reader's, numbers are then 0. */
export class BitReader {
  readonly #reader: ByteReader;
  #byte = 0;
  #left = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** @param count 0 … 32 */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = 2 * value + this.#bit();
    return value;
  }

  gamma(): number {
    let zeros = 0;
    while (this.#bit() === 0) {
      if (this.#reader.failure !== undefined) return 0;
      if (++zeros >= MOST_BITS) {
        this.#reader.fail("number beyond 32 bits");
        return 0;
      }
    }
    return 2 ** zeros + this.bits(zeros);
  }

  /** To the next whole byte: what is skipped must be zeros. */
  align(): void {
    if (this.bits(this.#left) !== 0) this.#reader.fail("padding not zero");
  }

  #bit(): number {
    if (this.#left === 0) {
      this.#byte = this.#reader.u8();
      this.#left = 8;
    }
    this.#left--;
    return (this.#byte >> this.#left) & 1;
  }
}

/** Small numbers of either sign as numbers from 0 on: 0, −1, 1, −2, 2 … */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}
