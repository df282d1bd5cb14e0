/** Beacons over the base of nothing, which everybody understands. @module */
import { toHex } from "../../src/kernel/bytes.ts";
import { predictedSlots } from "../../src/wire/holdings.ts";
import type { Message } from "../../src/wire/messages.ts";

/** @param vector entries by author, 1 … 65,535 each */
export function beaconOf(
  sender: Uint8Array,
  vector: readonly { readonly author: Uint8Array; readonly count: number }[],
): Message {
  const strangers = vector
    .map(({ author, count }) => ({
      author: author.subarray(0, 4),
      from: 0,
      delta: count,
      slots: predictedSlots(count),
    }))
    .sort((a, b) => (toHex(a.author) < toHex(b.author) ? -1 : 1));
  return {
    type: "beacon",
    sender: sender.subarray(0, 4),
    holdings: { base: 0, partial: false, rows: [], strangers },
  };
}
