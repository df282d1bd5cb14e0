/**
 * Our messages to and from the bytes of a radio packet. Layouts: `docs/protocol.md`.
 *
 * Each message has exactly one encoding, and `decodeMessage` takes no other, so that equal messages are equal bytes.
 * @module
 */
import { ByteReader, ByteWriter, copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import {
  AUTHOR_ID_BYTES,
  PREFIX_BYTES,
  SIGNATURE_BYTES,
  type Beacon,
  type Coded,
  type Get,
  type Message,
  type Update,
  type Want,
} from "./messages.ts";
import { flawOf } from "./rules.ts";

/** The largest payload of the radio, 231 bytes. */
export const MAX_MESSAGE_BYTES = 231;

/** The upper bits of the first byte: our mark, and version 1. The lower four are the message's number. */
const VERSION_1 = 0xc0;
const NUMBERS = { beacon: 1, update: 2, want: 3, get: 4, coded: 5 } as const satisfies Record<Message["type"], number>;

const PARTIAL = 0x80;
const OWN_FIRST = 0x40;
const AUTHORS_MASK = 0x1f;
const SIGNED = 0x80;
const ENTRIES_MASK = 0x1f;

/**
 * 1 … 231 bytes.
 * @throws AgentError "MESSAGE_TOO_LONG" above 231 bytes, "MESSAGE_INVALID" when a field is out of its range: faults of
 * ours both
 */
export function encodeMessage(message: Message): Bytes {
  const flaw = flawOf(message);
  if (flaw !== undefined) throw new AgentError("MESSAGE_INVALID", `a ${message.type} message can't be sent: ${flaw}`);
  const writer = new ByteWriter().u8(VERSION_1 | NUMBERS[message.type]);
  writeBody(writer, message);
  if (writer.length > MAX_MESSAGE_BYTES) {
    throw new AgentError("MESSAGE_TOO_LONG", `a ${message.type} message of ${writer.length} bytes does not fit 231`);
  }
  return writer.finish();
}

/** Never throws. The message is made of copies: it does not pin the bytes that it came from. */
export function decodeMessage(bytes: Uint8Array): Decoded<Message> {
  if (bytes.length > MAX_MESSAGE_BYTES) return refused("too long");
  const reader = new ByteReader(bytes);
  const message = readBody(reader, reader.u8());
  if (message === undefined) return refused("not ours");
  const flaw = reader.done() ?? flawOf(message);
  return flaw === undefined ? decoded(message) : refused(flaw);
}

function writeBody(writer: ByteWriter, message: Message): void {
  switch (message.type) {
    case "beacon":
      return writeBeacon(writer, message);
    case "update":
      return writeUpdate(writer, message);
    case "want":
      writer.bytes(message.author).varint(message.first).u8(message.count);
      return;
    case "get":
      writer.bytes(message.prefix).u8(message.symbols);
      return;
    case "coded":
      // Less one, so that the largest block takes two bytes and not three.
      writer.bytes(message.prefix).varint(message.blockBytes - 1);
      writer.u8(message.index).bytes(message.symbol);
  }
}

/** Undefined when the first byte is not that of a message of version 1. Failures are the reader's. */
function readBody(reader: ByteReader, first: number): Message | undefined {
  switch (first) {
    case VERSION_1 | NUMBERS.beacon:
      return readBeacon(reader);
    case VERSION_1 | NUMBERS.update:
      return readUpdate(reader);
    case VERSION_1 | NUMBERS.want:
      return readWant(reader);
    case VERSION_1 | NUMBERS.get:
      return readGet(reader);
    case VERSION_1 | NUMBERS.coded:
      return readCoded(reader);
    default:
      return undefined;
  }
}

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

function writeUpdate(writer: ByteWriter, { author, first, entries, signature }: Update): void {
  writer.u8((signature === undefined ? 0 : SIGNED) | (entries.length - 1));
  writer.bytes(author).varint(first);
  // The last entry ends where the message (or its signature) does: it needs no length.
  for (const [i, entry] of entries.entries()) {
    if (i < entries.length - 1) writer.u8(entry.length);
    writer.bytes(entry);
  }
  if (signature !== undefined) writer.bytes(signature);
}

function readUpdate(reader: ByteReader): Update {
  const head = reader.u8();
  if ((head & ~(SIGNED | ENTRIES_MASK)) !== 0) reader.fail("unknown flag");
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const first = reader.varint();
  const last = head & ENTRIES_MASK;
  const signatureBytes = (head & SIGNED) === 0 ? 0 : SIGNATURE_BYTES;
  const entries: Uint8Array[] = [];
  for (let i = 0; i <= last && reader.failure === undefined; i++) {
    const length = i < last ? reader.u8() : reader.remaining - signatureBytes;
    if (length < 1) reader.fail("empty entry");
    else entries.push(copyBytes(reader.take(length)));
  }
  const signature = signatureBytes === 0 ? undefined : copyBytes(reader.take(signatureBytes));
  return { type: "update", author, first, entries, signature };
}

function readWant(reader: ByteReader): Want {
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  return { type: "want", author, first: reader.varint(), count: reader.u8() };
}

function readGet(reader: ByteReader): Get {
  return { type: "get", prefix: copyBytes(reader.take(PREFIX_BYTES)), symbols: reader.u8() };
}

function readCoded(reader: ByteReader): Coded {
  const prefix = copyBytes(reader.take(PREFIX_BYTES));
  const blockBytes = reader.varint() + 1;
  return { type: "coded", prefix, blockBytes, index: reader.u8(), symbol: copyBytes(reader.rest()) };
}
