/**
 * What there is, for people: files by name, by CID, and the entries of all logs as they came.
 * @module
 */
import { fromHex, fromUtf8, toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import type { Blocks } from "./blocks.ts";
import { type Cid, digestOf, parseCid } from "./cid.ts";
import { type Entry, decodeEntry } from "./entry.ts";
import { arrivalRange, entryKey, entryRange, fileKey, fileRange, namedRange } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { type FileRecord, decodeArrivalRecord, decodeFileRecord, decodeLogRecord } from "./records.ts";
import { readable } from "./readable.ts";
import type { FileRow, LogRow } from "./shard.ts";

/** Rows whose blocks are looked up at a time. */
const STRIDE = 64;
/** At most so many answers to one question. */
const MAX_RESOLVED = 256;

const AUTHOR_ID_BYTES = 8;

export class Catalogue {
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #blocks: Blocks;
  readonly #self: string;

  /** @param self the own author's id in hex: its files come first */
  constructor(store: Store, ledger: Ledger, blocks: Blocks, self: string) {
    this.#store = store;
    this.#ledger = ledger;
    this.#blocks = blocks;
    this.#self = self;
  }

  async *files(): AsyncGenerator<FileRow> {
    for (const author of this.#authorIds()) {
      let stride: { name: string; record: FileRecord }[] = [];
      for await (const { key, value } of readable(this.#store, fileRange(bytesOf(author)))) {
        const name = fromUtf8(key.subarray(1 + AUTHOR_ID_BYTES)) ?? "";
        if (stride.push({ name, record: decodeFileRecord(value) }) < STRIDE) continue;
        yield* await this.#rows(author, stride);
        stride = [];
      }
      yield* await this.#rows(author, stride);
    }
  }

  /** A text that is a CID is never taken for a name. */
  async resolve(nameOrCid: string): Promise<readonly FileRow[]> {
    const cid = parseCid(nameOrCid);
    return cid === undefined ? this.#byName(nameOrCid.normalize("NFC")) : this.#byCid(cid);
  }

  /** Newest first. */
  async log(limit: number): Promise<readonly LogRow[]> {
    const rows: LogRow[] = [];
    if (limit <= 0) return rows;
    for await (const { value } of readable(this.#store, { ...arrivalRange(), reverse: true })) {
      const { author, first, count } = decodeArrivalRecord(value);
      const range = entryRange(author, first, first + count - 1);
      for await (const entry of readable(this.#store, { ...range, reverse: true, limit: limit - rows.length })) {
        rows.push(this.#logRow(toHex(author), Buffer.from(entry.key).readUInt32BE(entry.key.length - 4), entry.value));
      }
      if (rows.length >= limit) break;
    }
    return rows;
  }

  async #byName(name: string): Promise<readonly FileRow[]> {
    const found: { author: string; record: FileRecord }[] = [];
    for (const author of this.#authorIds()) {
      const record = await this.#store.get(fileKey(bytesOf(author), name));
      if (record !== undefined) found.push({ author, record: decodeFileRecord(record) });
    }
    const rank = (author: string): number => (author === this.#self ? 0 : 1);
    found.sort((a, b) => rank(a.author) - rank(b.author) || b.record.arrival - a.record.arrival);
    return Promise.all(found.slice(0, MAX_RESOLVED).map(({ author, record }) => this.#row(author, name, record)));
  }

  async #byCid(cid: Cid): Promise<readonly FileRow[]> {
    const rows: FileRow[] = [];
    for await (const key of this.#store.keys({ ...namedRange(digestOf(cid)), limit: MAX_RESOLVED })) {
      const author = key.subarray(key.length - AUTHOR_ID_BYTES - 4, key.length - 4);
      const seq = Buffer.from(key).readUInt32BE(key.length - 4);
      const record = await this.#store.get(entryKey(author, seq));
      if (record === undefined) continue;
      const entry = demandEntry(decodeLogRecord(record).entry);
      if (entry.kind !== "file" || !entry.cid.equals(cid)) continue;
      rows.push(await this.#row(toHex(author), entry.name, { cid, bytes: entry.bytes, seq, arrival: 0 }));
    }
    const own = rows.filter((row) => row.author === this.#self);
    return [...own, ...rows.filter((row) => row.author !== this.#self)];
  }

  async #rows(author: string, files: readonly { name: string; record: FileRecord }[]): Promise<readonly FileRow[]> {
    return Promise.all(files.map(({ name, record }) => this.#row(author, name, record)));
  }

  async #row(author: string, name: string, { cid, bytes, seq }: FileRecord): Promise<FileRow> {
    const held = await this.#blocks.holds(cid);
    return { name, cid, bytes, author, authorName: this.#nameOf(author), seq, held };
  }

  #logRow(author: string, seq: number, value: Uint8Array): LogRow {
    const { head, entry: bytes } = decodeLogRecord(value);
    const entry = demandEntry(bytes);
    const file = entry.kind === "file" ? { cid: entry.cid, bytes: entry.bytes } : { cid: undefined, bytes: 0 };
    return { author, authorName: this.#nameOf(author), seq, kind: entry.kind, name: entry.name, ...file, head };
  }

  #nameOf(author: string): string {
    return this.#ledger.committed.author(author)?.name ?? "";
  }

  /** Own first, then by id. */
  #authorIds(): readonly string[] {
    const others = [...this.#ledger.committed.authors.keys()].filter((id) => id !== this.#self).sort();
    return [this.#self, ...others];
  }
}

function bytesOf(author: string): Uint8Array {
  return fromHex(author) ?? new Uint8Array();
}

function demandEntry(bytes: Uint8Array): Entry {
  const entry = decodeEntry(bytes);
  if (!entry.ok) throw new AgentError("STORE_CORRUPT", `an entry of the log is damaged: ${entry.reason}`);
  return entry.value;
}
