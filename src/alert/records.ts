/**
 * Alerts in the store: keys and values. Our own bytes, yet decoded as if they came from a stranger.
 *
 * Keys: `A` ‖ author (8) ‖ number (u32) → the alert; `F` ‖ author → the author's numbers that are over (`numbers.ts`);
 * `N` → the last number of this node's own. These first bytes are no kinds of the shard's.
 * @module
 */
import { ByteReader, ByteWriter, type Bytes, concatBytes, copyBytes } from "../kernel/bytes.ts";
import type { Range } from "../ports/store.ts";
import { MAX_ALERT_NUMBER, type SignedAlert } from "./signed-alert.ts";

const ALERT_KIND = 0x41;
const OVER_KIND = 0x46;
const VERSION = 1;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HAS_KEY = 1;

export const OWN_NUMBER_KEY = Uint8Array.of(0x4e);

export interface AlertRecord {
  readonly alert: SignedAlert;
  readonly heardAtMs: number;
  readonly acknowledgedAtMs: number | undefined;
}

export function alertKey({ author, number }: Pick<SignedAlert, "author" | "number">): Bytes {
  return concatBytes(Uint8Array.of(ALERT_KIND), author, new ByteWriter().u32(number).finish());
}

export function overKey(author: Uint8Array): Bytes {
  return concatBytes(Uint8Array.of(OVER_KIND), author);
}

export const ALERT_RANGE: Range = { from: Uint8Array.of(ALERT_KIND), until: Uint8Array.of(ALERT_KIND + 1) };
export const OVER_RANGE: Range = { from: Uint8Array.of(OVER_KIND), until: Uint8Array.of(OVER_KIND + 1) };

export function encodeAlertRecord({ alert, heardAtMs, acknowledgedAtMs }: AlertRecord): Bytes {
  const { author, publicKey, number, body, signature } = alert;
  const writer = new ByteWriter().u8(VERSION).u8(publicKey === undefined ? 0 : HAS_KEY);
  writer
    .u64(BigInt(heardAtMs))
    .u64(BigInt(acknowledgedAtMs ?? 0))
    .bytes(author)
    .u32(number)
    .bytes(signature);
  return writer
    .bytes(publicKey ?? new Uint8Array(0))
    .bytes(body)
    .finish();
}

/** Undefined for what we did not write. */
export function decodeAlertRecord(bytes: Uint8Array): AlertRecord | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return undefined;
  const flags = reader.u8();
  const heardAtMs = Number(reader.u64());
  const acknowledged = Number(reader.u64());
  const author = copyBytes(reader.take(8));
  const number = reader.u32();
  const signature = copyBytes(reader.take(SIGNATURE_BYTES));
  const publicKey = flags === HAS_KEY ? copyBytes(reader.take(KEY_BYTES)) : undefined;
  const body = copyBytes(reader.rest());
  if (reader.done() !== undefined || flags > HAS_KEY || number < 1 || number > MAX_ALERT_NUMBER) return undefined;
  const acknowledgedAtMs = acknowledged === 0 ? undefined : acknowledged;
  return { alert: { author, publicKey, number, body, signature }, heardAtMs, acknowledgedAtMs };
}

export function encodeOwnNumber(number: number): Bytes {
  return new ByteWriter().u32(number).finish();
}

/** 0 for what we did not write. */
export function decodeOwnNumber(bytes: Uint8Array | undefined): number {
  const reader = new ByteReader(bytes ?? new Uint8Array(0));
  const number = reader.u32();
  return reader.done() === undefined ? number : 0;
}
