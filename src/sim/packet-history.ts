/**
 * The packets that a radio has lately seen, and who relayed them: for what was seen before is not given to the host again
 * (`src/mesh/PacketHistory.cpp`), and a way that worked is learnt from the relays of both directions
 * (`NextHopRouter::sniffReceived`).
 * @module
 */
import { packetKey, type AirFrame } from "./mesh-frame.ts";

const SEEN_PACKETS = 400;
/** Firmware's `NUM_RELAYERS`. */
const RELAYERS = 3;
const ROUTES = 256;

export interface Seen {
  /** The most hops that a copy still had to go. */
  hopLimit: number;
  /** Who was to relay it when it was first seen. */
  readonly nextHop: number | undefined;
  /** Last bytes, the latest first. */
  relays: number[];
}

export class PacketHistory {
  readonly #seen = new Map<number, Seen>();
  /** By node number: the last byte of the neighbour that leads there. */
  readonly #routes = new Map<number, number>();

  /** What is known of an earlier copy, undefined for the first; notes this one. */
  see(frame: AirFrame): Seen | undefined {
    const key = packetKey(frame.from, frame.id);
    const known = this.#seen.get(key);
    const relays = frame.relay === undefined ? [] : [frame.relay];
    if (known === undefined) {
      this.#seen.set(key, { hopLimit: frame.hopLimit, nextHop: frame.nextHop, relays });
      if (this.#seen.size > SEEN_PACKETS) forgetOldest(this.#seen);
      return undefined;
    }
    const before = { ...known };
    known.hopLimit = Math.max(known.hopLimit, frame.hopLimit);
    known.relays = [...new Set([...relays, ...known.relays])].slice(0, RELAYERS);
    return before;
  }

  /** An acknowledgement or answer was heard: when it came the way that the question went, that way is worth keeping. */
  learn(answer: AirFrame, own: number): void {
    if (answer.requestId === undefined || answer.relay === undefined) return;
    const asked = this.#seen.get(packetKey(answer.to, answer.requestId));
    if (asked === undefined || !asked.relays.includes(own)) return;
    const alsoRelayed = asked.relays.includes(answer.relay);
    const direct = answer.hopStart === answer.hopLimit && asked.relays.length === 1;
    if (!alsoRelayed && !direct) return;
    this.#routes.delete(answer.from);
    this.#routes.set(answer.from, answer.relay);
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

function forgetOldest(map: Map<number, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
