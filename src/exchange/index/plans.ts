/**
 * How many packets to say, from what is known of losses and listeners. Pure.
 * @module
 */
import type { Ratio } from "../../radio/regions.ts";
import { neediestLacks, packetsFor } from "./odds.ts";

/** Packets of coded slots. */
export interface Plan {
  /** 0: it is better to tell of the news only. */
  readonly packets: number;
  /** Slots of each packet; as many as fit when undefined. */
  readonly perPacket: number | undefined;
}

export interface Audience {
  readonly listeners: number;
  /** Of packets of a burst. */
  readonly loss: Ratio;
  /** Of what authors push once. */
  readonly pushLoss: Ratio;
}

/** Coded slots of a packet, about. */
const SLOTS_A_PACKET = 12;
/** Below this chance that somebody lacks it, telling is cheaper than sending. */
const SEND_FROM: Ratio = 0.45;
/** So many listeners may still lack some after a burst: they ask. */
const MAY_ASK = 1.2;
/** The chance that one who asked has to ask again. */
const ASKS_AGAIN: Ratio = 0.4;
/** A burst never serves more listeners than these: beyond, all is said so often that all have it. */
const ALL_LISTENERS = 10;

/** For listeners who lack so many slots. */
export function planFor(slots: number, listeners: number, loss: Ratio): Plan {
  return planned(slots, loss, listeners, ASKS_AGAIN);
}

/**
 * For all who lack some news, most likely.
 * @param sizes slots of each author's news
 * @param certain so many of them are lacked by all: they met other packets on the air when they were pushed
 */
export function planForAll(sizes: readonly number[], certain: number, { listeners, loss, pushLoss }: Audience): Plan {
  const chances = sizes.length - certain;
  const lackAny = certain > 0 ? 1 : 1 - (1 - pushLoss) ** chances;
  if (1 - (1 - lackAny) ** listeners < SEND_FROM) return { packets: 0, perPacket: undefined };
  const lacking = Math.max(1, certain + neediestLacks(chances, pushLoss, listeners, MAY_ASK));
  const largest = sizes.toSorted((a, b) => b - a).slice(0, lacking);
  const slots = largest.reduce((sum, size) => sum + size, 0);
  return planned(slots, loss, listeners * lackAny, MAY_ASK);
}

/** More than this many packets of so many slots bring nothing to anybody: all there is, are `total` slots. */
export function mostPackets(total: number, perPacket: number, loss: Ratio): number {
  return packetsFor(Math.ceil(total / perPacket), loss, ALL_LISTENERS, MAY_ASK);
}

function planned(slots: number, loss: Ratio, listeners: number, missing: number): Plan {
  const needed = Math.ceil(slots / SLOTS_A_PACKET);
  return { packets: packetsFor(needed, loss, listeners, missing), perPacket: needed > 1 ? undefined : slots };
}
