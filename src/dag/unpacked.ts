/**
 * Names and contents of entries, unpacked: once each, since it takes up to a millisecond, and a process may run many nodes
 * that read the same entries.
 * @module
 */
import { unpack } from "../codec/pack.ts";
import { unpackText } from "../codec/short-text.ts";
import type { Bytes } from "../kernel/bytes.ts";
import type { Decoded } from "../kernel/decoded.ts";
import { keepRecent } from "../kernel/recent.ts";
import { MAX_NAME_BYTES } from "./name.ts";

/** What rides inside its entry has at most so many bytes, unpacked. */
export const MAX_INLINE_BYTES = 512;
/** The latest answers that are kept; an answer takes at most half a kilobyte. */
const MAX_REMEMBERED = 2048;

export const unpackName = remembered<string>((packed) => unpackText(packed, MAX_NAME_BYTES));

/** Not to be changed: others may be given the same. */
export const unpackInline = remembered<Bytes>((packed) => unpack(packed, MAX_INLINE_BYTES));

/** A function that is always the same for the same bytes, and is spared doing it again: no state that anybody could see. */
function remembered<T>(work: (bytes: Uint8Array) => Decoded<T>): (bytes: Uint8Array) => Decoded<T> {
  const known = new Map<string, Decoded<T>>();
  return (bytes) => {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const before = known.get(key);
    if (before !== undefined) return before;
    const result = work(bytes);
    keepRecent(known, key, result, MAX_REMEMBERED);
    return result;
  };
}
