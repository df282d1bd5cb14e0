/**
 * The context-mixing codec over a predictor that has read the dictionary.
 *
 * A text is its bytes, a zero byte, and a bit 1; a zero byte inside it is followed by a bit 0.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { ArithmeticDecoder, ArithmeticEncoder } from "./arithmetic.ts";
import { Predictor } from "./predictor.ts";

/** What a text is; each begins in a context of its own. */
export const KIND = { content: 0, name: 1 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export interface Sample {
  readonly kind: Kind;
  readonly text: Uint8Array;
}

/** That a zero byte ends the text: 31 of 32. */
const END = 63_488;
/** Longer texts are left to deflate: mixing takes about 3 µs a byte. */
export const MOST_BYTES = 65_536;

export class MixingCodec {
  readonly #predictor: Predictor;

  constructor(dictionary: readonly Sample[]) {
    const bytes = dictionary.reduce((sum, { text }) => sum + text.length + 1, 0);
    this.#predictor = new Predictor(bytes + MOST_BYTES + 1);
    for (const { kind, text } of dictionary) {
      this.#predictor.begin(kind);
      for (const byte of text) this.#read(byte);
      this.#read(0);
    }
    this.#predictor.keep();
  }

  /** Undefined when the code would be longer than `mostBytes`, or the text is longer than MOST_BYTES. */
  encode(kind: Kind, text: Uint8Array, top: number, mostBytes: number): Bytes | undefined {
    if (text.length > MOST_BYTES) return undefined;
    const encoder = new ArithmeticEncoder(top);
    const predictor = this.#predictor;
    predictor.begin(kind);
    try {
      for (let i = 0; i <= text.length; i++) {
        const byte = text[i] ?? 0;
        for (let shift = 7; shift >= 0; shift--) {
          const bit = (byte >> shift) & 1;
          encoder.put(bit, predictor.p);
          predictor.update(bit);
        }
        if (byte === 0) encoder.put(i === text.length ? 1 : 0, END);
        if (encoder.length > mostBytes) return undefined;
      }
    } finally {
      predictor.undo();
    }
    const code = encoder.finish();
    return code.length > mostBytes ? undefined : code;
  }

  /** Only the code that {@link encode} gives is taken. Work is bounded by `mostBytes` of text and by the code's length. */
  decode(kind: Kind, code: Uint8Array, top: number, mostBytes: number): Decoded<Bytes> {
    const decoder = new ArithmeticDecoder(code, top);
    const limit = Math.max(0, Math.min(mostBytes, MOST_BYTES));
    const text = new Uint8Array(limit);
    const predictor = this.#predictor;
    let length = 0;
    predictor.begin(kind);
    try {
      for (;;) {
        let byte = 0;
        for (let i = 0; i < 8; i++) {
          const bit = decoder.take(predictor.p);
          predictor.update(bit);
          byte = 2 * byte + bit;
        }
        if (byte === 0 && decoder.take(END) === 1) break;
        if (decoder.exhausted) return refused("packed text is cut short");
        if (length === limit) return refused("unpacked text too long");
        text[length++] = byte;
      }
    } finally {
      predictor.undo();
    }
    return decoder.endsWell() ? decoded(text.slice(0, length)) : refused("packed text not in its only form");
  }

  #read(byte: number): void {
    for (let shift = 7; shift >= 0; shift--) this.#predictor.update((byte >> shift) & 1);
  }
}
