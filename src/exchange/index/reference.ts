/**
 * How a WANT names what it asks about: by two bytes that who said it and who heard it can both reckon, whatever else each
 * of them knows. Of a REPAIR it is the seed, which stands in it. @module
 */
import { sha256 } from "../../dag/cid.ts";
import type { Beacon } from "../../wire/beacon.ts";
import { encodeMessage } from "../../wire/codec.ts";

/** Of a BEACON: the first two bytes of SHA-256 of the whole message. */
export function referenceToBeacon(beacon: Beacon): number {
  const [high = 0, low = 0] = sha256(encodeMessage(beacon));
  return (high << 8) | low;
}

/**
 * Of an UPDATE: the first two bytes of the author's id, xor the number of the stream's last entry, of which the lower 16
 * bits count.
 */
export function referenceToPush(author: Uint8Array, to: number): number {
  return (to ^ (((author[0] ?? 0) << 8) | (author[1] ?? 0))) & 0xffff;
}
