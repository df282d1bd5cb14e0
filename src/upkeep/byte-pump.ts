/** Bytes from a stream of pieces, as many at a time as are asked for. @module */
import { type Bytes, concatBytes } from "../kernel/bytes.ts";

export class BytePump {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Fewer only at the end. */
  async take(count: number): Promise<Bytes> {
    const parts: Uint8Array[] = [];
    for (let left = count; left > 0 && !(await this.isAtEnd());) {
      const part = this.#held.subarray(0, left);
      parts.push(part);
      this.#held = this.#held.subarray(part.length);
      left -= part.length;
    }
    return concatBytes(...parts);
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#held.length === 0) {
      const next = await this.#pieces.next();
      if (next.done === true) return true;
      this.#held = next.value;
    }
    return false;
  }
}
