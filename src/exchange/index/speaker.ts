/**
 * When and what this node says of what it holds: news that nobody has told of yet, and coded slots for those who lack some.
 * @module
 */
import { toHex } from "../../kernel/bytes.ts";
import { keepRecent } from "../../kernel/recent.ts";
import { ANSWER, INDEX } from "../../radio/priority.ts";
import { MAX_STRANGERS, SHORT_ID_BYTES, SLOT_BYTES } from "../../wire/holdings.ts";
import { MAX_LEFT, repairHeadBytes, type Repair } from "../../wire/repair.ts";
import type { ExchangeParts } from "../parts.ts";
import type { Floor } from "./floor.ts";
import { OFFER_LIMITS, codedSlots, isBase, likelySlots, offerOf, type Offer, type Over } from "./offers.ts";
import { mostPackets, planFor, planForAll, type Plan } from "./plans.ts";
import { referenceToBeacon, referenceToPush } from "./reference.ts";
import { countIn, type IndexState, type Lack } from "./state.ts";
import { slotsOf, type Stream } from "./streams.ts";
import type { Base, Member } from "./vector.ts";

export interface SpeakerPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
  /** Something was said that others may have to answer. */
  readonly onSaid: () => void;
}

interface Burst {
  /** Slots of all that is coded; 0 before the first packet. */
  total: number;
  packets: number;
  last: Offer | undefined;
  readonly perPacket: number | undefined;
  readonly hops: number | undefined;
  readonly answer: boolean;
  readonly over: Over;
}

interface BeaconWishes {
  readonly hops?: number | undefined;
  readonly expiresInMs?: number;
  /** That the others know; of nothing, if they know none of ours. The current one when left out. */
  readonly base?: Base;
  /** In the queue: an answer must not take the place of what all are told. */
  readonly key?: string;
}

/** Help for a speaker that lacks some of what we hold. */
interface Aid {
  /** How badly placed we are ourselves, 0 … 4. */
  readonly handicap: number;
  /** What the speaker lacks; undefined when we hold more in all, and should speak in its place. */
  readonly lacks: readonly Lack[] | undefined;
}

const MAX_BEACON_SLOTS = 1_000_000;
const MAX_REMEMBERED = 64;
/** Questions that come so soon after a burst, in packets, were asked before it was heard. */
const CROSSED = 0.55;
/** Who holds so much more than a speaker takes over. */
const TAKE_OVER_FROM = 1.03;
/** In packets: so soon after own news were said, others can't have told of them. */
const OWN_AGAIN = 8;
/** In packets: after so long a silence the talk begins anew. */
const SESSION = 12;

export class Speaker {
  readonly #ports: SpeakerPorts;
  #burst: Burst | undefined;
  /** Slots that others lack, as their beacons tell or they asked somebody who does not answer; over which base. */
  #owed: { readonly slots: number; readonly over: Over } | undefined;
  #seed: number;
  /** What was said lately, by the number that questions refer to. */
  readonly #said = new Map<number, Over>();
  /** What we could do for who speaks; undefined when nobody does, or nothing. */
  #aid: Aid | undefined;
  #aidDueMs = 0;
  /** Since when there is something to say; undefined when there is not. Monotonic ms. */
  #sinceMs: number | undefined;
  /** True when somebody was heard who lacks our own news after we had sent them: many may not have heard us. */
  #unheard = false;
  #ownSaidMs = Number.NEGATIVE_INFINITY;
  /** Packets of coded slots since the talk began, ours and others'. */
  #session = { packets: 0, lastMs: Number.NEGATIVE_INFINITY };
  #lastBurst = { endMs: Number.NEGATIVE_INFINITY, slots: 0 };

  constructor(ports: SpeakerPorts) {
    this.#ports = ports;
    this.#seed = Math.floor(ports.floor.chance() * 0x1_0000);
  }

