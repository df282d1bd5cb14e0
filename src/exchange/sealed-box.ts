/**
 * The box of a SEALED message: a synthetic-IV construction (Rogaway and Shrimpton, "Deterministic Authenticated-Encryption",
 * 2006) from HMAC-SHA-256 and AES-256-CTR, with the nonce of the packet inside the authenticated data.
 *
 * nonce = radio's number (u32) ‖ slot and counter (u32, as on air)
 * tag = first 8 bytes of HMAC(mac key, "caye sealed v1" ‖ nonce ‖ message)
 * box = AES-256-CTR(encryption key, IV = nonce ‖ first 7 bytes of the tag ‖ 0)(message) ‖ tag
 *
 * Both keys come from the group key by HKDF-SHA-256 (RFC 5869). The radio's number stands in Meshtastic's own header and is
 * not sent again. Nonces don't repeat; should two nodes share a number, or one lose its disk and its clock, then an equal
 * nonce tells only whether two messages are equal, where a stream cipher with Poly1305 or GHASH would give all away.
 *
 * Why 8 bytes of tag: a forger must try on the air. LoRa's fastest preset carries about 40 packets a second, so that one
 * try in 2^64 succeeds after ten thousand million years; a tag of HMAC does not weaken with the tries, unlike GCM's.
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { type Bytes, ByteWriter, concatBytes, copyBytes, utf8 } from "../kernel/bytes.ts";
import { MAX_COUNTER, SLOTS, TAG_BYTES } from "../wire/sealed.ts";

export const GROUP_KEY_BYTES = 32;

/** A key that all of a village share. */
export interface GroupKey {
  /** Each new key has the next number, from 1; on air only its lower two bits are told. */
  readonly number: number;
  readonly mac: Bytes;
  readonly encryption: Bytes;
}

const LABEL = utf8("caye sealed v1");
const IV_TAG_BYTES = 7;

/** @param secret 32 bytes. @throws RangeError when it has another length: a fault of ours */
export function groupKey(number: number, secret: Uint8Array): GroupKey {
  if (secret.length !== GROUP_KEY_BYTES) throw new RangeError("a group key has 32 bytes");
  const derived = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), LABEL, 2 * GROUP_KEY_BYTES));
  return { number, mac: derived.slice(0, GROUP_KEY_BYTES), encryption: derived.slice(GROUP_KEY_BYTES) };
}

export function slotOf({ number }: GroupKey): number {
  return number % SLOTS;
}

/** @param from the speaking radio's number. @param counter 1 … 2^30 − 1, once for each radio and key */
export function closeBox(key: GroupKey, from: number, counter: number, message: Uint8Array): Bytes {
  const nonce = nonceOf(key, from, counter);
  const tag = tagOf(key, nonce, message);
  const cipher = createCipheriv("aes-256-ctr", key.encryption, ivOf(nonce, tag));
  return concatBytes(cipher.update(message), cipher.final(), tag);
}

/** Undefined when this is not what a holder of the key sealed for that radio and counter. Never throws. */
export function openBox(key: GroupKey, from: number, counter: number, box: Uint8Array): Bytes | undefined {
  if (box.length < TAG_BYTES) return undefined;
  const nonce = nonceOf(key, from, counter);
  const tag = box.subarray(box.length - TAG_BYTES);
  const cipher = createDecipheriv("aes-256-ctr", key.encryption, ivOf(nonce, tag));
  const message = copyBytes(cipher.update(box.subarray(0, box.length - TAG_BYTES)));
  return timingSafeEqual(tagOf(key, nonce, message), tag) ? message : undefined;
}

function nonceOf(key: GroupKey, from: number, counter: number): Bytes {
  const place = slotOf(key) * (MAX_COUNTER + 1) + counter;
  return new ByteWriter().u32(from).u32(place).finish();
}

/** The last byte counts the blocks of 16 bytes: a message has 15 at most, so that no two nonces share one. */
function ivOf(nonce: Uint8Array, tag: Uint8Array): Bytes {
  return concatBytes(nonce, tag.subarray(0, IV_TAG_BYTES), Uint8Array.of(0));
}

function tagOf(key: GroupKey, nonce: Uint8Array, message: Uint8Array): Bytes {
  const hash = createHmac("sha256", key.mac).update(LABEL).update(nonce).update(message).digest();
  return copyBytes(hash.subarray(0, TAG_BYTES));
}
