/**
 * How long a radio waits before it sends: Meshtastic's slots and contention windows. Times in ms.
 *
 * Source: `computeSlotTimeMsec`, `getTxDelayMsec`, `getTxDelayMsecWeighted`, `getCWsize` and `getRetransmissionMsec` in
 * `src/mesh/RadioInterface.cpp`, the same in firmware 2.7 and 2.8. Its `map` and its times are in whole numbers.
 * @module
 */
import type { Random } from "../ports/random.ts";
import type { LoraModulation } from "../radio/airtime.ts";
import type { Ratio } from "../radio/regions.ts";
import { drawBelow } from "./seeded-random.ts";

/** Contention windows: 2^3 … 2^8 slots. */
const CW_MIN = 3;
const CW_MAX = 8;
/** From the worst signal that is still heard to one from next door. */
const SNR_MIN_DB = -20;
const SNR_MAX_DB = 10;
/** A scan of the channel takes an SX126x its two symbols and half a one more. */
const SCAN_SYMBOLS = 2.5;
/** Propagation 0.2, turnaround 0.4, processing 7. */
const SLOT_EXTRA_MS = 7.6;
const PROCESSING_MS = 4500;

export function slotMs({ spreadingFactor, bandwidthHz }: LoraModulation): number {
  return Math.floor((SCAN_SYMBOLS * 2 ** spreadingFactor * 1000) / bandwidthHz + SLOT_EXTRA_MS);
}

/** Slots before a packet of one's own: more of them the busier the channel was in the last minute. */
export function ownSlots(channelUse: Ratio, random: Random): number {
  return drawBelow(random, 2 ** windowByUse(channelUse));
}

/**
 * Slots before a relay: more of them the better it was heard, so that the far one, which carries the packet further,
 * comes first; and a router before all clients.
 */
export function relaySlots(snrDb: number, router: boolean, random: Random): number {
  const window =
    Math.trunc(((Math.trunc(snrDb) - SNR_MIN_DB) * (CW_MAX - CW_MIN)) / (SNR_MAX_DB - SNR_MIN_DB)) + CW_MIN;
  const bounded = Math.min(Math.max(window, 0), CW_MAX);
  return router ? drawBelow(random, 2 * Math.max(bounded, 1)) : 2 * CW_MAX + drawBelow(random, 2 ** bounded);
}

/** How long an acknowledgement is waited for. */
export function retransmissionMs(airtimeMs: number, channelUse: Ratio, oneSlotMs: number): number {
  const slots = 2 ** windowByUse(channelUse) + 2 * CW_MAX + 2 ** Math.trunc((CW_MAX + CW_MIN) / 2);
  return 2 * airtimeMs + slots * oneSlotMs + PROCESSING_MS;
}

function windowByUse(channelUse: Ratio): number {
  return Math.trunc((Math.trunc(channelUse * 100) * (CW_MAX - CW_MIN)) / 100) + CW_MIN;
}
