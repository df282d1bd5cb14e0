/**
 * Symbols that nobody here asked for, as they came: who wants the block later asks only for the rest.
 * @module
 */
import { toHex } from "../../kernel/bytes.ts";
import type { Coded } from "../../wire/coded.ts";

/** All of them together, and of one block: two times the largest. */
const MAX_BYTES = 262_144;
const MAX_BLOCK_BYTES = 32_768;
/** What a symbol costs in memory besides its bytes. */
const OVERHEAD_BYTES = 128;

export interface HeardSymbol {
  readonly coded: Coded;
  readonly from: number;
  /** Monotonic. */
  readonly atMs: number;
}

interface Heard {
  bytes: number;
  readonly symbols: Map<string, HeardSymbol>;
}

export class Overheard {
  /** By prefix in hex, the last heard at the end. */
  readonly #blocks = new Map<string, Heard>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  note(symbol: HeardSymbol): void {
    const { coded, from } = symbol;
    const key = toHex(coded.prefix);
    const heard = this.#blocks.get(key) ?? { bytes: 0, symbols: new Map<string, HeardSymbol>() };
    this.#blocks.delete(key);
    this.#blocks.set(key, heard);
    const name = `${coded.index}/${from}/${coded.streamBytes}`;
    const bytes = coded.symbol.length + OVERHEAD_BYTES;
    if (heard.symbols.has(name) || heard.bytes + bytes > MAX_BLOCK_BYTES) return;
    heard.symbols.set(name, symbol);
    heard.bytes += bytes;
    this.#bytes += bytes;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** What is here of that block; undefined when nothing is. */
  of(prefix: Uint8Array): readonly HeardSymbol[] {
    return [...(this.#blocks.get(toHex(prefix))?.symbols.values() ?? [])];
  }

  /** As {@link of}, and it is forgotten here. */
  take(prefix: Uint8Array): readonly HeardSymbol[] {
    const symbols = this.of(prefix);
    this.#drop(toHex(prefix));
    return symbols;
  }

  #drop(key: string): void {
    const heard = this.#blocks.get(key);
    if (heard === undefined) return;
    this.#blocks.delete(key);
    this.#bytes -= heard.bytes;
  }
}
