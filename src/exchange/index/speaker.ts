/**
 * What this node says of what it holds: news that nobody has told of yet, and coded slots for those who lack some.
 * @module
 */
import { concatBytes, type Bytes } from "../../kernel/bytes.ts";
import { addCombination, coefficients } from "../../erasure/random-linear.ts";
import { ANSWER, INDEX } from "../../radio/priority.ts";
import { SHORT_ID_BYTES, SLOT_BYTES, type Holdings } from "../../wire/holdings.ts";
import { MAX_LEFT, repairHeadBytes, type Repair } from "../../wire/repair.ts";
import type { ExchangeParts } from "../parts.ts";
import type { Floor } from "./floor.ts";
import { slotAt, slotsOf, type Stream } from "./streams.ts";
import { countIn, type IndexState, type Lack } from "./state.ts";
import { NOTHING, type Base, type Member } from "./vector.ts";

export interface SpeakerPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
  /** Something was said that others may have to answer. */
  readonly onSaid: () => void;
}

/** What a node can say at once: holdings, and the streams behind them in the same order. */
export interface Offer {
  readonly holdings: Holdings;
  readonly streams: readonly Stream[];
  readonly slots: number;
}

interface Burst {
  /** Slots of all that is coded; 0 before the first packet. */
  total: number;
  /** Coded slots still to be said. */
  slots: number;
  hops: number | undefined;
  readonly answer: boolean;
  /** What is coded: all that we hold beyond this base, or just what somebody lacks. */
  readonly over: Base | readonly Lack[];
}

/** Slots of one offer: what a receiver can solve at once, and hold. */
const MAX_OFFER_SLOTS = 512;
/** Holdings take at most so much of a packet; the rest comes in another one. */
const MAX_HEAD_BYTES = 96;
const MAX_SEEDS = 64;
/** Authors whose turn is remembered; of more than these the first come again a little early. */
const MAX_TOLD = 4_096;
/** Below this chance that somebody lacks it, telling is cheaper than sending. */
const SEND_FROM = 0.45;

export class Speaker {
  readonly #ports: SpeakerPorts;
  #burst: Burst | undefined;
  /** Slots that others lack, as their beacons tell or they asked somebody who does not answer. */
  #owed = 0;
  #seed: number;
  /** Since when there is something to say; undefined when there is not. Monotonic ms. */
  #sinceMs: number | undefined;
  readonly #said = new Set<number>();
  /** Authors who were told of, the last ones at the end: where not all fits, each has its turn. */
  readonly #told = new Set<string>();
  #last: Offer | undefined;

  constructor(ports: SpeakerPorts) {
    this.#ports = ports;
    this.#seed = Math.floor(ports.floor.chance() * 0x1_0000);
  }

