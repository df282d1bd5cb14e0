/**
 * What there is, for people: files by name and by entry, and the entries of all logs as they came.
 * @module
 */
import { fromHex, fromUtf8, toHex } from "../kernel/bytes.ts";
import type { Store } from "../ports/store.ts";
import type { Blocks } from "./blocks.ts";
import type { HeldDigests } from "./held-digests.ts";
import { authorId } from "./author.ts";
import {
  arrivalRange,
  authorOfTitle,
  entryKey,
  entryRange,
  fileKey,
  fileRange,
  handoverKey,
  handoverRange,
  seqOfKey,
  titleRange,
} from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import {
  type FileRecord,
  decodeArrivalRecord,
  decodeFileRecord,
  decodeHandoverRecord,
  decodeLogRecord,
} from "./records.ts";
import { readable } from "./readable.ts";
import type { FileRow, HandoverRow, LogRow } from "./shard.ts";

/** Rows whose blocks are looked up at a time. */
const STRIDE = 64;
/** At most so many answers to one question. */
export const MAX_RESOLVED = 256;

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
    const names = await this.#blocks.namesFor(this.#ledger.committed.totals().files);
    for (const author of this.authorIds()) {
      let stride: { name: string; record: FileRecord }[] = [];
      for await (const { key, value } of readable(this.#store, fileRange(bytesOf(author)))) {
        const name = fromUtf8(key.subarray(1 + AUTHOR_ID_BYTES)) ?? "";
        if (stride.push({ name, record: decodeFileRecord(value) }) < STRIDE) continue;
        yield* await this.#rows(author, stride, names);
        stride = [];
      }
      yield* await this.#rows(author, stride, names);
    }
  }

  /** Newest first. */
  async log(limit: number): Promise<readonly LogRow[]> {
    const rows: LogRow[] = [];
    if (limit <= 0) return rows;
    const names = await this.#blocks.namesFor(Math.min(limit, this.#ledger.committed.totals().files));
    for await (const { value } of readable(this.#store, { ...arrivalRange(), reverse: true })) {
      const { author, first, count } = decodeArrivalRecord(value);
      const range = entryRange(author, first, first + count - 1);
      for await (const entry of readable(this.#store, { ...range, reverse: true, limit: limit - rows.length })) {
        rows.push(await this.#logRow(toHex(author), seqOfKey(entry.key), entry.value, names));
      }
      if (rows.length >= limit) break;
    }
    return rows;
  }

  async *handovers(): AsyncGenerator<HandoverRow> {
    for await (const { key, value } of readable(this.#store, handoverRange())) {
      const { seq, successor } = decodeHandoverRecord(value);
      const from = toHex(key.subarray(1));
      const { count = seq, quarantined = false } = this.#ledger.committed.author(from) ?? {};
      yield { from, to: toHex(authorId(successor)), seq, ignored: count - seq, contested: quarantined };
    }
  }

  /** The newest version of that name, of every author who has one. */
  async named(name: string): Promise<readonly FileRow[]> {
    const found: { author: string; record: FileRecord }[] = [];
    for await (const key of this.#store.keys(titleRange(name))) {
      const author = authorOfTitle(key);
      const record = await this.#store.get(fileKey(author, name));
      if (record !== undefined) found.push({ author: toHex(author), record: decodeFileRecord(record) });
    }
    const rank = (author: string): number => (author === this.#self ? 0 : 1);
    found.sort((a, b) => rank(a.author) - rank(b.author) || b.record.arrival - a.record.arrival);
    return Promise.all(
      found.slice(0, MAX_RESOLVED).map(({ author, record }) => this.#row(author, { name, ...record })),
    );
  }

  /** The file that one entry announces; undefined when there is no such entry, or it is of another kind. */
  async entryRow(author: string, seq: number): Promise<FileRow | undefined> {
    const record = await this.#store.get(entryKey(bytesOf(author), seq));
    const summary = record === undefined ? undefined : decodeLogRecord(record).summary;
    return summary?.kind === "file" ? this.#row(author, { ...summary, seq }) : undefined;
  }

  /** Own first, then by id. */
  authorIds(): readonly string[] {
    const others = [...this.#ledger.committed.authors.ids()].filter((id) => id !== this.#self).sort();
    return [this.#self, ...others];
  }

  async #rows(
    author: string,
    files: readonly { name: string; record: FileRecord }[],
    names: HeldDigests | undefined,
  ): Promise<readonly FileRow[]> {
    return Promise.all(files.map(({ name, record }) => this.#row(author, { name, ...record }, names)));
  }

  async #row(author: string, { name, codec, prefix, bytes, seq }: FileFacts, names?: HeldDigests): Promise<FileRow> {
    const { cid, held } = await this.#blocks.stateOf({ codec, digest: prefix }, names);
    const ref = `${author}/${seq}`;
    return { name, codec, prefix, cid, bytes, author, authorName: this.#nameOf(author), seq, ref, held };
  }

  async #logRow(author: string, seq: number, value: Uint8Array, names: HeldDigests | undefined): Promise<LogRow> {
    const { head, summary } = decodeLogRecord(value);
    const row = { author, authorName: this.#nameOf(author), seq, kind: summary.kind, head };
    if (summary.kind !== "file") {
      const { kind, name = "" } = summary.kind === "author" ? summary : await this.#otherKind(author, seq);
      return { ...row, kind, name, prefix: undefined, cid: undefined, bytes: 0 };
    }
    const { codec, prefix, bytes, name } = summary;
    return { ...row, name, prefix, cid: await this.#blocks.cidOf({ codec, digest: prefix }, names), bytes };
  }

  /** What an entry is that is no file, and does not introduce its author. */
  async #otherKind(author: string, seq: number): Promise<Partial<Pick<LogRow, "name">> & Pick<LogRow, "kind">> {
    const record = await this.#store.get(handoverKey(bytesOf(author)));
    const handover = record === undefined ? undefined : decodeHandoverRecord(record);
    if (handover === undefined || seq < handover.seq) return { kind: "other" };
    if (seq > handover.seq) return { kind: "ignored" };
    return { kind: "handover", name: toHex(authorId(handover.successor)) };
  }

  #nameOf(author: string): string {
    return this.#ledger.committed.author(author)?.name ?? "";
  }
}

/** What an entry says of a file. */
type FileFacts = Pick<FileRow, "name" | "codec" | "prefix" | "bytes" | "seq">;

function bytesOf(author: string): Uint8Array {
  return fromHex(author) ?? new Uint8Array();
}