  /** Index talk was heard, or something changed: who has something to say waits for its end. */
  arm(): void {
    const { agenda, clock, floor, state } = this.#ports;
    if (this.#burst !== undefined) return;
    const aid = this.#aid;
    this.#aid = undefined;
    if (this.#isContent) {
      agenda.cancel("index:speak");
      this.#aidDueMs = 0;
      this.#sinceMs = undefined;
      return;
    }
    const nowMs = clock.monotonicMs();
    this.#sinceMs ??= nowMs;
    const waitMs = aid === undefined ? floor.speakDelayMs(state.handicap) : floor.takeOverDelayMs(aid.handicap);
    // Own news that many did not hear are told whoever speaks; all else is reckoned anew after each packet.
    if (this.#unheard && nowMs < this.#aidDueMs && this.#aidDueMs < nowMs + waitMs) return;
    this.#aidDueMs = aid === undefined ? 0 : nowMs + waitMs;
    const mostMs = Math.max(0, this.#sinceMs + floor.patienceMs - nowMs);
    agenda.set("index:speak", Math.min(waitMs, mostMs), () => this.#speak(aid));
  }

  /** Nothing is to be said. */
  get #isContent(): boolean {
    return this.#owed === undefined && !this.#unheard && this.#ports.state.uncovered().length === 0;
  }

  /** Own news were pushed: who has heard a part of them can ask for the rest. */
  pushed({ id, to }: Stream): void {
    this.#ownSaidMs = this.#ports.clock.monotonicMs();
    this.#remember(referenceToPush(id, to), this.#ports.state.bases.current);
  }

  saidLately(re: number): boolean {
    return this.#said.has(re);
  }

  /** Packets that are to come anyway, and answer a question about that. */
  promised(re: number): number {
    const over = this.#said.get(re);
    return over !== undefined && this.#burst?.over === over ? this.#burst.packets : 0;
  }

  /** Somebody asks about what was said lately. False when it was not we who said it. */
  answerAbout(re: number, slots: number, hops: number | undefined): boolean {
    const over = this.#said.get(re);
    if (over !== undefined) this.answer(slots, hops, over);
    return over !== undefined;
  }

  /** Somebody asks us for so many slots. */
  answer(slots: number, hops: number | undefined, over: Over): void {
    const { agenda, floor, clock, state } = this.#ports;
    const { endMs, slots: said } = this.#lastBurst;
    if (slots <= said && clock.monotonicMs() - endMs < CROSSED * floor.packetMs) return;
    const plan = planFor(slots, 1, state.loss.ratio);
    if (this.#burst?.over === over) {
      this.#burst.packets = Math.max(this.#burst.packets, plan.packets);
      return;
    }
    this.#burst = { total: 0, last: undefined, ...plan, hops, answer: true, over };
    this.#lastBurst = { endMs, slots: 0 };
    agenda.cancel("index:speak");
    agenda.set("index:burst", (0.02 + 0.1 * floor.chance()) * floor.packetMs, () => this.#next());
  }

  /** Somebody lacks so many slots over a base that it knows; whoever is first may help. */
  owe(slots: number, over: Over): void {
    if (slots > (this.#owed?.slots ?? 0)) this.#owed = { slots, over };
  }

  /**
   * Another speaker said so many slots: they serve those whom we owe.
   * @param total slots of all that it holds
   */
  heardRepair(slots: number, total: number): void {
    const left = (this.#owed?.slots ?? 0) - slots;
    if (this.#owed !== undefined) this.#owed = left > 0 ? { ...this.#owed, slots: left } : undefined;
    if (this.#burst !== undefined && total >= this.#burst.total) this.#endBurst();
    this.#countSession();
  }

  /**
   * Who speaks lacks some of what we hold. Who holds more in all speaks in its place; else it is told what it lacks, so
   * that it speaks of that, too.
   * @param total slots of all that it holds
   */
  aid(lacks: readonly Lack[], total: number): void {
    const { clock, floor, state } = this.#ports;
    const justSaid = clock.monotonicMs() - this.#ownSaidMs < OWN_AGAIN * floor.packetMs;
    if (!justSaid && lacks.some(({ member }) => member.hex === this.#ownHex) && !state.isConfirmed(this.#ownHex)) {
      this.#unheard = true;
      this.#aid = { handicap: 0, lacks: undefined };
      return;
    }
    const untold = new Set(state.uncovered().map(({ hex }) => hex));
    const news = lacks.filter(({ member }) => untold.has(member.hex));
    if (news.length === 0) return;
    const inPlace = this.#ownSlots() > total * TAKE_OVER_FROM;
    this.#aid = { handicap: state.handicap, lacks: inPlace ? undefined : news };
  }

  /** Tells what we hold, without any of it. */
  async sayBeacon({ hops, expiresInMs, base: given, key = "beacon" }: BeaconWishes = {}): Promise<void> {
    const { air, state, count } = this.#ports;
    const base = given ?? state.bases.current;
    const headBytes = air.maxMessageBytes - SHORT_ID_BYTES;
    const limits = { slots: MAX_BEACON_SLOTS, headBytes, strangers: MAX_STRANGERS };
    const { holdings, streams } = await offerOf(state, base, limits);
    const sender = state.shard.author.id.subarray(0, SHORT_ID_BYTES);
    const beacon = { type: "beacon", sender, holdings } as const;
    const re = referenceToBeacon(beacon);
    air.say(beacon, {
      priority: INDEX,
      key,
      ...(hops === undefined ? {} : { hops }),
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
      onSent: () => {
        this.#remember(re, base);
        state.noteTold(streams);
        this.#noteSaid(streams);
        count("beacons_said");
        this.#ports.onSaid();
      },
    });
  }

  get #isBusy(): boolean {
    return this.#burst !== undefined;
  }

  async #speak(aid: Aid | undefined): Promise<void> {
    const { state } = this.#ports;
    this.#sinceMs = undefined;
    const uncovered = state.uncovered();
    const over = this.#owed?.over ?? state.bases.current;
    const offer = await this.#offer(over);
    if (this.#isBusy || this.#isContent || offer.slots === 0) return;
    const plan = await this.#plan(offer, uncovered, aid);
    if (this.#isBusy) return;
    this.#owed = undefined;
    this.#unheard = false;
    if (plan.packets === 0) return this.sayBeacon();
    this.#burst = {
      total: 0,
      last: undefined,
      ...plan,
      hops: state.neighbours.nearestHops(),
      answer: false,
      over,
    };
    this.#lastBurst = { endMs: 0, slots: 0 };
    await this.#next();
  }

  async #plan({ streams }: Offer, uncovered: readonly Member[], aid: Aid | undefined): Promise<Plan> {
    const { state, clock } = this.#ports;
    const { ratio: loss } = state.loss;
    if (this.#owed !== undefined) return planFor(this.#owed.slots, 1, loss);
    if (aid?.lacks !== undefined) return planFor(await state.slotsFor(aid.lacks), 0, loss);
    const fresh = new Set(uncovered.map(({ hex }) => hex));
    const news = streams.filter(({ hex }) => aid !== undefined || fresh.has(hex));
    const certain = this.#unheard && news.some(({ hex }) => hex === this.#ownHex) ? 1 : 0;
    const sizes = news.map(({ bytes }) => slotsOf(bytes));
    const listeners = state.neighbours.near(clock.monotonicMs());
    const plan = planForAll(sizes, certain, { listeners, loss, pushLoss: state.pushLoss.ratio });
    // Who takes over goes on where the other was.
    return aid === undefined ? plan : { ...plan, packets: Math.max(1, plan.packets - this.#session.packets) };
  }

  /** The next packet of the burst; it follows when the one before has left. */
  async #next(): Promise<void> {
    const { air, state, agenda, clock, floor, count } = this.#ports;
    const burst = this.#burst;
    if (burst === undefined) return;
    const offer = await this.#offer(burst.over);
    if (offer.slots === 0 || burst !== this.#burst) return this.#endBurst();
    burst.total = offer.slots;
    burst.last = offer;
    const head = repairHeadBytes(offer.holdings);
    const most = Math.min(offer.slots, Math.floor((air.maxMessageBytes - head) / SLOT_BYTES));
    const now = this.#filled(Math.min(most, burst.perPacket ?? most), most, head);
    burst.packets = Math.min(burst.packets, mostPackets(offer.slots, now, state.loss.ratio)) - 1;
    const left = burst.packets + restOf(burst.over, offer).length;
    const repair = this.#repair(offer, now, Math.min(MAX_LEFT, left));
    const airMs = air.airtimeMs(head + now * SLOT_BYTES);
    const said = air.say(repair, {
      priority: burst.answer ? ANSWER : INDEX,
      key: "index:repair",
      ...(burst.hops === undefined ? {} : { hops: burst.hops }),
      onSent: () => {
        this.#remember(repair.seed, this.#saidOf(offer, burst.over));
        this.#countSession();
        this.#lastBurst = { endMs: clock.monotonicMs() + airMs, slots: this.#lastBurst.slots + now };
        this.#noteSaid(offer.streams);
        count("repairs_said");
        if (burst.packets > 0) agenda.set("index:burst", 0, () => this.#next());
        else void this.#goOn(burst);
        this.#ports.onSaid();
      },
    });
    if (!said) this.#endBurst();
    else agenda.set("index:burst", 120_000 + 60 * floor.packetMs, () => this.#endBurst());
  }

  /** What was asked for by name, and had no room in one group, is the next one. */
  async #goOn({ last, over, hops, answer }: Burst): Promise<void> {
    const { state, agenda } = this.#ports;
    const lacks = last === undefined ? [] : restOf(over, last);
    this.#endBurst();
    if (lacks.length === 0 || isBase(over)) return;
    const plan = planFor(await state.slotsFor(lacks), 1, state.loss.ratio);
    if (this.#isBusy) return;
    this.#burst = { total: 0, last: undefined, ...plan, hops, answer, over: { base: over.base, lacks } };
    agenda.cancel("index:speak");
    agenda.set("index:burst", 0, () => this.#next());
  }

  #offer(over: Over): Promise<Offer> {
    return offerOf(this.#ports.state, over, OFFER_LIMITS);
  }

  /** What a packet was about: of more than fits one, just what it told. */
  #saidOf({ holdings, streams }: Offer, over: Over): Over {
    if (!holdings.partial || !isBase(over)) return over;
    const lacks = streams.flatMap(({ hex, from }) => {
      const member = this.#ports.state.vector.member(hex);
      return member === undefined ? [] : [{ member, from }];
    });
    return { base: over, lacks };
  }

  #repair(offer: Offer, count: number, left: number): Repair {
    this.#seed = (this.#seed + 1) % 0x1_0000;
    const coded = codedSlots(offer, this.#seed, count);
    return { type: "repair", holdings: offer.holdings, seed: this.#seed, left, coded };
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
    // Not sooner: the packets of a burst add up because they speak of the same streams.
    this.#ports.state.noteTold(this.#burst?.last?.streams ?? []);
    this.#burst = undefined;
    this.#ports.air.cancel("index:repair");
    this.#ports.agenda.cancel("index:burst");
    this.arm();
  }

  #noteSaid(streams: readonly Stream[]): void {
    for (const { hex, to } of streams) {
      this.#ports.state.cover(hex, to);
      if (hex === this.#ownHex) this.#ownSaidMs = this.#ports.clock.monotonicMs();
    }
  }

  #countSession(): void {
    const { clock, floor } = this.#ports;
    const nowMs = clock.monotonicMs();
    const goesOn = nowMs - this.#session.lastMs < SESSION * floor.packetMs;
    this.#session = { packets: goesOn ? this.#session.packets + 1 : 1, lastMs: nowMs };
  }

  #remember(re: number, over: Over): void {
    keepRecent(this.#said, re, over, MAX_REMEMBERED);
  }

  get #ownHex(): string {
    return toHex(this.#ports.state.shard.author.id);
  }

  /** Slots of all that we hold beyond our base, about. */
  #ownSlots(): number {
    const { state } = this.#ports;
    const base = state.bases.current;
    return state.newsOver(base).reduce((sum, member) => sum + likelySlots(member, countIn(base, member.hex)), 0);
  }
}

/** Of what was asked for by name, what that offer has no room for. */
function restOf(over: Over, { streams }: Offer): readonly Lack[] {
  if (isBase(over)) return [];
  const told = new Set(streams.map(({ hex }) => hex));
  return over.lacks.filter(({ member }) => !told.has(member.hex));
}