  /** Index talk was heard, or something changed: who has something to say waits for its end. */
  arm(): void {
    const { agenda, clock, floor, state } = this.#ports;
    if (this.#burst !== undefined) return;
    if (this.#owed === 0 && state.uncovered().length === 0) {
      this.#sinceMs = undefined;
      agenda.cancel("index:speak");
      return;
    }
    const nowMs = clock.monotonicMs();
    this.#sinceMs ??= nowMs;
    const mostMs = this.#sinceMs + floor.patienceMs - nowMs;
    agenda.set("index:speak", Math.min(floor.speakDelayMs(), Math.max(0, mostMs)), () => this.#speak());
  }

  /** True when a question for what was said lately is for us. */
  isAsked(re: number): boolean {
    return this.#said.has(re);
  }

  noteSaid(re: number): void {
    this.#said.delete(re);
    this.#said.add(re);
    const oldest = this.#said.values().next();
    if (this.#said.size > MAX_SEEDS && oldest.done !== true) this.#said.delete(oldest.value);
  }

  /** Somebody asks us for so many slots. */
  answer(
    slots: number,
    hops: number | undefined,
    over: Base | readonly Lack[] = this.#ports.state.bases.current,
  ): void {
    const { agenda, floor } = this.#ports;
    if (this.#burst?.over === over) {
      this.#burst.slots = Math.max(this.#burst.slots, slots);
      return;
    }
    this.#burst = { total: 0, slots, hops, answer: true, over };
    agenda.cancel("index:speak");
    agenda.set("index:burst", (0.02 + 0.1 * floor.chance()) * floor.packetMs, () => this.#next());
  }

  /** Somebody lacks so many slots; whoever is first may help. */
  owe(slots: number): void {
    this.#owed = Math.max(this.#owed, slots);
  }

  /** Another speaker said so many slots: they serve those whom we owe. @param total slots of what it holds */
  heardRepair(slots: number, total: number): void {
    this.#owed = Math.max(0, this.#owed - slots);
    const burst = this.#burst;
    if (burst === undefined) return;
    burst.slots -= slots;
    if (burst.slots <= 0 || total >= burst.total) this.#endBurst();
  }

  async #speak(): Promise<void> {
    const { state } = this.#ports;
    this.#sinceMs = undefined;
    const uncovered = state.uncovered();
    const base = state.bases.current;
    const offer = await this.offer(base);
    if (this.#burst !== undefined || (uncovered.length === 0 && this.#owed === 0)) return;
    if (offer.slots === 0) return;
    const slots = Math.max(this.#owed, this.#likelyLack(offer, uncovered));
    this.#owed = 0;
    if (slots === 0) this.sayBeacon(offer);
    else {
      this.#burst = { total: 0, slots, hops: state.neighbours.nearestHops(), answer: false, over: base };
      await this.#next();
    }
  }

  /** Slots that the neediest listener will lack of these news, most likely; 0 when it is better to tell of them only. */
  #likelyLack(offer: Offer, uncovered: readonly Member[]): number {
    const { state, clock } = this.#ports;
    const listeners = state.neighbours.near(clock.monotonicMs());
    const { ratio } = state.loss;
    const fresh = new Set(uncovered.map(({ hex }) => hex));
    const slots = offer.streams.reduce((sum, { hex, bytes }) => (fresh.has(hex) ? sum + slotsOf(bytes) : sum), 0);
    if (1 - (1 - ratio) ** (listeners * fresh.size) < SEND_FROM) return 0;
    const spread = Math.sqrt((ratio * (1 - ratio)) / Math.max(1, fresh.size));
    const neediest = ratio + 0.5 * Math.sqrt(2 * Math.log(1 + listeners)) * spread;
    return Math.max(1, Math.round((Math.min(1, neediest) * slots) / (1 - ratio)));
  }

  /** The next packet of the burst; it follows when the one before has left. */
  async #next(): Promise<void> {
    const { air, state, agenda, floor, count } = this.#ports;
    const burst = this.#burst;
    if (burst === undefined) return;
    const offer = await this.offer(burst.over);
    if (offer.slots === 0 || burst !== this.#burst) return this.#endBurst();
    burst.total = offer.slots;
    this.#last = offer;
    burst.slots = Math.min(burst.slots, Math.ceil(offer.slots / (1 - state.loss.ratio)));
    const head = repairHeadBytes(offer.holdings);
    const most = Math.floor((air.maxMessageBytes - head) / SLOT_BYTES);
    const now = this.#filled(Math.min(most, burst.slots, offer.slots), Math.min(most, offer.slots), head);
    const left = Math.min(MAX_LEFT, Math.max(0, Math.ceil((burst.slots - now) / most)));
    const repair = this.#repair(offer, now, left);
    burst.slots -= now;
    const said = air.say(repair, {
      priority: burst.answer ? ANSWER : INDEX,
      key: "index:repair",
      ...(burst.hops === undefined ? {} : { hops: burst.hops }),
      onSent: () => {
        this.noteSaid(repair.seed);
        for (const { hex, to } of offer.streams) state.cover(hex, to);
        count("repairs_said");
        if (burst.slots > 0) agenda.set("index:burst", 0, () => this.#next());
        else this.#endBurst();
        this.#ports.onSaid();
      },
    });
    if (!said) this.#endBurst();
    else agenda.set("index:burst", 120_000 + 60 * floor.packetMs, () => this.#endBurst());
  }

  /** More slots, where they cost no airtime: symbols and the radio's own signature come in steps. */
  #filled(slots: number, most: number, head: number): number {
    const { air } = this.#ports;
    const cost = (count: number): number => air.airtimeMs(head + count * SLOT_BYTES);
    let best = slots;
    for (let more = slots + 1; more <= most; more++) if (cost(more) <= cost(slots)) best = more;
    return best;
  }

  #endBurst(): void {
    this.#burst = undefined;
    // Not sooner: the packets of a burst add up because they speak of the same streams.
    if (this.#last !== undefined) this.#noteTold(this.#last);
    this.#last = undefined;
    this.#ports.air.cancel("index:repair");
    this.#ports.agenda.cancel("index:burst");
    this.arm();
  }

  #repair({ holdings, streams }: Offer, count: number, left: number): Repair {
    this.#seed = (this.#seed + 1) % 0x1_0000;
    const pieces = streams.flatMap(({ bytes }) => Array.from({ length: slotsOf(bytes) }, (_, i) => slotAt(bytes, i)));
    const coded: Bytes[] = [];
    for (let i = 0; i < count; i++) {
      const slot = new Uint8Array(SLOT_BYTES);
      addCombination(slot, pieces, coefficients(this.#seed, i, pieces.length));
      coded.push(slot);
    }
    return { type: "repair", holdings, seed: this.#seed, left, coded: concatBytes(...coded) };
  }

  /** Tells what we hold, without any of it. */
  sayBeacon(offer: Offer, hops?: number, expiresInMs?: number): void {
    const { air, state, count } = this.#ports;
    const beacon = {
      type: "beacon",
      sender: state.shard.author.id.subarray(0, SHORT_ID_BYTES),
      holdings: offer.holdings,
    } as const;
    const tag = state.vector.tag;
    air.say(beacon, {
      priority: INDEX,
      key: "beacon",
      ...(hops === undefined ? {} : { hops }),
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
      onSent: () => {
        this.noteSaid(tag & 0xffff);
        this.#noteTold(offer);
        for (const { hex, to } of offer.streams) state.cover(hex, to);
        count("beacons_said");
        this.#ports.onSaid();
      },
    });
  }

  /**
   * All that we hold beyond a base, or just what somebody lacks; what nobody was told yet comes first where not all fits.
   */
  async offer(over: Base | readonly Lack[]): Promise<Offer> {
    const { state } = this.#ports;
    const base = "tag" in over ? over : NOTHING;
    const all =
      "tag" in over ? state.newsOver(over).map((member) => ({ member, from: countIn(over, member.hex) })) : over;
    const turns = new Map([...this.#told].map((hex, turn) => [hex, turn + 1]));
    const turn = ({ member }: Lack): number => turns.get(member.hex) ?? 0;
    const order = [...all].sort((a, b) => this.#age(a.member) - this.#age(b.member) || turn(a) - turn(b));
    const chosen: Stream[] = [];
    let slots = 0;
    for (const { member, from } of order) {
      const { hex, id, count: to } = member;
      const stream = await state.streams.fitting({ hex, id, from, to }, MAX_OFFER_SLOTS - slots);
      if (stream === undefined) continue;
      chosen.push(stream);
      slots += slotsOf(stream.bytes);
      if (repairHeadBytes(this.#holdings(base, inOrder(base, chosen), true)) <= MAX_HEAD_BYTES) continue;
      if (chosen.length > 1) slots -= slotsOf(chosen.pop()?.bytes ?? new Uint8Array());
      break;
    }
    const whole = chosen.length === all.length && chosen.every(({ hex, to }) => state.vector.count(hex) === to);
    const streams = inOrder(base, chosen);
    return { holdings: this.#holdings(base, streams, !whole || over !== base), streams, slots };
  }

  #noteTold({ streams }: Offer): void {
    for (const { hex } of streams) {
      this.#told.delete(hex);
      this.#told.add(hex);
    }
    for (const hex of this.#told) {
      if (this.#told.size <= MAX_TOLD) return;
      this.#told.delete(hex);
    }
  }

  #age({ hex, count }: Member): number {
    return this.#ports.state.coveredUpTo(hex) < count ? 0 : 1;
  }

  #holdings(base: Base, streams: readonly Stream[], partial: boolean): Holdings {
    const { state } = this.#ports;
    const rows: Holdings["rows"][number][] = [];
    const strangers: Holdings["strangers"][number][] = [];
    for (const { hex, id, from, to, bytes } of streams) {
      const number = base.numbers.get(hex);
      const stream = { delta: to - from, slots: slotsOf(bytes) };
      if (number !== undefined) rows.push({ number, ...stream });
      else {
        const short = id.subarray(0, SHORT_ID_BYTES);
        strangers.push({ author: state.vector.matching(short).length > 1 ? id : short, from, ...stream });
      }
    }
    return { base: base.tag, partial, rows, strangers };
  }
}

/** Authors of the base by their numbers, then the others by their ids. */
function inOrder(base: Base, streams: readonly Stream[]): Stream[] {
  const place = ({ hex }: Stream): number => base.numbers.get(hex) ?? Number.MAX_SAFE_INTEGER;
  return [...streams].sort((a, b) => place(a) - place(b) || (a.hex < b.hex ? -1 : 1));
}
