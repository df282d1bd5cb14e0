/** ALERT: a whole signed alert. @module */
import { type ByteReader, type ByteWriter, copyBytes, equalBytes } from "../kernel/bytes.ts";
import { authorId } from "../dag/author.ts";
import { AUTHOR_ID_BYTES, SIGNATURE_BYTES, within, type AuthorId, type MessageCodec } from "./message-codec.ts";

/** Needs nothing before it: with the key it can be checked by anybody, without by those who know the author. */
export interface Alert {
  readonly type: "alert";
  readonly author: AuthorId;
  /** The author's key (32 bytes), which takes the place of its id; undefined where it does not fit. */
  readonly publicKey: Uint8Array | undefined;
  /** 1 … 2^31 − 1. */
  readonly number: number;
  /** `alert/notice-codec.ts`; 8 … 157 bytes. */
  readonly body: Uint8Array;
  /** Ed25519 over `caye alert v1` ‖ author id ‖ number (u32) ‖ body. */
  readonly signature: Uint8Array;
}

const PUBLIC_KEY_BYTES = 32;
const MAX_NUMBER = 0x7fff_ffff;
/** Two bytes of flags, one of grades, four of time, and a text. */
const MIN_BODY_BYTES = 8;
export const MAX_BODY_BYTES = 157;

export const alertCodec: MessageCodec<Alert> = {
  type: "alert",
  number: 8,
  write: writeAlert,
  read: readAlert,
  flaw: flawOfAlert,
};

/** Bytes of the message around a body. */
export function alertOverheadBytes(number: number, withKey: boolean): number {
  let varintBytes = 1;
  for (let left = 2 * number + 1; left >= 0x80; left = Math.floor(left / 0x80)) varintBytes++;
  return 1 + varintBytes + (withKey ? PUBLIC_KEY_BYTES : AUTHOR_ID_BYTES) + SIGNATURE_BYTES;
}

function writeAlert(writer: ByteWriter, { author, publicKey, number, body, signature }: Alert): void {
  writer
    .varint(2 * number + (publicKey === undefined ? 0 : 1))
    .bytes(publicKey ?? author)
    .bytes(signature)
    .bytes(body);
}

function readAlert(reader: ByteReader): Alert {
  const head = reader.varint();
  const number = Math.floor(head / 2);
  const publicKey = head % 2 === 0 ? undefined : copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const author = publicKey === undefined ? copyBytes(reader.take(AUTHOR_ID_BYTES)) : authorId(publicKey);
  const signature = copyBytes(reader.take(SIGNATURE_BYTES));
  return { type: "alert", author, publicKey, number, body: copyBytes(reader.rest()), signature };
}

function flawOfAlert({ author, publicKey, number, body, signature }: Alert): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (publicKey !== undefined) {
    if (publicKey.length !== PUBLIC_KEY_BYTES) return "public key not 32 bytes";
    if (!equalBytes(author, authorId(publicKey))) return "key of another author";
  }
  if (!within(number, 1, MAX_NUMBER)) return "alert number out of range";
  if (signature.length !== SIGNATURE_BYTES) return "signature not 64 bytes";
  return within(body.length, MIN_BODY_BYTES, MAX_BODY_BYTES) ? undefined : "body not 8 to 157 bytes";
}
