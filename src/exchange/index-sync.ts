/**
 * Keeps index logs in step: beacons say who holds how much, WANT asks for what is missing, UPDATE brings it.
 *
 * Every decision here is about whom to ask and when to speak. What may be believed is decided by `dag/`, by signature.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { MergeVerdict, Shard } from "../dag/shard.ts";
import type { Beacon } from "../wire/beacon.ts";
import type { AuthorId } from "../wire/message-codec.ts";
import type { Update } from "../wire/update.ts";
import type { Want } from "../wire/want.ts";
import { entriesThatFit } from "../wire/packing.ts";
import { ANSWER, INDEX } from "../radio/priority.ts";
import { TRIES_A_RELAY, type ExchangeParts, type Origin } from "./parts.ts";
import { chance } from "../radio/chance.ts";
import { Insistence } from "./insistence.ts";
import { Neighbours } from "./neighbours.ts";
import { backOff } from "./timing.ts";
import { HourlyAllowance } from "./allowance.ts";
import { Beacons } from "./beacons.ts";

export interface IndexSyncPorts extends ExchangeParts {
  readonly shard: Pick<Shard, "author" | "authors" | "vector" | "entries" | "merge">;
}

/** What this node still owes to askers of one log: entries `first` … `last`. */
interface Owed {
  readonly first: number;
  readonly last: number;
  /** Relays to the farthest asker; undefined for everybody. */
  readonly hops: number | undefined;
}

/** UPDATE packets in one answer; who needs more asks again, and hears others in between. */
const MAX_PACKETS_AN_ANSWER = 8;
const MAX_WANT = 255;
/** Logs that are asked for at once; the others' turn comes with later beacons. */
const MAX_WANTS = 16;
/** … of them of authors of whom nothing is held: anybody can make up such, and they must not keep out the known. */
const MAX_STRANGERS = 8;
/** Tries in vain for an author of whom nothing is held: it may not exist. */
const TRIES_FOR_STRANGERS = 20;

function updateKey(authorHex: string, first: number): string {
  return `update:${authorHex}:${first}`;
}

function farther(owed: Owed | undefined, hops: number): number | undefined {
  return owed === undefined ? hops : owed.hops === undefined ? undefined : Math.max(owed.hops, hops);
}

export class IndexSync {
  readonly neighbours = new Neighbours();
  readonly #ports: IndexSyncPorts;
  readonly #beacons: Beacons;
  readonly #allowance = new HourlyAllowance();
  readonly #insistence = new Insistence();
  readonly #owed = new Map<string, Owed>();
  /** Authors whose entries are being asked for. */
  readonly #wanted = new Set<string>();
  readonly #fruitless = new Map<string, number>();
  /** Entries of the own log that were announced, or were there before this run: beacons tell of those. */
  #announced = 0;
  /** When entries of the own log were last sent, monotonic. */
  #ownSaidMs = Number.NEGATIVE_INFINITY;

