/** TRUST: a node tells, signed, that it lost trust in itself or in a neighbour, or that all is well again. @module */
import { copyBytes, equalBytes, type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { AUTHOR_ID_BYTES, SIGNATURE_BYTES, within, type AuthorId, type MessageCodec } from "./message-codec.ts";

/** In the order of their numbers on air. */
export const TRUST_KINDS = ["attestation", "entropy", "selftest", "recovered"] as const;
export type TrustKind = (typeof TRUST_KINDS)[number];

export interface Trust {
  readonly type: "trust";
  /** Whose word it is. */
  readonly author: AuthorId;
  /** Rises with each TRUST of the author: 1 … 2^31 − 1. */
  readonly number: number;
  readonly kind: TrustKind;
  /** Who it is about; the author itself when undefined. */
  readonly subject: AuthorId | undefined;
  /** Of an attestation: place from 1 in `ATTEST_REASONS` of `kernel/attest.ts`; 0 tells none. 0 … 255. */
  readonly reason: number;
  /** Unix time in s; 0: the author's clock was not set. */
  readonly atS: number;
  /** Ed25519, see `exchange/trust-words.ts`. */
  readonly signature: Uint8Array;
}

const MAX_NUMBER = 0x7fff_ffff;

export const trustCodec: MessageCodec<Trust> = {
  type: "trust",
  number: 15,
  write: writeTrust,
  read: readTrust,
  flaw: flawOfTrust,
};

function writeTrust(writer: ByteWriter, { author, number, kind, subject, reason, atS, signature }: Trust): void {
  writer
    .u8(2 * TRUST_KINDS.indexOf(kind) + (subject === undefined ? 0 : 1))
    .u8(reason)
    .bytes(author)
    .varint(number)
    .u32(atS)
    .bytes(subject ?? new Uint8Array(0))
    .bytes(signature);
}

function readTrust(reader: ByteReader): Trust {
  const head = reader.u8();
  const kind = TRUST_KINDS[head >> 1];
  if (kind === undefined) reader.fail("kind of trust unknown");
  const reason = reader.u8();
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const number = reader.varint();
  const atS = reader.u32();
  const subject = head % 2 === 0 ? undefined : copyBytes(reader.take(AUTHOR_ID_BYTES));
  const signature = copyBytes(reader.take(SIGNATURE_BYTES));
  return { type: "trust", author, number, kind: kind ?? "recovered", subject, reason, atS, signature };
}

function flawOfTrust({ author, number, kind, subject, reason, atS, signature }: Trust): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (!within(number, 1, MAX_NUMBER)) return "trust number out of range";
  if (!TRUST_KINDS.includes(kind)) return "kind of trust unknown";
  if (subject !== undefined) {
    if (subject.length !== AUTHOR_ID_BYTES) return "subject not 8 bytes";
    if (equalBytes(subject, author)) return "own subject named";
  }
  if (!within(reason, 0, 0xff)) return "reason out of range";
  if (!within(atS, 0, 0xffff_ffff)) return "time out of range";
  return signature.length === SIGNATURE_BYTES ? undefined : "signature not 64 bytes";
}
