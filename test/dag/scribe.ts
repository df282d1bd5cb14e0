/** An author without a shard, for what an honest node would not do. @module */
import { type Author, authorFromSeed } from "../../src/dag/author.ts";
import { prefixOf } from "../../src/dag/block-ref.ts";
import { sha256 } from "../../src/dag/cid.ts";
import { type FileEntry, encodeEntry } from "../../src/dag/entry.ts";
import { firstHead, nextHead, signHead } from "../../src/dag/index-log.ts";
import { type Bytes, utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";

export class Scribe {
  readonly author: Author;
  readonly entries: Bytes[];

  constructor(seed: number, files: number, variant = "") {
    this.author = authorFromSeed(seeded(seed).random.bytes(32));
    this.entries = [encodeEntry({ kind: "author", publicKey: this.author.publicKey, name: `scribe ${seed}` })];
    for (let i = 0; i < files; i++) this.add(`file ${i}${variant}`);
  }

  get id(): Uint8Array {
    return this.author.id;
  }

  add(name: string): void {
    this.entries.push(encodeEntry(fileCalled(name)));
  }

  signature(count: number): Bytes {
    return signHead(this.author, count, this.head(count));
  }

  head(count: number): Bytes {
    return this.entries.slice(0, count).reduce<Bytes>(nextHead, firstHead(this.author.publicKey));
  }

  /** Entries `first` … `last`, signed at the end or not. */
  update(first: number, last: number, signed = true): [Uint8Array, number, readonly Bytes[], Bytes | undefined] {
    return [this.id, first, this.entries.slice(first - 1, last), signed ? this.signature(last) : undefined];
  }
}

/** A file of its own name's bytes, that does not ride inside its entry. */
export function fileCalled(name: string): FileEntry {
  const prefix = prefixOf(sha256(utf8(name)));
  return { kind: "file", codec: "raw", prefix, bytes: utf8(name).length, name, content: undefined };
}
