/**
 * Names and short texts in as few bytes as can be.
 *
 * First byte 0x00 … 0xef: context mixing with dictionary 1, whose code begins in this very byte. 0xff: UTF-8 follows as
 * it is. 0xf0 … 0xfe are kept for later dictionaries. The bytes have no length of their own: whoever stores them knows it.
 * @module
 */
import { type Bytes, concatBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { KIND } from "./mixing.ts";
import { primedCodec } from "./primed.ts";

const TOP = 0xefff_ffff;
const RAW = 0xff;

/**
 * At most one byte longer than the text in UTF-8; never empty; the same on every machine. Meant for up to 64 bytes of text,
 * right for any. A lone surrogate becomes U+FFFD, as always in UTF-8.
 */
export function packText(text: string): Bytes {
  const raw = utf8(text);
  return primedCodec().encode(KIND.name, raw, TOP, raw.length + 1) ?? concatBytes(Uint8Array.of(RAW), raw);
}

/** @param maxBytes of the text in UTF-8; work is bounded by it. */
export function unpackText(packed: Uint8Array, maxBytes: number): Decoded<string> {
  const bytes = unpackBytes(packed, maxBytes);
  if (!bytes.ok) return bytes;
  const text = fromUtf8(bytes.value);
  return text === undefined ? refused("packed text is not UTF-8") : decoded(text);
}

function unpackBytes(packed: Uint8Array, maxBytes: number): Decoded<Uint8Array> {
  const first = packed[0];
  if (first === undefined) return refused("packed text is empty");
  if (first <= TOP >>> 24) return primedCodec().decode(KIND.name, packed, TOP, maxBytes);
  if (first !== RAW) return refused("unknown packing of a text");
  return packed.length - 1 > maxBytes ? refused("unpacked text too long") : decoded(packed.subarray(1));
}
