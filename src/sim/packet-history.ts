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
  /** The last bytes of up to three relays, the latest lowest: no node's is 0. One number, for there are millions. */
  relays: number;
}

export class PacketHistory {
  readonly #seen = new Map<number, Seen>();
  /** By node number: the last byte of the neighbour that leads there. */
  readonly #routes = new Map<number, number>();

  /** Notes this copy. What is known with it, when there was an earlier one; undefined for the first. */
  see({ from, id, hopLimit, nextHop, relay = 0 }: AirFrame): Seen | undefined {
    const key = packetKey(from, id);
    const known = this.#seen.get(key);
    if (known === undefined) {
      this.#seen.set(key, { hopLimit, hopLimitBefore: hopLimit, nextHop, relays: relay });
      if (this.#seen.size > SEEN_PACKETS) forgetOldest(this.#seen);
      return undefined;
    }
    known.hopLimitBefore = known.hopLimit;
    if (hopLimit > known.hopLimit) known.hopLimit = hopLimit;
    if (!hasRelay(known.relays, relay)) known.relays = ((known.relays << 8) | relay) & RELAYS_MASK;
    return known;
  }

  /** An acknowledgement or answer was heard: when it came the way that the question went, that way is worth keeping. */
  learn({ from, to, requestId, relay, hopStart, hopLimit }: AirFrame, own: number): void {
    if (requestId === undefined || relay === undefined) return;
    const asked = this.#seen.get(packetKey(to, requestId));
    if (asked === undefined || !hasRelay(asked.relays, own)) return;
    const direct = hopStart === hopLimit && asked.relays === own;
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

function hasRelay(relays: number, byte: number): boolean {
  return (relays & 0xff) === byte || ((relays >> 8) & 0xff) === byte || ((relays >> 16) & 0xff) === byte;
}

function forgetOldest(map: Map<number, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
