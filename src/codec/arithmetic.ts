/**
 * A binary arithmetic coder of 32 bits without carry: the code is the shortest string of bytes, taken as a fraction with
 * zeros behind it, that lies within the last interval.
 *
 * The interval [low, high] begins at [0, top]; a bit whose probability of being 1 is p / 65536 cuts it at
 * low + ⌊(high − low) · p / 65536⌋: 1 keeps the lower part, 0 what is above. Leading bytes in which both ends agree are
 * written. The product stays below 2^48, so that a double holds it exactly.
 * @module
 */
import { type Bytes, ByteWriter } from "../kernel/bytes.ts";

function cut(low: number, high: number, p: number): number {
  return low + Math.floor(((high - low) * p) / 65_536);
}

/** The shortest tail that names a fraction within [low, high]. */
function tail(low: number, high: number): readonly number[] {
  for (let bytes = 0; bytes <= 4; bytes++) {
    const unit = 2 ** (32 - 8 * bytes);
    const value = Math.ceil(low / unit) * unit;
    if (value <= high) return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (24 - 8 * i)) % 256);
  }
  return [];
}

export class ArithmeticEncoder {
  readonly #out = new ByteWriter();
  #low = 0;
  #high: number;

  /** @param top the largest start, 32 bits: no code begins with a byte above its first. */
  constructor(top: number) {
    this.#high = top;
  }

  /** Bytes that stand already. */
  get length(): number {
    return this.#out.length;
  }

  /** @param p that the bit is 1, 1 … 65535 */
  put(bit: number, p: number): void {
    const middle = cut(this.#low, this.#high, p);
    if (bit === 1) this.#high = middle;
    else this.#low = middle + 1;
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#out.u8(this.#low >>> 24);
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 0xff) >>> 0;
    }
  }

  finish(): Bytes {
    return this.#out.bytes(Uint8Array.from(tail(this.#low, this.#high))).finish();
  }
}

export class ArithmeticDecoder {
  readonly #code: Uint8Array;
  /** How many bytes the encoder had written by now. */
  #settled = 0;
  #low = 0;
  #high: number;
  #value = 0;

  constructor(code: Uint8Array, top: number) {
    this.#code = code;
    this.#high = top;
    for (let i = 0; i < 4; i++) this.#value = ((this.#value << 8) | (code[i] ?? 0)) >>> 0;
  }

  /** A code can't go on for long after its bytes are used up: then it is no code of ours. */
  get exhausted(): boolean {
    return this.#settled > this.#code.length;
  }

  take(p: number): number {
    const middle = cut(this.#low, this.#high, p);
    const bit = this.#value <= middle ? 1 : 0;
    if (bit === 1) this.#high = middle;
    else this.#low = middle + 1;
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 0xff) >>> 0;
      this.#value = ((this.#value << 8) | (this.#code[this.#settled + 4] ?? 0)) >>> 0;
      this.#settled++;
    }
    return bit;
  }

  /** Whether these are the very bytes that the encoder gives for the bits taken so far. */
  endsWell(): boolean {
    const rest = tail(this.#low, this.#high);
    if (this.#settled + rest.length !== this.#code.length) return false;
    return rest.every((byte, i) => this.#code[this.#settled + i] === byte);
  }
}
