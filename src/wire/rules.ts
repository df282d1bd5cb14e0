/**
 * What a message must fulfil beyond its layout: the same rules for what we send and for what we take.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import {
  AUTHOR_ID_BYTES,
  MAX_BEACON_AUTHORS,
  MAX_BLOCK_BYTES,
  MAX_ENTRY_BYTES,
  MAX_SOURCE_SYMBOLS,
  MAX_UPDATE_ENTRIES,
  PREFIX_BYTES,
  SIGNATURE_BYTES,
  type Beacon,
  type Coded,
  type Get,
  type Message,
  type Update,
  type Want,
} from "./messages.ts";

/** The largest sequence number and the largest count of a log. */
export const MAX_SEQUENCE = 0xffff_ffff;

/** Why the message is not one of version 1, as a short constant phrase; undefined when it is. */
export function flawOf(message: Message): string | undefined {
  let flaw: string | undefined;
  switch (message.type) {
    case "beacon":
      flaw = flawOfBeacon(message);
      break;
    case "update":
      flaw = flawOfUpdate(message);
      break;
    case "want":
      flaw = flawOfWant(message);
      break;
    case "get":
      flaw = flawOfGet(message);
      break;
    case "coded":
      flaw = flawOfCoded(message);
  }
  return flaw;
}

function flawOfBeacon({ sender, vector }: Beacon): string | undefined {
  if (sender.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (vector.length > MAX_BEACON_AUTHORS) return "too many authors";
  const seen = new Set<string>();
  for (const { author, count } of vector) {
    if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
    if (!within(count, 0, MAX_SEQUENCE)) return "count out of range";
    seen.add(toHex(author));
  }
  return seen.size === vector.length ? undefined : "author named twice";
}

function flawOfUpdate({ author, first, entries, signature }: Update): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (!within(entries.length, 1, MAX_UPDATE_ENTRIES)) return "entries not 1 to 32";
  if (!entries.every((entry) => within(entry.length, 1, MAX_ENTRY_BYTES))) return "entry not 1 to 200 bytes";
  if (signature !== undefined && signature.length !== SIGNATURE_BYTES) return "signature not 64 bytes";
  return flawOfRange(first, entries.length);
}

function flawOfWant({ author, first, count }: Want): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (!within(count, 1, 255)) return "count not 1 to 255";
  return flawOfRange(first, count);
}

function flawOfGet({ prefix, symbols }: Get): string | undefined {
  if (prefix.length !== PREFIX_BYTES) return "prefix not 8 bytes";
  return within(symbols, 0, 255) ? undefined : "symbols not 0 to 255";
}

/**
 * Any symbol length is taken whose k fits the code, not only the one that `symbolBytesFor` gives: a sender on a radio
 * with smaller packets cuts smaller. But a symbol that is longer than its block would only carry zeros.
 */
function flawOfCoded({ prefix, blockBytes, index, symbol }: Coded): string | undefined {
  if (prefix.length !== PREFIX_BYTES) return "prefix not 8 bytes";
  if (!within(blockBytes, 1, MAX_BLOCK_BYTES)) return "block not 1 to 16384 bytes";
  if (!within(index, 0, 255)) return "index not 0 to 255";
  if (symbol.length < 1) return "empty symbol";
  if (symbol.length > blockBytes) return "symbol longer than its block";
  return Math.ceil(blockBytes / symbol.length) <= MAX_SOURCE_SYMBOLS ? undefined : "more than 128 source symbols";
}

/** Sequence numbers start at 1, and the last of the range must be one, too. */
function flawOfRange(first: number, count: number): string | undefined {
  if (!within(first, 1, MAX_SEQUENCE)) return "sequence out of range";
  return first + count - 1 <= MAX_SEQUENCE ? undefined : "sequence out of range";
}

function within(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
