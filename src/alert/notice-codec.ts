/**
 * The bytes of a notice: the body of an ALERT message, which its author signs.
 *
 * Layout, in this order (times are offsets from `sent`: zigzag minutes × 2, or zigzag seconds × 2 + 1 where they are not
 * whole minutes, as varints):
 * - u8: status (2 bits), message type (2), category (4; 15: a bitmap of 16 bits follows the third byte);
 * - u8: bit 0 expires, 1 effective, 2 onset, 3 references, 4 response types, 5 shapes, 6 full text elsewhere, 7 shortened;
 * - u8: severity × 25 + urgency × 5 + certainty, each by its place in CAP's list;
 * - u32 sent; then what the second byte names; then the texts (`notice-texts.ts`), packed (`codec/pack.ts`), to the end.
 *
 * References: count (u8), the first number and then the distances, varints. Response types: a bitmap as a varint. Full
 * text: 8 bytes. Shapes: `shapes-codec.ts`.
 * @module
 */
import {
  type ByteReader,
  ByteWriter,
  ByteReader as Reader,
  type Bytes,
  copyBytes,
  fromUtf8,
  utf8,
} from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { pack, unpack } from "../codec/pack.ts";
import { CATEGORIES, CERTAINTIES, RESPONSE_TYPES, SEVERITIES, URGENCIES } from "./cap.ts";
import { joinTexts, splitTexts, type JoinedTexts } from "./notice-texts.ts";
import {
  FULL_PREFIX_BYTES,
  MAX_REFERENCES,
  MAX_TEXT_BYTES,
  NOTICE_STATUSES,
  NOTICE_TYPES,
  type Notice,
} from "./notice.ts";
import { readShapes, unzigzag, writeShapes, zigzag } from "./shapes-codec.ts";

const EXPIRES = 0x01;
const EFFECTIVE = 0x02;
const ONSET = 0x04;
const REFERENCES = 0x08;
const RESPONSES = 0x10;
const SHAPES = 0x20;
const FULL = 0x40;
const SHORTENED = 0x80;

const SEVERAL = 15;
/** The largest offset that zigzag and the doubling leave of 32 bits. */
const MAX_OFFSET_S = 0x3fff_ffff;
const MAX_NUMBER = 0x7fff_ffff;

/** @throws AgentError "ALERT_TOO_LONG"; RangeError when a number has no place in the layout */
export function encodeNotice(notice: Notice): Bytes {
  const writer = new ByteWriter();
  writeHead(writer, notice);
  for (const offset of [notice.expiresS, notice.effectiveS, notice.onsetS]) writeOffset(writer, offset);
  if (notice.references.length > 0) writeReferences(writer, notice.references);
  if (notice.responseTypes.length > 0) writer.varint(bitmapOf(RESPONSE_TYPES, notice.responseTypes));
  if (notice.full !== undefined) writer.bytes(notice.full);
  if (hasShapes(notice)) writeShapes(writer, notice.shapes);
  const { note, texts, shapes } = notice;
  const joined = utf8(joinTexts({ note, texts, geocodes: shapes.map(({ geocodes }) => geocodes) }));
  if (joined.length > MAX_TEXT_BYTES)
    throw new AgentError("ALERT_TOO_LONG", "the alert's texts are too long for a packet");
  return writer.bytes(pack(joined)).finish();
}

