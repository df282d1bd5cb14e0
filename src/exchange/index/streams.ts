/**
 * Streams: new entries of one author as bytes, which slots are cut from.
 *
 * Each entry with its length before it (u8), then the author's signature over the head after the last (64 bytes). Whoever
 * holds the entries and that signature makes the same bytes. Without a signature (none is held for just that head) the
 * stream ends with the entries; the slots then tell, for a signature does not fit into what is left of one.
 * @module
 */
import { concatBytes, copyBytes, type Bytes } from "../../kernel/bytes.ts";
import type { Shard } from "../../dag/shard.ts";
import { SIGNATURE_BYTES } from "../../wire/message-codec.ts";
import { SLOT_BYTES } from "../../wire/holdings.ts";

/** Entries `from + 1` … `to` of one log. */
export interface Stretch {
  /** The author's id in hex. */
  readonly hex: string;
  readonly id: Bytes;
  readonly from: number;
  readonly to: number;
}

export interface Stream extends Stretch {
  readonly bytes: Bytes;
}

/** Bytes of streams that are kept for the next packet. */
const CACHE_BYTES = 524_288;
const MOST_TRIES = 4;

export class Streams {
  readonly #shard: Pick<Shard, "entries">;
  readonly #kept = new Map<string, Stream>();
  #keptBytes = 0;

  constructor(shard: Pick<Shard, "entries">) {
    this.#shard = shard;
  }

  /** Just that stretch, signed; undefined when no signature is held for its end. */
  async whole(stretch: Stretch): Promise<Stream | undefined> {
    const key = `${stretch.hex}/${stretch.from}/${stretch.to}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const read = await this.#read(stretch);
    const stream = read?.signed === true && read.to === stretch.to ? read : undefined;
    // What is unsigned today may be signed tomorrow: only streams are kept.
    if (stream !== undefined) this.#keep(key, stream);
    return stream;
  }

  /** As much of the stretch as fits so many slots, up to a signature if there is one; undefined when nothing does. */
  async fitting(stretch: Stretch, mostSlots: number): Promise<Stream | undefined> {
    let { to } = stretch;
    for (let tries = 0; tries < MOST_TRIES && to > stretch.from; tries++) {
      const stream = (await this.whole({ ...stretch, to })) ?? (await this.#read({ ...stretch, to }));
      if (stream === undefined) return undefined;
      const slots = slotsOf(stream.bytes);
      if (slots <= mostSlots) return stream;
      const part = Math.floor(((stream.to - stretch.from) * mostSlots) / slots);
      to = stretch.from + Math.min(part, stream.to - stretch.from - 1);
    }
    return undefined;
  }

  /** The beginning of a stretch as far as its entries are held, without a signature. @param held entries of that log */
  async beginning(stretch: Stretch, held: number): Promise<Bytes> {
    const { from, to } = stretch;
    if (held <= from) return new Uint8Array();
    // Reading ends where the author signed: so read on to the end, and cut here.
    const { entries } = await this.#shard.entries(stretch.id, from + 1, held - from);
    return frame(entries.slice(0, to - from));
  }

  async #read({ hex, id, from, to }: Stretch): Promise<(Stream & { readonly signed: boolean }) | undefined> {
    const { entries, signature } = await this.#shard.entries(id, from + 1, to - from);
    if (entries.length === 0) return undefined;
    const bytes = signature === undefined ? frame(entries) : concatBytes(frame(entries), signature);
    return { hex, id, from, to: from + entries.length, bytes, signed: signature !== undefined };
  }

  #keep(key: string, stream: Stream): void {
    this.#kept.set(key, stream);
    this.#keptBytes += stream.bytes.length;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#keptBytes <= CACHE_BYTES) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytes.length;
    }
  }
}

export function slotsOf(stream: Uint8Array): number {
  return Math.ceil(stream.length / SLOT_BYTES);
}

/** One slot; the last is filled up with zeros. */
export function slotAt(stream: Uint8Array, index: number): Uint8Array {
  const slot = stream.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES);
  if (slot.length === SLOT_BYTES) return slot;
  const filled = new Uint8Array(SLOT_BYTES);
  filled.set(slot);
  return filled;
}

/** Entries and signature of a stream of so many entries, from its slots or itself; undefined when it is none. */
export function parseStream(
  bytes: Uint8Array,
  delta: number,
): { readonly entries: Bytes[]; readonly signature: Bytes | undefined } | undefined {
  const entries: Bytes[] = [];
  let at = 0;
  for (let i = 0; i < delta; i++) {
    const length = bytes[at] ?? 0;
    if (length === 0 || at + 1 + length > bytes.length) return undefined;
    entries.push(copyBytes(bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const left = bytes.length - at;
  const signed = left >= SIGNATURE_BYTES;
  const end = signed ? at + SIGNATURE_BYTES : at;
  if (bytes.length - end >= SLOT_BYTES || bytes.subarray(end).some((byte) => byte !== 0)) return undefined;
  return { entries, signature: signed ? copyBytes(bytes.subarray(at, end)) : undefined };
}

function frame(entries: readonly Uint8Array[]): Bytes {
  return concatBytes(...entries.flatMap((entry) => [Uint8Array.of(entry.length), entry]));
}
