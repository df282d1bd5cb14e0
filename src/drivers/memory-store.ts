/**
 * The store port in memory: for simulated agents, and for tests. Nothing outlives the process.
 * @module
 */
import { copyBytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Change, Range, Store } from "../ports/store.ts";

interface Row {
  readonly key: Uint8Array;
  value: Uint8Array;
}

export function openMemoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  /** Sorted by key. */
  readonly #rows: Row[] = [];
  #closed = false;

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const row = this.#find(key);
    return row === undefined ? undefined : copyBytes(row.value);
  }

  async has(key: Uint8Array): Promise<boolean> {
    return this.#find(key) !== undefined;
  }

  async write(changes: readonly Change[]): Promise<void> {
    this.#check();
    for (const { key, value } of changes)
      this.#apply(copyBytes(key), value === undefined ? undefined : copyBytes(value));
  }

  async *entries(range: Range): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const row of this.#select(range)) yield { key: copyBytes(row.key), value: copyBytes(row.value) };
  }

  async *keys(range: Range): AsyncGenerator<Uint8Array> {
    for (const row of this.#select(range)) yield copyBytes(row.key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #select({ from, until, reverse, limit }: Range): readonly Row[] {
    this.#check();
    const first = this.#place(from);
    const end = Math.max(first, this.#place(until));
    const count = Math.min(end - first, limit ?? end - first);
    return reverse === true ? this.#rows.slice(end - count, end).reverse() : this.#rows.slice(first, first + count);
  }

  #find(key: Uint8Array): Row | undefined {
    this.#check();
    const row = this.#rows[this.#place(key)];
    return row !== undefined && compareBytes(row.key, key) === 0 ? row : undefined;
  }

  #apply(key: Uint8Array, value: Uint8Array | undefined): void {
    const place = this.#place(key);
    const row = this.#rows[place];
    const present = row !== undefined && compareBytes(row.key, key) === 0;
    if (value === undefined) this.#rows.splice(place, present ? 1 : 0);
    else if (present) row.value = value;
    else this.#rows.splice(place, 0, { key, value });
  }

  /** Index of the first row whose key is not below this one. */
  #place(key: Uint8Array): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row !== undefined && compareBytes(row.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #check(): void {
    if (this.#closed) throw new AgentError("STORE_CLOSED", "the store is closed");
  }
}

/** Order of keys: byte by byte, a prefix before what it begins. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