/** {@link encodeNotice} of what may not be fit for it: checked by decoding it again. @throws AgentError "ALERT_INVALID" */
export function encodeChecked(notice: Notice): Bytes {
  try {
    const body = encodeNotice(notice);
    const again = decodeNotice(body);
    if (again.ok) return body;
    throw new AgentError("ALERT_INVALID", `the alert can't be sent: ${again.reason}`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AgentError("ALERT_INVALID", "the alert can't be sent: a time or a place is out of range", {
      cause: error,
    });
  }
}

function writeHead(writer: ByteWriter, notice: Notice): void {
  const several = notice.categories.length !== 1;
  const [category = "Other"] = notice.categories;
  const kind = NOTICE_STATUSES.indexOf(notice.status) * 4 + NOTICE_TYPES.indexOf(notice.msgType);
  const grades =
    SEVERITIES.indexOf(notice.severity) * 25 +
    URGENCIES.indexOf(notice.urgency) * 5 +
    CERTAINTIES.indexOf(notice.certainty);
  writer
    .u8(kind * 16 + (several ? SEVERAL : CATEGORIES.indexOf(category)))
    .u8(flagsOf(notice))
    .u8(grades);
  if (several) writer.u16(bitmapOf(CATEGORIES, notice.categories));
  writer.u32(notice.sentUnixS);
}

function flagsOf(notice: Notice): number {
  return (
    (notice.expiresS === undefined ? 0 : EXPIRES) |
    (notice.effectiveS === undefined ? 0 : EFFECTIVE) |
    (notice.onsetS === undefined ? 0 : ONSET) |
    (notice.references.length === 0 ? 0 : REFERENCES) |
    (notice.responseTypes.length === 0 ? 0 : RESPONSES) |
    (hasShapes(notice) ? SHAPES : 0) |
    (notice.full === undefined ? 0 : FULL) |
    (notice.shortened ? SHORTENED : 0)
  );
}

function hasShapes({ shapes }: Notice): boolean {
  return shapes.some(({ polygons, circles }) => polygons.length + circles.length > 0);
}

function writeOffset(writer: ByteWriter, offsetS: number | undefined): void {
  if (offsetS === undefined) return;
  writer.varint(offsetS % 60 === 0 ? 2 * zigzag(offsetS / 60) : 2 * zigzag(offsetS) + 1);
}

function writeReferences(writer: ByteWriter, references: readonly number[]): void {
  writer.u8(references.length);
  let before = 0;
  for (const number of references) {
    writer.varint(number - before);
    before = number;
  }
}

/** Total: hostile bytes give a reason. What comes back is made of copies. */
export function decodeNotice(body: Uint8Array): Decoded<Notice> {
  const reader = new Reader(body);
  const head = readHead(reader);
  const has = <T>(flag: number, read: (reader: ByteReader) => T): T | undefined =>
    (head.flags & flag) === 0 ? undefined : read(reader);
  const expiresS = has(EXPIRES, readOffset);
  const effectiveS = has(EFFECTIVE, readOffset);
  const onsetS = has(ONSET, readOffset);
  const references = has(REFERENCES, readReferences) ?? [];
  const responseTypes = has(RESPONSES, () => readBitmap(reader, RESPONSE_TYPES, reader.varint())) ?? [];
  const full = has(FULL, () => copyBytes(reader.take(FULL_PREFIX_BYTES)));
  const drawn = has(SHAPES, readShapes) ?? [];
  if (expiresS !== undefined && expiresS < 0) reader.fail("expires before it is sent");
  if (head.msgType !== "Alert" && references.length === 0) reader.fail("update or cancel of nothing");
  if (reader.failure !== undefined) return refused(reader.failure);
  const split = readTexts(reader.rest());
  if (!split.ok) return split;
  const { note, texts, geocodes } = split.value;
  const length = Math.max(drawn.length, geocodes.findLastIndex((codes) => codes.length > 0) + 1);
  const shapes = Array.from({ length }, (_, i) => ({
    polygons: drawn[i]?.polygons ?? [],
    circles: drawn[i]?.circles ?? [],
    geocodes: geocodes[i] ?? [],
  }));
  const { flags, ...said } = head;
  const shortened = (flags & SHORTENED) !== 0;
  const times = { expiresS, effectiveS, onsetS };
  return decoded({ ...said, ...times, references, responseTypes, note, texts, shapes, full, shortened });
}

function readTexts(bytes: Uint8Array): Decoded<JoinedTexts> {
  const packed = unpack(bytes, MAX_TEXT_BYTES);
  if (!packed.ok) return refused("texts can't be unpacked");
  const text = fromUtf8(packed.value);
  return text === undefined ? refused("texts not UTF-8") : splitTexts(text);
}

function readHead(reader: ByteReader) {
  const first = reader.u8();
  const flags = reader.u8();
  const grades = reader.u8();
  const status = NOTICE_STATUSES[first >> 6];
  const msgType = NOTICE_TYPES[(first >> 4) & 3];
  if (msgType === undefined) reader.fail("unknown message type");
  if (grades >= 125) reader.fail("unknown severity");
  const severity = SEVERITIES[Math.floor(grades / 25)];
  const urgency = URGENCIES[Math.floor(grades / 5) % 5];
  const certainty = CERTAINTIES[grades % 5];
  const single = CATEGORIES[first & 15];
  if ((first & 15) !== SEVERAL && single === undefined) reader.fail("unknown category");
  const categories =
    (first & 15) === SEVERAL ? readBitmap(reader, CATEGORIES, reader.u16()) : single === undefined ? [] : [single];
  if ((first & 15) === SEVERAL && categories.length < 2) reader.fail("several categories that are none");
  const grading = {
    severity: severity ?? "Unknown",
    urgency: urgency ?? "Unknown",
    certainty: certainty ?? "Unknown",
  } as const;
  const sentUnixS = reader.u32();
  return { flags, status: status ?? "Actual", msgType: msgType ?? "Alert", ...grading, categories, sentUnixS } as const;
}

function readOffset(reader: ByteReader): number {
  const code = reader.varint();
  const value = unzigzag(Math.floor(code / 2));
  const offsetS = code % 2 === 0 ? value * 60 : value;
  if (code % 2 === 1 && offsetS % 60 === 0) reader.fail("offset not in its shortest form");
  if (Math.abs(offsetS) > MAX_OFFSET_S) reader.fail("offset out of range");
  return offsetS === 0 ? 0 : offsetS;
}

function readReferences(reader: ByteReader): number[] {
  const count = reader.u8();
  if (count < 1 || count > MAX_REFERENCES) reader.fail("not one to eight references");
  const references: number[] = [];
  let number = 0;
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    const step = reader.varint();
    number += step;
    if (step < 1 || number > MAX_NUMBER) reader.fail("references not rising");
    references.push(number);
  }
  return references;
}

function readBitmap<T>(reader: ByteReader, list: readonly T[], bits: number): T[] {
  if (bits < 1 || bits >= 2 ** list.length) reader.fail("unknown bit");
  return list.filter((_, i) => (bits & (1 << i)) !== 0);
}

function bitmapOf<T>(list: readonly T[], chosen: readonly T[]): number {
  return list.reduce((bits, item, i) => bits | (chosen.includes(item) ? 1 << i : 0), 0);
}
