/**
 * The hash chain of an author's log, and the signature over its head.
 *
 * head(0) = SHA-256("caye log v2" ‖ public key); head(n) = SHA-256(head(n − 1) ‖ entry n). A signature covers
 * "caye head v1" ‖ n (u32) ‖ head(n), and with it every entry up to n.
 * @module
 */
import { type Bytes, ByteWriter, concatBytes, utf8 } from "../kernel/bytes.ts";
import { type Author } from "./author.ts";
import { verifyEd25519 } from "../kernel/ed25519.ts";
import { sha256 } from "./cid.ts";

/** The head before the first entry. */
export function firstHead(publicKey: Uint8Array): Bytes {
  return sha256(utf8("caye log v2"), publicKey);
}

export function nextHead(head: Uint8Array, entry: Uint8Array): Bytes {
  return sha256(head, entry);
}

/** What is signed. @param count entries that the head covers, 1 … 2^32 − 1 */
export function headMessage(count: number, head: Uint8Array): Bytes {
  return concatBytes(utf8("caye head v1"), new ByteWriter().u32(count).finish(), head);
}

export function signHead(author: Author, count: number, head: Uint8Array): Bytes {
  return author.sign(headMessage(count, head));
}

export function verifyHead(publicKey: Uint8Array, count: number, head: Uint8Array, signature: Uint8Array): boolean {
  return verifyEd25519(publicKey, headMessage(count, head), signature);
}
