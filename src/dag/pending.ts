/**
 * Entries heard from the air that no signature covers yet, in memory and bounded: anybody can send such.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";

/** How far ahead of what is held an entry may be. */
export const WINDOW = 1024;
const MAX_AUTHORS = 64;
const MAX_ENTRIES = 8192;
const MAX_SIGNATURES = 16;

interface Waiting {
  readonly entries: Map<number, Bytes>;
  readonly signatures: Map<number, Bytes>;
}

export class PendingEntries {
  /** The author that was heard of longest ago comes first. */
  readonly #authors = new Map<string, Waiting>();
  #size = 0;
  #dropped = 0;

  get size(): number {
    return this.#size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Keeps entries from `first` on, not copied. Of two for one position the later stays: a repetition heals what a liar put there. */
  offer(
    author: string,
    held: number,
    update: { readonly first: number; readonly entries: readonly Bytes[]; readonly signature: Bytes | undefined },
  ): void {
    const waiting = this.#touch(author);
    for (const [i, entry] of update.entries.entries()) {
      const seq = update.first + i;
      if (seq <= held) continue;
      if (seq > held + WINDOW) this.#dropped++;
      else {
        if (!waiting.entries.has(seq)) this.#size++;
        waiting.entries.set(seq, entry);
      }
    }
    const last = update.first + update.entries.length - 1;
    if (update.signature !== undefined && last > held && last <= held + WINDOW) {
      waiting.signatures.delete(last);
      waiting.signatures.set(last, update.signature);
      if (waiting.signatures.size > MAX_SIGNATURES) dropFirst(waiting.signatures);
    }
    this.#shrink(author);
  }

  entry(author: string, seq: number): Bytes | undefined {
    return this.#authors.get(author)?.entries.get(seq);
  }

  /** The positions up to `last` that a signature is kept for, the highest first. */
  signatures(author: string, last: number): readonly { readonly seq: number; readonly signature: Bytes }[] {
    return [...(this.#authors.get(author)?.signatures ?? [])]
      .filter(([seq]) => seq <= last)
      .map(([seq, signature]) => ({ seq, signature }))
      .sort((a, b) => b.seq - a.seq);
  }

  dropSignature(author: string, seq: number): void {
    this.#authors.get(author)?.signatures.delete(seq);
  }

  /** Entries up to `held` are on disk now. */
  settle(author: string, held: number): void {
    const waiting = this.#authors.get(author);
    if (waiting === undefined) return;
    for (const seq of waiting.entries.keys()) if (seq <= held && waiting.entries.delete(seq)) this.#size--;
    for (const seq of waiting.signatures.keys()) if (seq <= held) waiting.signatures.delete(seq);
    if (waiting.entries.size === 0) this.#authors.delete(author);
  }

  /** Drops all that waits for this author, and counts it. */
  forget(author: string): void {
    const size = this.#authors.get(author)?.entries.size ?? 0;
    this.#authors.delete(author);
    this.#size -= size;
    this.#dropped += size;
  }

  #touch(author: string): Waiting {
    const waiting = this.#authors.get(author) ?? { entries: new Map(), signatures: new Map() };
    this.#authors.delete(author);
    this.#authors.set(author, waiting);
    return waiting;
  }

  #shrink(keep: string): void {
    for (const author of this.#authors.keys()) {
      if (this.#authors.size <= MAX_AUTHORS && this.#size <= MAX_ENTRIES) return;
      if (author !== keep) this.forget(author);
    }
  }
}

function dropFirst(map: Map<number, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
