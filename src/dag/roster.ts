/**
 * The authors that are known, with lists of them for who asks: made once, and then kept in step at the cost of one row a
 * change, since there may be thousands of authors and a change with every packet.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import type { AuthorRecord } from "./records.ts";
import type { AuthorRow, VectorRow } from "./shard.ts";

export class Roster {
  readonly #records: Map<string, AuthorRecord>;
  #rows: AuthorRow[] | undefined;
  #vector: VectorRow[] | undefined;
  /** Where an author stands in each list. */
  readonly #rowAt = new Map<string, number>();
  readonly #vectorAt = new Map<string, number>();

  /** @param records by id in hex; the roster's own from now on */
  constructor(records: Map<string, AuthorRecord>) {
    this.#records = records;
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: string): AuthorRecord | undefined {
    return this.#records.get(id);
  }

  /** Of authors whose ids begin so. */
  startingWith(start: string): readonly AuthorRecord[] {
    const exact = this.#records.get(start);
    if (exact !== undefined) return [exact];
    const found: AuthorRecord[] = [];
    for (const [id, record] of this.#records) if (id.startsWith(start)) found.push(record);
    return found;
  }

  ids(): Iterable<string> {
    return this.#records.keys();
  }

  set(id: string, record: AuthorRecord): void {
    const before = this.#records.get(id);
    this.#records.set(id, record);
    if (before === undefined || before.quarantined !== record.quarantined) {
      this.#rows = undefined;
      this.#vector = undefined;
      return;
    }
    // Who was given a list keeps it as it was.
    this.#rows = replaced(this.#rows, this.#rowAt.get(id), () => authorRow(id, record));
    this.#vector = replaced(this.#vector, this.#vectorAt.get(id), ({ author }) => ({ author, count: record.count }));
  }

  rows(): readonly AuthorRow[] {
    if (this.#rows !== undefined) return this.#rows;
    this.#rowAt.clear();
    this.#rows = [];
    for (const [id, record] of this.#records) this.#rowAt.set(id, this.#rows.push(authorRow(id, record)) - 1);
    return this.#rows;
  }

  /** Without those in quarantine. */
  vector(): readonly VectorRow[] {
    if (this.#vector !== undefined) return this.#vector;
    this.#vectorAt.clear();
    this.#vector = [];
    for (const [id, { count, quarantined }] of this.#records) {
      if (!quarantined) this.#vectorAt.set(id, this.#vector.push({ author: idBytes(id), count }) - 1);
    }
    return this.#vector;
  }
}

function replaced<T>(list: readonly T[] | undefined, at: number | undefined, make: (old: T) => T): T[] | undefined {
  const old = at === undefined ? undefined : list?.[at];
  if (list === undefined || at === undefined || old === undefined) return list?.slice();
  return list.with(at, make(old));
}

function authorRow(id: string, { name, count, quarantined }: AuthorRecord): AuthorRow {
  return { id, name, count, quarantined };
}

function idBytes(id: string): Bytes {
  return new Uint8Array(Buffer.from(id, "hex"));
}
