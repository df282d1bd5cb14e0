/**
 * Sends new entries of the own log, once, as an UPDATE; many authors who write at the same moment keep out of each other's
 * way.
 *
 * The radios sense the carrier, but have few slots, and what is handed to a radio can't be taken back. So each waits a
 * random while, anew and twice as long with every packet that it hears meanwhile.
 * @module
 */
import { copyBytes, toHex } from "../../kernel/bytes.ts";
import { ANSWER } from "../../radio/priority.ts";
import { MAX_DELTA, SHORT_ID_BYTES, SLOT_BYTES } from "../../wire/holdings.ts";
import type { Update } from "../../wire/update.ts";
import type { ExchangeParts } from "../parts.ts";
import type { Floor } from "./floor.ts";
import { countIn, type IndexState } from "./state.ts";
import { slotsOf, type Stream } from "./streams.ts";

export interface PusherPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
  /** The entries are on air: now beacons may tell of them. */
  readonly onSaid: (stream: Stream) => void;
}

/** Message number, author, and three numbers of 5 bytes at most. */
const HEAD_BYTES = 1 + SHORT_ID_BYTES + 5 + 3 + 1 + 3;
/** Slots of one push; longer streams go in several. */
const MOST_SLOTS = 192;
/** Waits for company, in packets, at least and at most; and more for each who may write at the same moment. */
const LEAST_WAIT = 0.25;
const WAIT = 1;
const WAIT_A_NEIGHBOUR = 0.6;
/** A single author in a crowd must not wait for minutes. */
const WAITED_FOR = 20;
/** By how much a window grows at a time, and in all. */
const GROWTH = 1.3;
const WIDEST = 2;

export class Pusher {
  readonly #ports: PusherPorts;
  /** Entries of the own log that were sent, or were there before this run. */
  #pushed = 0;
  /** What the wait was drawn from, and when it ends. */
  #windowMs = 1;
  #dueMs = 0;
  /** What is being sent, and from which slot on it still is. */
  #push: { readonly stream: Stream; slot: number } | undefined;

  constructor(ports: PusherPorts) {
    this.#ports = ports;
  }

  start(): void {
    const held = this.#held;
    // A log that begins goes out with its first file: without the introduction nobody could verify that.
    this.#pushed = held === 1 ? 0 : held;
  }

  /** Own entries that nobody was told of yet, and shall first be sent whole. */
  get waiting(): boolean {
    return this.#ports.agenda.has("index:push");
  }

  announce(): void {
    const { state } = this.#ports;
    const hex = toHex(state.shard.author.id);
    // What is in the common base is known to all.
    this.#pushed = Math.max(this.#pushed, countIn(state.bases.current, hex));
    if (this.waiting || this.#held <= this.#pushed) return;
    this.#windowMs = this.#narrowMs;
    this.#wait();
  }

  /**
   * A packet was heard: the wait stands still while it lasts, and grows with each author who is heard, because where one
   * writes there are others. @param payloadBytes of the packet
   */
  heard(payloadBytes: number, isPush: boolean): void {
    // Who has begun goes on: the others wait for its end.
    if (!this.waiting || (this.#push?.slot ?? 0) > 0) return;
    const { agenda, air, clock } = this.#ports;
    const nowMs = clock.monotonicMs();
    const before = this.#windowMs;
    if (isPush) this.#windowMs = Math.max(before, Math.min(GROWTH * before, WIDEST * this.#narrowMs));
    // It waits in our own queue already: there it is held at random.
    if (this.#dueMs < nowMs) return;
    const leftMs = ((this.#dueMs - nowMs) * this.#windowMs) / before + air.airtimeMs(payloadBytes);
    this.#dueMs = nowMs + leftMs;
    agenda.set("index:push", leftMs, () => this.#begin());
  }

  #wait(): void {
    const { agenda, clock, floor } = this.#ports;
    const waitMs = LEAST_WAIT * floor.packetMs + floor.chance() * this.#windowMs;
    this.#dueMs = clock.monotonicMs() + waitMs;
    agenda.set("index:push", waitMs, () => this.#begin());
  }

  /** Who may write at the same moment. */
  get #rivals(): number {
    const { clock, state } = this.#ports;
    return state.crowd(clock.monotonicMs());
  }

  get #narrowMs(): number {
    return this.#ports.floor.packetMs * (WAIT + WAIT_A_NEIGHBOUR * Math.min(WAITED_FOR, this.#rivals));
  }

  async #begin(): Promise<void> {
    const { agenda, state } = this.#ports;
    const id = copyBytes(state.shard.author.id);
    const to = Math.min(this.#held, this.#pushed + MAX_DELTA);
    const from = this.#pushed;
    if (this.#push?.slot === 0) this.#push = undefined;
    const stream = this.#push?.stream ?? (await state.streams.fitting({ hex: toHex(id), id, from, to }, MOST_SLOTS));
    if (stream === undefined) return;
    this.#push ??= { stream, slot: 0 };
    this.#say(this.#push);
    // Holds its place until the radio has taken it, and tries again if that never happens.
    agenda.set("index:push", 600_000, () => this.#begin());
  }

  #say(push: { readonly stream: Stream; slot: number }): void {
    const { agenda, air, count, state } = this.#ports;
    const { id, from, to, bytes } = push.stream;
    const room = air.maxMessageBytes - HEAD_BYTES;
    const left = bytes.subarray(push.slot * SLOT_BYTES);
    // What fits one packet whole is not cut, wherever its slots end.
    const piece = left.length <= room ? left : left.subarray(0, Math.floor(room / SLOT_BYTES) * SLOT_BYTES);
    const author = id.subarray(0, SHORT_ID_BYTES);
    const known = Math.min(255, state.newsOver(state.bases.current).length - 1);
    const update: Update = {
      type: "update",
      known: Math.max(0, known),
      author,
      from,
      delta: to - from,
      slots: slotsOf(bytes),
      slot: push.slot,
      bytes: piece,
    };
    air.say(update, {
      // People wait for what they wrote to be known.
      priority: ANSWER,
      key: "index:update",
      onSent: () => {
        count("updates_said");
        push.slot += Math.ceil(piece.length / SLOT_BYTES);
        if (piece.length < left.length) return this.#say(push);
        agenda.cancel("index:push");
        this.#push = undefined;
        this.#pushed = to;
        this.#ports.onSaid(push.stream);
        this.announce();
      },
    });
  }

  get #held(): number {
    const { shard, vector } = this.#ports.state;
    return vector.count(toHex(shard.author.id));
  }
}