  constructor(ports: IndexSyncPorts) {
    this.#ports = ports;
    this.#beacons = new Beacons({
      ...ports,
      alone: () => this.neighbours.list().length === 0,
      nearestHops: () => this.neighbours.nearestHops(),
    });
  }

  /** Begin to beacon. */
  start(): void {
    const held = this.#held(toHex(this.#ports.shard.author.id));
    // A log that begins goes out with its first file: without the introduction nobody could verify that.
    this.#announced = held === 1 ? 0 : held;
    this.#beacons.start();
  }

  /** This node's own log grew: tell everybody soon, and at once for entries that come together. */
  announce(): void {
    if (this.#ports.agenda.has("announce")) return;
    // At random: a storm warning makes many people write at the same moment.
    const waitMs = (0.25 + this.#chance()) * this.#ports.air.timing().announceMs;
    this.#ports.agenda.set("announce", waitMs, async () => {
      const own = this.#ports.shard.author.id;
      const first = this.#announced + 1;
      this.#announced = this.#held(toHex(own));
      if (first > this.#announced) return;
      await this.#send(own, { first, last: this.#announced, hops: undefined });
      this.#beacons.differs();
    });
  }

  onBeacon(beacon: Beacon, origin: Origin): void {
    const before = this.neighbours.list().length;
    this.neighbours.note(beacon, this.#nowMs(), origin.hops);
    if (this.neighbours.list().length > before)
      this.#ports.log.info("neighbour heard", { author: toHex(beacon.sender) });
    const theirs = new Map(beacon.vector.map((row) => [toHex(row.author), row]));
    let same = true;
    for (const [key, { author, count }] of theirs) {
      if (count === this.#held(key)) continue;
      same = false;
      if (count > this.#held(key)) this.#want(author);
    }
    const weHaveMore =
      !beacon.partial &&
      this.#ports.shard.vector().some(({ author, count }) => count > 0 && !theirs.has(toHex(author)));
    this.#offerOwn(theirs, beacon.partial, origin);
    if (same && !weHaveMore) this.#beacons.agrees();
    else this.#beacons.differs();
  }

  /** Who lacks entries of our own log need not ask for them first: over a lossy way that saves a round. */
  #offerOwn(theirs: ReadonlyMap<string, { count: number }>, partial: boolean, origin: Origin): void {
    const author = this.#ports.shard.author.id;
    const row = theirs.get(toHex(author));
    if (row === undefined && partial) return;
    // What was said a moment ago may have crossed with this beacon.
    if (this.#nowMs() - this.#ownSaidMs < this.#ports.air.timing().wantRetryMs) return;
    const first = (row?.count ?? 0) + 1;
    const count = this.#held(toHex(author)) - first + 1;
    if (count > 0) this.onWant({ type: "want", author, first, count: Math.min(count, MAX_WANT) }, origin);
  }

  /** Somebody asks. If we hold it, we answer after a random wait, unless somebody else did by then. */
  onWant(want: Want, { from, hops }: Origin): void {
    const key = toHex(want.author);
    const last = Math.min(want.first + want.count - 1, this.#held(key));
    // An overheard WANT for the same entries makes ours superfluous for now.
    if (this.#wanted.has(key) && want.first <= this.#held(key) + 1) this.#wantLater(want.author);
    if (last < want.first) return;
    const owed = this.#owed.get(key);
    const beyond = this.#insistence.note(`${from} ${key}`, want.first);
    this.#owed.set(key, {
      first: Math.min(owed?.first ?? want.first, want.first),
      last: Math.max(owed?.last ?? last, last),
      hops: farther(owed, this.#ports.air.reach(hops === undefined ? undefined : hops + beyond)),
    });
    if (owed !== undefined) return;
    const own = key === toHex(this.#ports.shard.author.id);
    const delayMs = (own ? this.#chance() / 2 : 0.5 + this.#chance()) * this.#ports.air.timing().answerSpreadMs;
    if (!this.#ports.agenda.set(`answer:${key}`, delayMs, () => this.#answer(want.author))) this.#owed.delete(key);
  }

  async onUpdate(update: Update): Promise<MergeVerdict> {
    const key = toHex(update.author);
    this.#answeredByAnother(key, update);
    const before = this.#held(key);
    const verdict = await this.#ports.shard.merge(update.author, update.first, update.entries, update.signature);
    this.#ports.count(`update_${verdict.kind}`);
    if (this.#held(key) > before) this.#progress(update.author);
    else if (verdict.kind === "gap" || verdict.kind === "pending") this.#want(update.author, update);
    return verdict;
  }

  /** How far behind the most boastful neighbour we are, in entries of that author. */
  #lacking(key: string): number {
    return this.neighbours.longestClaim(key) - this.#held(key);
  }

  #want(author: AuthorId, seen?: Update): void {
    const key = toHex(author);
    if (this.#wanted.has(key)) return;
    if (seen === undefined && this.#lacking(key) <= 0) return;
    // Claims cost their maker nothing: a thousand made-up authors must not become a thousand questions at once.
    if (this.#wanted.size >= (this.#held(key) === 0 ? MAX_STRANGERS : MAX_WANTS)) return;
    this.#fruitless.delete(key);
    const waitMs = this.#chance() * this.#ports.air.timing().wantSpreadMs;
    const end = seen === undefined ? 0 : seen.first + seen.entries.length - 1;
    this.#plan(author, waitMs, end);
  }

  #wantLater(author: AuthorId): void {
    const key = toHex(author);
    const tries = this.#fruitless.get(key) ?? 0;
    const timing = this.#ports.air.timing();
    const waitMs = timing.wantRetryMs * backOff(timing, tries) * (1 + this.#chance() / 4);
    this.#plan(author, waitMs, 0);
  }

  /** @param atLeast a sequence number that was seen on air, although no beacon has named it yet */
  #ask(author: AuthorId, atLeast: number): void {
    const key = toHex(author);
    const first = this.#held(key) + 1;
    const last = Math.max(atLeast, this.neighbours.longestClaim(key));
    if (last < first) return this.#wantNoMore(key);
    const tries = this.#fruitless.get(key) ?? 0;
    if (tries >= this.#mostTries(key)) {
      this.#wantNoMore(key);
      this.neighbours.disbelieve(key);
      this.#ports.count("wants_given_up");
      return;
    }
    this.#fruitless.set(key, tries + 1);
    const count = Math.min(last - first + 1, MAX_WANT);
    const hops = this.#reach(key, first, tries);
    this.#ports.air.say({ type: "want", author, first, count }, { priority: INDEX, key: `want:${key}`, hops });
    this.#wantLater(author);
  }

  /** As far as the nearest neighbour who claims to have it; one relay farther when loss hardly explains the silence. */
  #reach(key: string, first: number, tries: number): number {
    const nearest = this.neighbours.hopsToHolder(key, first);
    return this.#ports.air.reach(nearest === undefined ? undefined : nearest + Math.floor(tries / TRIES_A_RELAY));
  }

  #plan(author: AuthorId, waitMs: number, atLeast: number): void {
    const key = toHex(author);
    if (this.#ports.agenda.set(`want:${key}`, waitMs, () => this.#ask(author, atLeast))) this.#wanted.add(key);
  }

  #wantNoMore(key: string): void {
    this.#wanted.delete(key);
    this.#fruitless.delete(key);
    this.#ports.agenda.cancel(`want:${key}`);
    this.#ports.air.cancel(`want:${key}`);
  }

  #mostTries(key: string): number {
    const { maxFruitless } = this.#ports.air.timing();
    return this.#held(key) === 0 ? Math.min(TRIES_FOR_STRANGERS, maxFruitless) : maxFruitless;
  }

  #progress(author: AuthorId): void {
    const key = toHex(author);
    this.#fruitless.delete(key);
    if (this.#lacking(key) <= 0) {
      this.#wantNoMore(key);
    } else {
      this.#wantLater(author);
    }
    this.#beacons.differs();
  }

  /** Entries that we owe were just sent by somebody else: owe only what is left. */
  #answeredByAnother(key: string, update: Update): void {
    this.#ports.air.cancel(updateKey(key, update.first));
    const owed = this.#owed.get(key);
    if (owed === undefined || update.first > owed.first) return;
    const first = update.first + update.entries.length;
    if (first <= owed.last) this.#owed.set(key, { ...owed, first: Math.max(first, owed.first) });
    else {
      this.#owed.delete(key);
      this.#ports.agenda.cancel(`answer:${key}`);
    }
  }

  async #answer(author: AuthorId): Promise<void> {
    const key = toHex(author);
    const owed = this.#owed.get(key);
    this.#owed.delete(key);
    if (owed !== undefined) await this.#send(author, owed);
  }

  async #send(author: AuthorId, owed: Owed): Promise<void> {
    if (toHex(author) === toHex(this.#ports.shard.author.id)) this.#ownSaidMs = this.#nowMs();
    let first = owed.first;
    for (let packet = 0; packet < MAX_PACKETS_AN_ANSWER && first <= owed.last; packet++) {
      const page = await this.#ports.shard.entries(author, first, owed.last - first + 1);
      const fit = entriesThatFit(first, page.entries, true);
      if (fit === 0) return;
      // The signature is over the head after the last entry, so a shorter run needs another one, which a relay of
      // the log may not hold: it then goes out unsigned, and the run after it carries the proof for both.
      const cut = fit === page.entries.length ? page : await this.#ports.shard.entries(author, first, fit);
      // Four entries a packet, roughly: what the whole log costs to say once.
      if (this.#allowance.left(toHex(author), Math.ceil(this.#held(toHex(author)) / 4), this.#nowMs()) === 0) {
        this.#ports.count("wants_refused_budget");
        return;
      }
      const update: Update = { type: "update", author, first, entries: cut.entries, signature: cut.signature };
      const said = this.#ports.air.say(update, {
        priority: ANSWER,
        key: updateKey(toHex(author), first),
        // Who still lacks it by then has asked again.
        expiresInMs: 2 * this.#ports.air.timing(owed.hops).wantRetryMs,
        ...(owed.hops === undefined ? {} : { hops: owed.hops }),
      });
      if (!said) return;
      this.#allowance.spend(toHex(author), this.#nowMs());
      first += cut.entries.length;
    }
  }

  #held(authorHex: string): number {
    return this.#ports.shard.authors().find(({ id }) => id === authorHex)?.count ?? 0;
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#ports.random);
  }
}
