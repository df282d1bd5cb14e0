/**
 * A radio's sixteen waiting packets, as `src/mesh/MeshPacketQueue.cpp` of the firmware keeps them: by priority, relays
 * before own packets, then by age. A full queue throws out its last for something of higher priority.
 * @module
 */
import { packetKey, type AirFrame } from "./mesh-frame.ts";

/** Firmware's `MAX_TX_QUEUE`. */
export const TX_QUEUE_PACKETS = 16;

export interface Waiting {
  readonly frame: AirFrame;
  readonly key: number;
  readonly frameBytes: number;
  readonly priority: number;
  /** Signal with which the packet to relay was heard; undefined for a packet of our own. */
  readonly snrDb: number | undefined;
}

export class TxQueue {
  #items: Waiting[] = [];
  #dropped = 0;

  get length(): number {
    return this.#items.length;
  }

  get free(): number {
    return TX_QUEUE_PACKETS - this.#items.length;
  }

  /** Packets that found no room, or lost theirs. */
  get dropped(): number {
    return this.#dropped;
  }

  get first(): Waiting | undefined {
    return this.#items[0];
  }

  /** False when there is no room. */
  offer(item: Waiting): boolean {
    if (this.free <= 0) {
      this.#dropped++;
      const last = this.#items.at(-1);
      if (last === undefined || last.priority >= item.priority) return false;
      this.#items.pop();
    }
    let at = this.#items.length;
    while (at > 0 && isBefore(item, this.#items[at - 1])) at--;
    this.#items.splice(at, 0, item);
    return true;
  }

  takeFirst(): Waiting | undefined {
    return this.#items.shift();
  }

  has(from: number, id: number): boolean {
    const key = packetKey(from, id);
    return this.#items.some((item) => item.key === key);
  }

  /** Takes the packet out when it has fewer hops left than that. @param hopsBelow any when left out */
  remove(from: number, id: number, hopsBelow = Number.POSITIVE_INFINITY): boolean {
    const key = packetKey(from, id);
    const at = this.#items.findIndex((item) => item.key === key && item.frame.hopLimit < hopsBelow);
    if (at === -1) return false;
    this.#items.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#items = [];
  }
}

function isBefore(a: Waiting, b: Waiting | undefined): boolean {
  if (b === undefined) return false;
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.snrDb !== undefined && b.snrDb === undefined;
}
