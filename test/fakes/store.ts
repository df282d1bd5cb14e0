/** The store in memory, with faults on demand. @module */
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { Change, Range, Store } from "../../src/ports/store.ts";

export class FaultyStore implements Store {
  readonly #inner = openMemoryStore();
  readonly #corrupt = new Set<string>();
  /** Writes that reached the store. */
  writes = 0;
  /** While set, every write fails with it; nothing is written, unless {@link persistFailed}. */
  failure: AgentError | undefined;
  /** The write that fails reaches the disk all the same, as after a failed sync. */
  persistFailed = false;
  /** While set, every read fails with it. */
  readFailure: AgentError | undefined;

  /** From now on the value fails authentication, until it is written again. */
  corrupt(key: Uint8Array): void {
    this.#corrupt.add(toHex(key));
  }

  /** Puts another value there, as a disk does that lies. */
  async tamper(key: Uint8Array, value: Uint8Array | undefined): Promise<void> {
    await this.#inner.write([{ key, value }]);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#check(key);
    return this.#inner.get(key);
  }

  has(key: Uint8Array): Promise<boolean> {
    return this.#inner.has(key);
  }

  async write(changes: readonly Change[]): Promise<void> {
    this.writes++;
    if (this.failure === undefined || this.persistFailed) {
      for (const { key } of changes) this.#corrupt.delete(toHex(key));
      await this.#inner.write(changes);
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async *entries(range: Range): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for await (const row of this.#inner.entries(range)) {
      this.#check(row.key);
      yield row;
    }
  }

  keys(range: Range): AsyncIterable<Uint8Array> {
    return this.#inner.keys(range);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]();
  }

  #check(key: Uint8Array): void {
    if (this.readFailure !== undefined) throw this.readFailure;
    if (this.#corrupt.has(toHex(key))) throw new AgentError("STORE_CORRUPT", "a value is not what was written");
  }
}
