/**
 * Keeps index logs in step. An author pushes its new entries once (UPDATE); whoever holds news that nobody told of yet
 * tells of them, or sends coded slots over all of them at once (BEACON, REPAIR); whoever lacks some asks for a count
 * (WANT). Newcomers ask for everything (PULL).
 *
 * Every decision here is about whom to ask and when to speak. What may be believed is decided by `dag/`, by signature.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { Beacon } from "../wire/beacon.ts";
import { SLOT_BYTES, type Holdings } from "../wire/holdings.ts";
import type { Pull } from "../wire/pull.ts";
import type { Repair } from "../wire/repair.ts";
import type { Update } from "../wire/update.ts";
import type { Want } from "../wire/want.ts";
import { Beacons } from "./beacons.ts";
import { Answers } from "./index/answers.ts";
import { Asker } from "./index/asker.ts";
import { Floor } from "./index/floor.ts";
import { IDLE_MS, type Announced, type Word } from "./index/gathering.ts";
import { Harvest, introduced } from "./index/harvest.ts";
import { isFarther } from "./index/holders.ts";
import { Puller } from "./index/puller.ts";
import { Pusher } from "./index/pusher.ts";
import { referenceToBeacon, referenceToPush } from "./index/reference.ts";
import { Speaker } from "./index/speaker.ts";
import { fitsOffer, overFor } from "./index/offers.ts";
import { NOTHING } from "./index/vector.ts";
import { IndexState, countIn, type IndexShard, type Lack, type Resolved } from "./index/state.ts";
import { parseStream } from "./index/streams.ts";
import type { Neighbours } from "./neighbours.ts";
import type { NeighboursBudget } from "./neighbours-budget.ts";
import type { ExchangeParts, Origin } from "./parts.ts";

export interface IndexSyncPorts extends ExchangeParts {
  readonly shard: IndexShard;
  readonly budget: NeighboursBudget;
}

/** A slow preset needs longer for the same talk. */
const IDLE_PACKETS = 280;

/** Where a packet came from, and its length. */
type Heard = Origin & { readonly payloadBytes: number };

export class IndexSync {
  readonly #ports: IndexSyncPorts;
  readonly #state: IndexState;
  readonly #floor: Floor;
  readonly #beacons: Beacons;
  readonly #pusher: Pusher;
  readonly #speaker: Speaker;
  readonly #asker: Asker;
  readonly #puller: Puller;
  readonly #answers: Answers;
  readonly #harvest: Harvest;

