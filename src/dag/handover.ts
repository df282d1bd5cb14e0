/**
 * A log's last word: who goes on for its author, under another key. It stands in the log of the old key only, so that it is
 * believed as that log is: two of them that differ are a fork like any other.
 *
 * 0xC4; the successor's Ed25519 public key (32); the successor's signature (64) over "caye handover v1" ‖ the public key of
 * the log it stands in. The old key signs it with its log's head, and with that also which key it is, and where the log ends.
 * @module
 */
import { type Bytes, ByteReader, concatBytes, copyBytes, equalBytes, utf8 } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { type Ed25519Signer, SIGNATURE_BYTES, verifyEd25519 } from "../kernel/ed25519.ts";
import { PUBLIC_KEY_BYTES } from "./entry.ts";

const HANDOVER = 0xc4;

export interface Handover {
  readonly kind: "handover";
  /** Public key of who goes on, 32 bytes. */
  readonly successor: Bytes;
  /** By the successor, 64 bytes. */
  readonly signature: Bytes;
}

/** @param predecessor public key of the log that ends with it, 32 bytes */
export function encodeHandover(predecessor: Uint8Array, successor: Ed25519Signer): Bytes {
  const signature = successor.sign(messageTo(predecessor));
  return concatBytes(Uint8Array.of(HANDOVER), successor.publicKey, signature);
}

/** The form only: {@link isAgreed} says whether it is to be believed. */
export function decodeHandover(entry: Uint8Array): Decoded<Handover> {
  const reader = new ByteReader(entry);
  if (reader.u8() !== HANDOVER) reader.fail("no handover");
  const successor = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const signature = copyBytes(reader.take(SIGNATURE_BYTES));
  const failure = reader.done();
  return failure === undefined ? decoded({ kind: "handover", successor, signature }) : refused(failure);
}

/** True when the successor has agreed to go on for this author, and is not that author. */
export function isAgreed({ successor, signature }: Handover, predecessor: Uint8Array): boolean {
  return !equalBytes(successor, predecessor) && verifyEd25519(successor, messageTo(predecessor), signature);
}

function messageTo(predecessor: Uint8Array): Bytes {
  return concatBytes(utf8("caye handover v1"), predecessor);
}
