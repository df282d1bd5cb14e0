/** Somebody new, as heard on air. @module */
import type { Author } from "../../src/dag/author.ts";
import { encodeEntry } from "../../src/dag/entry.ts";
import { firstHead, nextHead, signHead } from "../../src/dag/index-log.ts";
import { concatBytes } from "../../src/kernel/bytes.ts";
import type { Message } from "../../src/wire/messages.ts";

/** A log that has begun, as its author pushes it. */
export function introductionOf(author: Author): Message {
  const entry = encodeEntry({ kind: "author", publicKey: author.publicKey, name: "made-up" });
  const signature = signHead(author, 1, nextHead(firstHead(author.publicKey), entry));
  const bytes = concatBytes(Uint8Array.of(entry.length), entry, signature);
  const slots = Math.ceil(bytes.length / 16);
  return { type: "update", author: author.id.subarray(0, 4), from: 0, delta: 1, known: 0, slots, slot: 0, bytes };
}
