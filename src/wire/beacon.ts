/** BEACON: who holds how much. @module */
import { type ByteReader, type ByteWriter, copyBytes, equalBytes, toHex } from "../kernel/bytes.ts";
import { AUTHOR_ID_BYTES, MAX_SEQUENCE, within, type AuthorId, type MessageCodec } from "./message-codec.ts";

/** What its sender holds of each author's index log. Says which neighbour lacks what. */
export interface Beacon {
  readonly type: "beacon";
  readonly sender: AuthorId;
  /** True when the vector did not fit: an author that is not named is then not one that the sender lacks. */
  readonly partial: boolean;
  /** At most {@link MAX_BEACON_AUTHORS}; `count` entries are held, from sequence 1, without a gap. */
  readonly vector: readonly { readonly author: AuthorId; readonly count: number }[];
}

export const MAX_BEACON_AUTHORS = 24;

const PARTIAL = 0x80;
const OWN_FIRST = 0x40;
const AUTHORS_MASK = 0x1f;

export const beaconCodec: MessageCodec<Beacon> = {
  type: "beacon",
  number: 1,
  write: writeBeacon,
  read: readBeacon,
  flaw: flawOfBeacon,
};

function writeBeacon(writer: ByteWriter, { sender, partial, vector }: Beacon): void {
  // The sender mostly names its own log first: its id then need not come twice.
  const ownFirst = vector[0] !== undefined && equalBytes(vector[0].author, sender);
  writer.u8((partial ? PARTIAL : 0) | (ownFirst ? OWN_FIRST : 0) | vector.length).bytes(sender);
  for (const [i, { author, count }] of vector.entries()) {
    if (i > 0 || !ownFirst) writer.bytes(author);
    writer.varint(count);
  }
}

function readBeacon(reader: ByteReader): Beacon {
  const head = reader.u8();
  if ((head & ~(PARTIAL | OWN_FIRST | AUTHORS_MASK)) !== 0) reader.fail("unknown flag");
  const sender = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const ownFirst = (head & OWN_FIRST) !== 0;
  const length = head & AUTHORS_MASK;
  if (ownFirst && length === 0) reader.fail("own log of an empty vector");
  const vector: { author: Uint8Array; count: number }[] = [];
  for (let i = 0; i < length && reader.failure === undefined; i++) {
    const author = ownFirst && i === 0 ? sender : copyBytes(reader.take(AUTHOR_ID_BYTES));
    if (!ownFirst && i === 0 && equalBytes(author, sender)) reader.fail("own log not in its short form");
    vector.push({ author, count: reader.varint() });
  }
  return { type: "beacon", sender, partial: (head & PARTIAL) !== 0, vector };
}

function flawOfBeacon({ sender, vector }: Beacon): string | undefined {
  if (sender.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (vector.length > MAX_BEACON_AUTHORS) return "too many authors";
  const seen = new Set<string>();
  for (const { author, count } of vector) {
    if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
    if (!within(count, 0, MAX_SEQUENCE)) return "count out of range";
    seen.add(toHex(author));
  }
  return seen.size === vector.length ? undefined : "author named twice";
}