  constructor(ports: IndexSyncPorts) {
    this.#ports = ports;
    this.#state = new IndexState(ports.shard);
    this.#floor = new Floor(ports, () => this.#state.crowd(this.#nowMs()));
    const shared = { ...ports, state: this.#state, floor: this.#floor };
    const onSaid = (): void => this.#rearm();
    this.#pusher = new Pusher({
      ...shared,
      onSaid: (stream) => {
        this.#speaker.pushed(stream);
        onSaid();
      },
    });
    this.#speaker = new Speaker({ ...shared, onSaid });
    this.#asker = new Asker(shared);
    this.#puller = new Puller(shared);
    this.#harvest = new Harvest({
      ...shared,
      asker: this.#asker,
      puller: this.#puller,
      onGrown: () => this.#beacons.differs(),
    });
    this.#answers = new Answers({ ...shared, speaker: this.#speaker });
    this.#beacons = new Beacons({
      ...ports,
      alone: () => this.neighbours.size === 0,
      nearestHops: () => this.neighbours.nearestHops(),
      listeners: () => this.#state.crowd(this.#nowMs()),
      isBusy: () =>
        this.#floor.busyMs > 0 ||
        ports.agenda.has("index:speak") ||
        ports.agenda.has("index:ask") ||
        this.#pusher.waiting,
      say: (hops, expiresInMs) => this.#speaker.sayBeacon({ hops, expiresInMs }),
    });
  }

  get neighbours(): Neighbours {
    return this.#state.neighbours;
  }

  /** True while others are known to have entries that are not here. */
  get isBehind(): boolean {
    return this.#state.gathering.wanted.length > 0 || this.#ports.agenda.has("index:pull");
  }

  /** Radios whose coded slots are ignored now, because some proved false. */
  liars(): readonly { readonly radio: number; readonly untilMs: number }[] {
    return this.#harvest.liars();
  }

  /** Begin to beacon. */
  start(): void {
    this.#state.refresh(this.#nowMs());
    this.#state.bases.start(this.#nowMs());
    this.#pusher.start();
    this.#beacons.start();
  }

  /** This node's own log grew: tell everybody soon, and at once for entries that come together. */
  announce(): void {
    this.#state.refresh(this.#nowMs());
    this.#pusher.announce();
  }

  async onBeacon(beacon: Beacon, origin: Heard): Promise<void> {
    const { sender, holdings } = beacon;
    const author = this.#state.vector.matching(sender);
    this.#note(origin, author.length === 1 ? author[0] : toHex(sender));
    await this.#onHoldings(holdings, origin, { re: referenceToBeacon(beacon), isBeacon: true });
    this.#rearm();
  }

  async onRepair(repair: Repair, origin: Heard): Promise<void> {
    const { holdings, seed, left, coded } = repair;
    this.#note(origin);
    this.#pusher.heard(origin.payloadBytes, false);
    const lost = this.#floor.heardBurst(origin.from, left);
    this.#state.loss.note(lost, lost + 1);
    this.#speaker.heardRepair(coded.length / SLOT_BYTES, sum(holdings.rows) + sum(holdings.strangers));
    const resolved = await this.#onHoldings(holdings, origin, { re: seed, isBeacon: false });
    if (resolved === undefined) return this.#rearm();
    if (!isFarther(origin.hops, this.neighbours.nearestHops())) this.#answers.heardRepair(resolved);
    await this.#harvest.learn(resolved.streams, seed, coded, { radio: origin.from, nowMs: this.#nowMs() });
    this.#rearm();
  }

  async onUpdate(update: Update, origin: Heard): Promise<void> {
    const { author, from, delta, known, slot, bytes } = update;
    this.#state.noteKnown(known + 1);
    this.#pusher.heard(origin.payloadBytes, true);
    const alike = this.#state.vector.matching(author);
    const whole = slot === 0 ? parseStream(bytes, delta) : undefined;
    const id = this.#authorOf(update, alike, whole?.entries[0]);
    if (id === undefined) this.#note(origin);
    else {
      const hex = toHex(id);
      this.#note(origin, hex);
      if (whole !== undefined) await this.#harvest.merge(hex, id, from, whole.entries, whole.signature);
      else if (from <= this.#state.vector.count(hex)) await this.#onPiece(hex, update, origin);
    }
    this.#rearm();
  }

  /** Somebody asks for a count. */
  onWant(want: Want, origin: Heard): void {
    this.#note(origin);
    this.#asker.heardWant(want.slots, origin);
    this.#answers.onWant(want, origin);
    this.#rearm();
  }

  /** Somebody asks for all that it lacks. */
  async onPull(pull: Pull, origin: Heard): Promise<void> {
    this.#note(origin);
    this.#asker.heardPull(pull, origin);
    this.#puller.heardPull(pull, origin);
    await this.#answers.onPull(pull, origin);
    this.#rearm();
  }

  /** What is common to all who say what they hold. @param re how a question refers to it */
  async #onHoldings(
    holdings: Holdings,
    origin: Heard,
    { re, isBeacon }: { readonly re: number; readonly isBeacon: boolean },
  ): Promise<Resolved | undefined> {
    const { bases, vector, neighbours } = this.#state;
    this.#state.refresh(this.#nowMs());
    const resolved = this.#state.resolve(holdings);
    if (resolved === undefined) {
      this.#ports.count("bases_unknown");
      if (this.#puller.heardUnknown(holdings.base, origin)) this.#beacons.differs();
      return undefined;
    }
    this.#puller.understood(!resolved.partial);
    this.#answers.heardOver(resolved.base);
    bases.heard(resolved.base, this.#nowMs());
    if (resolved.base === bases.current) this.#state.noteKnown(resolved.streams.length);
    const claims = { get: (hex: string) => claimOf(resolved, hex) };
    neighbours.note({ radio: origin.from, hops: origin.hops, claims }, this.#nowMs());
    if (resolved.tag === vector.tag) {
      bases.agree(this.#nowMs());
      this.#cover(resolved);
      this.#beacons.agrees();
      return resolved;
    }
    const fresh = resolved.streams.filter(({ hex, to }) => to > this.#state.coveredUpTo(hex));
    const word = { radio: origin.from, nowMs: this.#nowMs() };
    const lacking = resolved.streams.filter((stream) => this.#state.lacks(stream, word.nowMs));
    if (fresh.length > 0) {
      const missed = fresh.filter((stream) => lacking.includes(stream)).length;
      this.#state.pushLoss.note(missed, fresh.length);
    }
    await this.#want(lacking, word);
    const { streams, partial } = resolved;
    this.#answers.heard(re, resolved);
    const isLong = !fitsOffer(holdings);
    this.#asker.heardHolder(origin, { re, streams, partial, isPush: false, isLong, base: resolved.base }, sum(fresh));
    // Those behind relays are told by their own neighbours; only where there is nobody nearer do they count as ours.
    if (isFarther(origin.hops, neighbours.nearestHops())) return resolved;
    this.#cover(resolved);
    const lacks = this.#state.lackedBy(resolved);
    this.#speaker.aid(lacks, sum(resolved.streams));
    if (lacking.length > 0 || lacks.length > 0) this.#beacons.differs();
    // A REPAIR over no more than we hold is for others: it neither agrees nor differs.
    if (isBeacon) await this.#weigh(resolved, lacks, lacking.length);
    return resolved;
  }

  /** A BEACON: what its sender lacks is owed to it, and who says the same as we would speaks for us. */
  async #weigh(said: Resolved, lacks: readonly Lack[], lacking: number): Promise<void> {
    if (lacks.length > 0) this.#speaker.owe(await this.#state.slotsFor(lacks), overFor(said.base, lacks));
    // Who has no room to tell all over an old base does not know ours: what it lacks can't be told.
    const isBehind = said.partial && said.base !== this.#state.bases.current;
    if (isBehind) this.#beacons.differs();
    else if (lacks.length + lacking === 0) this.#beacons.agrees();
  }

  async #want(streams: readonly Announced[], word: Word): Promise<void> {
    if (this.#state.credit.isSpent(word.radio, word.nowMs)) return;
    for (const stream of streams) {
      const part = await this.#state.part(stream, word.nowMs);
      this.#state.gathering.want({ ...part, wanted: true }, word);
    }
  }

  /** A part of what an author pushed. For the rest it can be asked, unless somebody else tells of it first. */
  async #onPiece(hex: string, { author, from, delta, slots, slot, bytes }: Update, origin: Heard): Promise<void> {
    const stream = { hex, from, to: from + delta, slots };
    const word = { radio: origin.from, nowMs: this.#nowMs() };
    if (!(await this.#harvest.learnPiece(stream, slot, bytes, word))) return;
    const said = {
      re: referenceToPush(author, stream.to),
      streams: [stream],
      partial: false,
      isPush: true,
      isLong: false,
      base: NOTHING,
    };
    this.#asker.heardHolder(origin, said, 0);
    await this.#harvest.gather(origin.from);
  }

  #authorOf({ author, from }: Update, alike: readonly string[], first: Uint8Array | undefined): Uint8Array | undefined {
    const hex = alike.length === 1 ? alike[0] : undefined;
    const known = hex === undefined ? undefined : this.#state.vector.member(hex);
    if (known !== undefined) return known.id;
    const id = from === 0 && first !== undefined ? introduced(first) : undefined;
    return id !== undefined && toHex(id).startsWith(toHex(author)) ? id : undefined;
  }

  #cover({ base, streams, partial }: Resolved): void {
    const ownHex = toHex(this.#state.shard.author.id);
    const own = streams.find(({ hex }) => hex === ownHex);
    this.#state.confirm(Math.max(own?.to ?? 0, countIn(base, ownHex)));
    for (const { hex, to } of streams) this.#state.cover(hex, to);
    if (partial) return;
    for (const { hex, count } of base === this.#state.bases.current ? [] : base.members) this.#state.cover(hex, count);
  }

  #note({ from, hops }: Heard, author?: string): void {
    const sign = { radio: from, hops, ...(author === undefined ? {} : { author }) };
    if (this.neighbours.note(sign, this.#nowMs())) this.#ports.log.info("neighbour heard", { radio: from });
  }

  /** After every packet: who has something to ask or to say waits for the end of the talk. */
  #rearm(): void {
    const idleMs = Math.max(IDLE_MS, IDLE_PACKETS * this.#floor.packetMs);
    this.#state.gathering.sweep(this.#nowMs(), idleMs);
    this.#asker.arm();
    if (!this.#pusher.waiting) this.#speaker.arm();
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }
}

function claimOf({ base, streams }: Resolved, hex: string): number {
  return streams.find((stream) => stream.hex === hex)?.to ?? countIn(base, hex);
}

function sum(streams: readonly { readonly slots: number }[]): number {
  return streams.reduce((all, { slots }) => all + slots, 0);
}
