/**
 * One block as a stream of symbols, for whoever asks: each symbol a new one, until all 256 were said.
 *
 * A value with steps: `serve.ts` owns time and talks to the radio.
 * @module
 */
import { FILE_PREFIX_BYTES } from "../../dag/block-ref.ts";
import { symbolAt } from "../../erasure/cauchy.ts";
import { equalBytes, toHex } from "../../kernel/bytes.ts";
import type { Coded } from "../../wire/coded.ts";
import { SHORT_PREFIX_BYTES } from "../../wire/get.ts";
import type { CodedForm } from "./coded-form.ts";

const INDEXES = 256;

export class Stream {
  readonly prefix: Uint8Array;
  readonly #digest: Uint8Array;
  readonly #makeForm: () => CodedForm;
  #form: CodedForm | undefined;
  /** The file's author, or whoever began to speak: answers first. */
  isFirst: boolean;
  /** Symbols still owed. */
  owed = 0;
  /** True while only guests have asked for what is owed. */
  isOfGuests = false;
  /** True until the first symbol of a burst has left. */
  isBeginning = false;
  /** Relays to the farthest who asked for them. */
  hops = 0;
  /** Questions since anybody answered. */
  unanswered = 0;
  readonly #said = new Set<number>();
  #next: number | undefined;
  readonly #draw: number;

  /**
   * @param digest of the block, 16 bytes at least
   * @param makeForm called once, and only when a symbol is to be said or judged: packing takes time
   * @param draw 0 … 1: where a holder that is not the author begins, so that two of them say different symbols
   */
  constructor(digest: Uint8Array, makeForm: () => CodedForm, isFirst: boolean, draw: number) {
    this.prefix = digest.subarray(0, SHORT_PREFIX_BYTES);
    this.#digest = digest;
    this.#makeForm = makeForm;
    this.isFirst = isFirst;
    this.#next = isFirst ? 0 : undefined;
    this.#draw = draw;
  }

  /** Tells it from others, also of the same prefix. */
  get key(): string {
    return streamKey(this.#digest);
  }

  get form(): CodedForm {
    this.#form ??= this.#makeForm();
    return this.#form;
  }

  get k(): number {
    return this.form.k;
  }

  /** The next symbol; one less is owed. */
  take(): Coded {
    const { stream, streamBytes, check, symbolBytes } = this.form;
    const index = this.#fresh();
    this.owed = Math.max(0, this.owed - 1);
    const symbol = symbolAt(stream, symbolBytes, index);
    return { type: "coded", prefix: this.prefix, streamBytes, check, index, left: Math.min(255, this.owed), symbol };
  }

  /** Whether that is truly a symbol of this block; of another cut it can't be told. */
  verdict({ streamBytes, check, index, symbol }: Coded): "true" | "false" | "other cut" {
    const { form } = this;
    if (streamBytes !== form.streamBytes || check !== form.check || symbol.length !== form.symbolBytes)
      return "other cut";
    return equalBytes(symbol, symbolAt(form.stream, form.symbolBytes, index)) ? "true" : "false";
  }

  /** Somebody else has said it: it need not be said again. */
  heard({ index }: Coded): void {
    this.#said.add(index);
    this.owed = Math.max(0, this.owed - 1);
    this.unanswered = 0;
  }

  #fresh(): number {
    if (this.#said.size >= INDEXES) this.#said.clear();
    let index = this.#next ?? Math.min(INDEXES - 1, this.k + Math.floor(this.#draw * (INDEXES - this.k)));
    while (this.#said.has(index)) index = (index + 1) % INDEXES;
    this.#said.add(index);
    this.#next = (index + 1) % INDEXES;
    return index;
  }
}

/** @param digest of the block, 16 bytes at least */
export function streamKey(digest: Uint8Array): string {
  return toHex(digest.subarray(0, FILE_PREFIX_BYTES));
}
