/**
 * The codec that has read the dictionary: made at the first use (about half a second on a Raspberry Pi 5), then kept.
 * @module
 */
import { inflateRawSync } from "node:zlib";
import { CONTENTS, NAMES } from "./dictionary-1.ts";
import { KIND, type Kind, MixingCodec, type Sample } from "./mixing.ts";

/** What is made once and is always the same is no state: it only takes a while to write down. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function inflate(base64: string): Uint8Array {
  return inflateRawSync(Buffer.from(base64, "base64"));
}

function samples(kind: Kind, bytes: Uint8Array): Sample[] {
  const found: Sample[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0, from);
    found.push({ kind, text: bytes.subarray(from, end) });
    from = end + 1;
  }
  return found;
}

/** What a window of deflate can hold: the end of the dictionary's texts. */
export const deflateDictionary = once(() => inflate(CONTENTS).subarray(-32_768));

export const primedCodec = once(
  () => new MixingCodec([...samples(KIND.content, inflate(CONTENTS)), ...samples(KIND.name, inflate(NAMES))]),
);
