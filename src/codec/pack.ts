/**
 * Contents of up to some kilobytes in as few bytes as can be. The first byte names the method and its dictionary:
 *
 *     00 … df  context mixing, dictionary 1; the code begins in this very byte
 *     e0 … ef  kept for context mixing with later dictionaries
 *     f0       the content as it is
 *     f1       raw deflate (RFC 1951), primed with the last 32,768 bytes of dictionary 1
 * @module
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type Bytes, concatBytes, copyBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { KIND } from "./mixing.ts";
import { deflateDictionary, primedCodec } from "./primed.ts";

const TOP = 0xdfff_ffff;
const RAW = 0xf0;
const DEFLATE = 0xf1;

interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** The smallest of raw, deflate with dictionary, context mixing; at most one byte longer than the content; never empty. */
export function pack(content: Uint8Array): Bytes {
  const deflated = deflateWithDictionary(content);
  const most = Math.min(deflated.length, content.length) + 1;
  const mixed = primedCodec().encode(KIND.content, content, TOP, most);
  if (mixed !== undefined) return mixed;
  if (deflated.length < content.length) return concatBytes(Uint8Array.of(DEFLATE), deflated);
  return concatBytes(Uint8Array.of(RAW), content);
}

/** Never an exception; refuses what would be longer than `maxBytes`, and works no longer than that many bytes take. */
export function unpack(packed: Uint8Array, maxBytes: number): Decoded<Bytes> {
  const first = packed[0];
  if (first === undefined) return refused("packed content is empty");
  if (first <= TOP >>> 24) return primedCodec().decode(KIND.content, packed, TOP, maxBytes);
  if (first === DEFLATE) return inflate(packed.subarray(1), maxBytes);
  if (first !== RAW) return refused("unknown packing of content");
  return packed.length - 1 > maxBytes ? refused("unpacked content too long") : decoded(copyBytes(packed.subarray(1)));
}

export function deflateWithDictionary(content: Uint8Array): Uint8Array {
  return deflateRawSync(content, { level: 9, memLevel: 9, dictionary: deflateDictionary() });
}

/** Whether Node answered as it documents for `info`, which its types do not know. */
function isInflated(result: unknown): result is Inflated {
  return typeof result === "object" && result !== null && "engine" in result && "buffer" in result;
}

function inflate(deflated: Uint8Array, maxBytes: number): Decoded<Bytes> {
  try {
    // Zero is no bound that Node takes: one byte is allowed at least, and counted below.
    const maxOutputLength = Math.max(1, maxBytes);
    const result: unknown = inflateRawSync(deflated, { dictionary: deflateDictionary(), maxOutputLength, info: true });
    if (!isInflated(result)) return refused("deflated content is damaged");
    if (result.buffer.length > maxBytes) return refused("unpacked content too long");
    if (result.engine.bytesWritten !== deflated.length) return refused("trailing bytes behind deflated content");
    return decoded(copyBytes(result.buffer));
  } catch (error) {
    return refused(error instanceof RangeError ? "unpacked content too long" : "deflated content is damaged");
  }
}
