/**
 * Changes that are not on disk yet, as a layer over what is: work reads through it and sees its own changes.
 * @module
 */
import type { Change, Store } from "../ports/store.ts";
import { authorKey, TOTALS_KEY } from "./keys.ts";
import { type AuthorRecord, type Totals, encodeAuthorRecord, encodeTotals } from "./records.ts";
import type { Roster } from "./roster.ts";

/** What work may look at. */
export interface View {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  has(key: Uint8Array): Promise<boolean>;
  /** @param id 16 hex digits */
  author(id: string): AuthorRecord | undefined;
  authorCount(): number;
  totals(): Totals;
}

/** What is on disk, with the authors and totals held in memory. */
export class Committed implements View {
  readonly store: Store;
  readonly authors: Roster;
  #totals: Totals;

  constructor(store: Store, authors: Roster, totals: Totals) {
    this.store = store;
    this.authors = authors;
    this.#totals = totals;
  }

  /** These changes are on disk now. */
  take(authors: ReadonlyMap<string, AuthorRecord>, totals: Totals): void {
    for (const [id, record] of authors) this.authors.set(id, record);
    this.#totals = totals;
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.store.get(key);
  }

  has(key: Uint8Array): Promise<boolean> {
    return this.store.has(key);
  }

  author(id: string): AuthorRecord | undefined {
    return this.authors.get(id);
  }

  authorCount(): number {
    return this.authors.size;
  }

  totals(): Totals {
    return this.#totals;
  }
}

export class Draft implements View {
  readonly #below: View;
  readonly #changes = new Map<string, Change>();
  readonly #authors = new Map<string, AuthorRecord>();
  #totals: Totals | undefined;
  #newAuthors = 0;
  #bytes = 0;

  constructor(below: View) {
    this.#below = below;
  }

  /** About what the changes weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const change = this.#changes.get(mapKey(key));
    return change === undefined ? this.#below.get(key) : change.value;
  }

  async has(key: Uint8Array): Promise<boolean> {
    const change = this.#changes.get(mapKey(key));
    return change === undefined ? this.#below.has(key) : change.value !== undefined;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(mapKey(key), { key, value });
    this.#bytes += key.length + value.length;
  }

  remove(key: Uint8Array): void {
    this.#changes.set(mapKey(key), { key, value: undefined });
    this.#bytes += key.length;
  }

  author(id: string): AuthorRecord | undefined {
    return this.#authors.get(id) ?? this.#below.author(id);
  }

  authorCount(): number {
    return this.#below.authorCount() + this.#newAuthors;
  }

  /** @param id the author's 8 bytes, and the same in hex */
  setAuthor(id: { readonly bytes: Uint8Array; readonly hex: string }, record: AuthorRecord): void {
    if (this.author(id.hex) === undefined) this.#newAuthors++;
    this.#authors.set(id.hex, record);
    this.set(authorKey(id.bytes), encodeAuthorRecord(record));
  }

  totals(): Totals {
    return this.#totals ?? this.#below.totals();
  }

  setTotals(totals: Totals): void {
    this.#totals = totals;
    this.set(TOTALS_KEY, encodeTotals(totals));
  }

  changes(): readonly Change[] {
    return [...this.#changes.values()];
  }

  /** Puts these changes on another draft, over its own. */
  applyTo(other: Draft): void {
    for (const [key, change] of this.#changes) other.#changes.set(key, change);
    for (const [id, record] of this.#authors) other.#authors.set(id, record);
    other.#totals = this.#totals ?? other.#totals;
    other.#newAuthors += this.#newAuthors;
    other.#bytes += this.#bytes;
  }

  /** Tells what is committed that these changes are on disk. */
  settleIn(committed: Committed): void {
    committed.take(this.#authors, this.totals());
  }
}

function mapKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
