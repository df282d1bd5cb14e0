/**
 * The packets that a radio has lately seen, and who relayed them: for what was seen before is not given to the host again
 * (`src/mesh/PacketHistory.cpp`), and a way that worked is learnt from the relays of both directions
 * (`NextHopRouter::sniffReceived`).
 * @module
 */
import { packetKey, type AirFrame } from "./mesh-frame.ts";

const SEEN_PACKETS = 400;
/** Firmware's `NUM_RELAYERS` is 3. */
const RELAYS_MASK = 0xff_ffff;
const ROUTES = 256;

export interface Seen {
  /** The most hops that a copy still had to go, and that one had before the latest. */
  hopLimit: number;
  hopLimitBefore: number;
  /** Who was to relay it when it was first seen. */
  readonly nextHop: number | undefined;
  /** Hops left in the copy that we sent ourselves; -1 when we did not. */
  sentHopLimit: number;
  /**
   * The last bytes of us, when we sent it, and of up to two that relayed our copy; the latest lowest, and no node's is 0. One
   * number, for there are millions.
   */
  relays: number;
}

export class PacketHistory {
  /** Our own last byte. */
  readonly #own: number;
  readonly #seen = new Map<number, Seen>();
  /** By node number: the last byte of the neighbour that leads there. */
  readonly #routes = new Map<number, number>();

  constructor(own: number) {
    this.#own = own;
  }

  /** Notes this copy, one that we send included. What is known with it, when there was an earlier one; undefined for the first. */
  see({ from, id, hopLimit, nextHop, relay = 0 }: AirFrame): Seen | undefined {
    const key = packetKey(from, id);
    const known = this.#seen.get(key);
    const ours = relay === this.#own;
    if (known === undefined) {
      const sentHopLimit = ours ? hopLimit : -1;
      this.#seen.set(key, { hopLimit, hopLimitBefore: hopLimit, nextHop, sentHopLimit, relays: ours ? relay : 0 });
      if (this.#seen.size > SEEN_PACKETS) forgetOldest(this.#seen);
      return undefined;
    }
    known.hopLimitBefore = known.hopLimit;
    if (hopLimit > known.hopLimit) known.hopLimit = hopLimit;
    if (ours) known.sentHopLimit = hopLimit;
    // Of others count those only that have it from us.
    const after = known.sentHopLimit - hopLimit;
    if (after >= 0 && after <= 1 && !hasRelay(known.relays, relay)) known.relays = pushed(known.relays, relay);
    return known;
  }

  /** An acknowledgement or answer was heard: when it came the way that the question went, that way is worth keeping. */
  learn({ from, to, requestId, relay, hopStart, hopLimit }: AirFrame): void {
    if (requestId === undefined || relay === undefined) return;
    const asked = this.#seen.get(packetKey(to, requestId));
    if (asked === undefined || !hasRelay(asked.relays, this.#own)) return;
    const direct = hopStart === hopLimit && asked.relays === this.#own;
    if (!hasRelay(asked.relays, relay) && !direct) return;
    this.#routes.delete(from);
    this.#routes.set(from, relay);
    if (this.#routes.size > ROUTES) forgetOldest(this.#routes);
  }

  /** Undefined: flood. A packet never goes back to the one that relayed it to us. */
  nextHop(to: number, cameFrom: number | undefined): number | undefined {
    const hop = this.#routes.get(to);
    return hop === cameFrom ? undefined : hop;
  }

  forgetRoute(to: number): void {
    this.#routes.delete(to);
  }

  clear(): void {
    this.#seen.clear();
    this.#routes.clear();
  }
}

function pushed(relays: number, byte: number): number {
  return ((relays << 8) | byte) & RELAYS_MASK;
}

function hasRelay(relays: number, byte: number): boolean {
  return (relays & 0xff) === byte || ((relays >> 8) & 0xff) === byte || ((relays >> 16) & 0xff) === byte;
}

function forgetOldest(map: Map<number, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
