/** The index of a village far larger than any that one radio cell will see: many authors with long logs. @module */
import { packText } from "../../src/codec/short-text.ts";
import { type Author, authorFromSeed } from "../../src/dag/author.ts";
import { refOf } from "../../src/dag/block-ref.ts";
import { cidOf, sha256 } from "../../src/dag/cid.ts";
import { encodeEntry, fileEntry } from "../../src/dag/entry.ts";
import { firstHead, nextHead, signHead } from "../../src/dag/index-log.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { type Bytes, ByteWriter, utf8 } from "../../src/kernel/bytes.ts";

/** Entries under one signature, as an author makes them in a busy hour. */
const BATCH = 10;
/** Different names; each author has some of them. */
const NAMES = 10_000;
/** Different short files. */
const INSIDE = 1_000;
/** Of so many files one is short, and rides inside its entry. */
const INSIDE_EACH = 10;
const LANES = 64;

export interface Writer {
  readonly author: Author;
  readonly hex: string;
  /** Head after `count` entries. */
  readonly head: Bytes;
  readonly count: number;
}

/** The same each time: a writer that goes on where {@link fill} has stopped. */
export class BigVillage {
  readonly #names: readonly Bytes[];
  readonly #inside: readonly Bytes[];
  readonly #entries: number;
  readonly writers: readonly Writer[];

  /** @param entries of each author, the one that introduces it included */
  constructor(authors: number, entries: number) {
    this.#entries = entries;
    this.#names = Array.from({ length: NAMES }, (_, i) => packText(textOf(i)));
    this.#inside = Array.from({ length: INSIDE }, (_, i) => insideEntry(i));
    this.writers = Array.from({ length: authors }, (_, i) => {
      const author = authorFromSeed(sha256(utf8(`author ${i}`)));
      const head = this.#log(author, i).reduce<Bytes>(nextHead, firstHead(author.publicKey));
      return { author, hex: Buffer.from(author.id).toString("hex"), head, count: entries };
    });
  }

  /** Merges all of it, as if it had come from the air. */
  async fill(shard: Shard): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let i = next++; i < this.writers.length; i = next++) await this.#merge(shard, i);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** What author `i` writes as its `seq`-th entry. */
  entry(i: number, seq: number): Bytes {
    const inside = this.#inside[(37 * i + seq) % INSIDE];
    if (seq % INSIDE_EACH === 0 && inside !== undefined) return inside;
    const packed = this.#names[(37 * i + seq) % NAMES] ?? packText(textOf(0));
    const digest = sha256(utf8(`file ${i}/${seq}`)).subarray(0, 16);
    return new ByteWriter().u16(1_500).bytes(digest).bytes(packed).finish();
  }

  name(i: number, seq: number): string {
    return textOf((37 * i + seq) % (seq % INSIDE_EACH === 0 ? INSIDE : NAMES));
  }

  #log(author: Author, i: number): Bytes[] {
    const first = encodeEntry({ kind: "author", publicKey: author.publicKey, name: `house ${i}` });
    return [first, ...Array.from({ length: this.#entries - 1 }, (_, k) => this.entry(i, k + 2))];
  }

  async #merge(shard: Shard, i: number): Promise<void> {
    const writer = this.writers[i];
    if (writer === undefined) return;
    const { author } = writer;
    const log = this.#log(author, i);
    let head = firstHead(author.publicKey);
    for (let from = 0; from < log.length; from += BATCH) {
      const batch = log.slice(from, from + BATCH);
      head = batch.reduce<Bytes>(nextHead, head);
      const signature = signHead(author, from + batch.length, head);
      const verdict = await shard.merge(author.id, from + 1, batch, signature);
      if (verdict.kind !== "merged") throw new Error(`could not merge: ${JSON.stringify(verdict)}`);
    }
  }
}

function textOf(i: number): string {
  return `water ${i} at the well.txt`;
}

function insideEntry(i: number): Bytes {
  const content = utf8(`Well ${i} is open until noon.`);
  return encodeEntry(fileEntry(textOf(i), refOf(cidOf("raw", content)), content));
}
