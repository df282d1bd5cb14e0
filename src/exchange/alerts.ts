/**
 * How alerts reach everybody: flooded at once, then repaired until each neighbour has said that it has them.
 *
 * Each node that holds an alert says so, by Trickle (RFC 6206): often while somebody lacks something, ever more seldom
 * later, and not at all when it holds none. Who hears a list without an alert that it holds sends that alert again; who
 * hears of one that it lacks says its own list at once, which is the question. Nobody answers what another has answered.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { AlertBook } from "../alert/book.ts";
import type { HeldAlert } from "../alert/held-alert.ts";
import type { Shard } from "../dag/shard.ts";
import { tagOf } from "../alert/signed-alert.ts";
import { chance } from "../radio/chance.ts";
import { ALERT, ALERT_REPAIR } from "../radio/priority.ts";
import { MAX_BODY_BYTES, alertOverheadBytes, type Alert } from "../wire/alert.ts";
import { MAX_ALERT_TAGS, type Alerts } from "../wire/alerts.ts";
import type { Seen } from "../wire/seen.ts";
import { AlertsSeen, type SeenBy } from "./alerts-seen.ts";
import { Hourly } from "./hourly.ts";
import type { ExchangeParts, Origin } from "./parts.ts";
import { RadiosHeard } from "./radios-heard.ts";
import {
  endsMs,
  heardConsistent,
  heardInconsistent,
  maySpeak,
  nextInterval,
  startTrickle,
  type Trickle,
  type TrickleRules,
} from "./trickle.ts";

export interface AlertSpreadParts extends ExchangeParts {
  readonly book: AlertBook;
  readonly shard: Pick<Shard, "authors">;
}

/** Relays that a new alert may pass: all that Meshtastic allows by default. */
const FLOOD_HOPS = 3;
/** A flood that nobody was heard to have got is repeated: so often, each time after twice as long. */
const MAX_FLOODS = 4;
const FLOOD_WAIT_PACKETS = 8;
/** The shortest Trickle interval, in full packets, and how often it doubles: 9 s to 9 min on LongFast. */
const MIN_PACKETS = 4;
const MIN_MS = 1_500;
const DOUBLINGS = 6;
const REDUNDANCY = 2;
/** … while some direct neighbour has not yet been heard to have everything. */
const UNSURE_REDUNDANCY = 5;
/** Every so many lists, one goes as far as relays take it: for those behind radios without an agent. */
const FAR_EVERY = 4;
/** Repairs of one alert an hour by this node, and for one asker. */
const REPAIRS_AN_ALERT = 40;
const REPAIRS_AN_ASKER = 40;
/** Askings on one radio's word that brought nothing; then it is not believed for the rest of the hour. */
const FUTILE_ASKINGS = 8;
/** A question waits for a random part of so many full packets; without an answer it comes again, each time later. */
const ASK_PACKETS = 1;
const ASK_AGAIN_PACKETS = 3;
const MAX_ASKINGS = 3;
/** Times an hour that what others say can call us back to the shortest interval. */
const RESETS = 12;
/** Radios that are remembered to have everything: anybody can make up numbers. */
const MAX_SURE = 512;
/** Lists an hour for those who come anew. */
const GREETINGS = 4;
const SWEEP_MS = 60_000;

export class AlertSpread {
  readonly #parts: AlertSpreadParts;
  readonly #seen: AlertsSeen;
  readonly #radios = new RadiosHeard();
  readonly #repairs = new Hourly(REPAIRS_AN_ALERT);
  readonly #answers = new Hourly(REPAIRS_AN_ASKER);
  readonly #askings = new Hourly(FUTILE_ASKINGS);
  readonly #resets = new Hourly(RESETS);
  readonly #greetings = new Hourly(GREETINGS);
  /** What we don't want again, but others have: named in the next list, so that nobody sends it. */
  #echo: readonly Uint8Array[] = [];
  /** Radios that were heard to have all that we have. */
  readonly #sure = new Set<number>();
  #trickle: Trickle | undefined;
  #spoken = 0;

  constructor(parts: AlertSpreadParts) {
    this.#parts = parts;
    this.#seen = new AlertsSeen({
      ...parts,
      knownNodes: () => new Set(parts.shard.authors().map(({ id }) => Number.parseInt(id.slice(0, 6), 16))),
      nearHops: () => this.#radios.nearestHops(),
    });
  }

  start(): void {
    if (this.#parts.book.active().length > 0) this.#restart();
    this.#parts.agenda.set("alerts:sweep", SWEEP_MS, () => this.#sweep());
  }

  /** Flood an alert of our own that is on disk. */
  publish(held: HeldAlert): void {
    this.#seen.hold(held);
    this.#flood(held, 1);
    this.#sure.clear();
    this.#restart();
  }

  /** A person has read it here: tell. */
  acknowledged(held: HeldAlert): void {
    this.#seen.read(held);
  }

  /** Room for the body of an alert of that number. */
  maxBodyBytes(number: number): number {
    return Math.min(this.#parts.air.maxMessageBytes - alertOverheadBytes(number, false), MAX_BODY_BYTES);
  }

  /** What it takes to say it once: bytes of the packet, and time on air in ms. */
  cost(held: HeldAlert): { readonly bytes: number; readonly airMs: number } {
    const bytes = alertOverheadBytes(held.number, this.#keyFits(held)) + held.body.length;
    return { bytes, airMs: Math.round(this.#parts.air.airtimeMs(bytes)) };
  }

  seenBy(held: HeldAlert): readonly SeenBy[] {
    return this.#seen.list(held);
  }

  /** Any message of an agent was heard. */
  onHeard({ from, hops }: Origin): void {
    const nowMs = this.#nowMs();
    const isNew = this.#radios.note(from, hops, nowMs);
    const { agenda, book } = this.#parts;
    // Somebody who was away may lack what all others agree on: one list tells, unless another says it first.
    if (!isNew || hops !== 0 || agenda.has(GREETING) || book.active().length === 0) return;
    if (!this.#greetings.take("all", nowMs)) return;
    agenda.set(GREETING, this.#rules().minMs * (1 + this.#chance()), () => this.#sayList(0));
  }

  async onAlert({ author, publicKey, number, body, signature }: Alert, origin: Origin): Promise<void> {
    const { book, agenda, count, log } = this.#parts;
    const { verdict, held } = await book.take({ author, publicKey, number, body, signature });
    count(`alerts_${verdict}`);
    if (held !== undefined) this.#othersHave(held);
    if (held === undefined || verdict === "known") return;
    this.#askings.clear();
    agenda.cancel("alerts:ask");
    log.info("alert heard", { alert: held.id, trusted: book.isTrusted(held), verdict, hops: origin.hops });
    this.#seen.hold(held);
    this.#sure.clear();
    this.#differs();
  }

  onAlerts({ salt, tags }: Alerts, origin: Origin): void {
    const { book, agenda } = this.#parts;
    agenda.cancel(GREETING);
    const theirs = new Set(tags);
    const active = book.active().slice(0, MAX_ALERT_TAGS);
    const lackedByThem = active.filter(({ digest }) => !theirs.has(tagOf(digest, salt)));
    for (const held of active) if (!lackedByThem.includes(held)) this.#othersHave(held, false);
    for (const held of lackedByThem) this.#repairLater(held, origin);
    const settled = book.settled().map((digest) => ({ digest, tag: tagOf(digest, salt) }));
    this.#echo = settled.filter(({ tag }) => theirs.has(tag)).map(({ digest }) => digest);
    const known = new Set([...active.map(({ digest }) => tagOf(digest, salt)), ...settled.map(({ tag }) => tag)]);
    if (tags.some((tag) => !known.has(tag))) return this.#lack(origin);
    // Who lacks something gets it, which tells more than a list; who lacks the same as we has asked for us, too.
    if (lackedByThem.length > 0) return;
    if (this.#sure.size < MAX_SURE) this.#sure.add(origin.from);
    agenda.cancel("alerts:ask");
    if (this.#trickle !== undefined) this.#trickle = heardConsistent(this.#trickle);
  }

  /** Somebody has what we don't know: our own list is the question, and is said again until the answer comes. */
  #lack({ from, hops }: Origin): void {
    const { agenda, air, count } = this.#parts;
    if (agenda.has("alerts:ask")) return;
    if (!this.#askings.take(String(from), this.#nowMs())) return count("alerts_claims_ignored");
    const packetMs = air.airtimeMs(FULL_BYTES);
    const ask = (times: number): void => {
      this.#sayList(air.reach(hops));
      if (times < MAX_ASKINGS)
        agenda.set("alerts:ask", packetMs * ASK_AGAIN_PACKETS * 2 ** times * (0.5 + this.#chance()), () =>
          ask(times + 1),
        );
    };
    agenda.set("alerts:ask", packetMs * this.#chance() * ASK_PACKETS, () => ask(1));
    if (this.#trickle === undefined) this.#restart();
  }

  onSeen(message: Seen, origin: Origin): void {
    this.#seen.onSeen(message, origin, this.#parts.book.list());
  }

  #flood(held: HeldAlert, times: number): void {
    const { agenda, air, book } = this.#parts;
    if (book.stateOf(held) !== "active") return;
    this.#sayAlert(held, ALERT, FLOOD_HOPS);
    const waitMs = FLOOD_WAIT_PACKETS * air.airtimeMs(FULL_BYTES) * 2 ** (times - 1);
    if (times < MAX_FLOODS) agenda.set(floodKey(held), waitMs, () => this.#flood(held, times + 1));
  }

  /** Somebody was heard to have it: no need to flood it again. Who sent it has answered for us, too. */
  #othersHave(held: HeldAlert, sent = true): void {
    this.#parts.agenda.cancel(floodKey(held));
    if (sent) this.#parts.agenda.cancel(repairKey(held));
  }

  /** The nearest first: those who heard the asker directly. */
  #repairLater(held: HeldAlert, { from, hops }: Origin): void {
    const { agenda, air, count } = this.#parts;
    if (agenda.has(repairKey(held))) return;
    const nowMs = this.#nowMs();
    if (!this.#repairs.take(toHex(held.digest), nowMs) || !this.#answers.take(String(from), nowMs)) {
      return count("alerts_repairs_refused");
    }
    const packetMs = air.airtimeMs(FULL_BYTES);
    const delayMs = packetMs * (this.#chance() + (hops === 0 ? 0 : 1));
    agenda.set(repairKey(held), delayMs, () => this.#sayAlert(held, ALERT_REPAIR, air.reach(hops)));
  }

  #sayAlert(held: HeldAlert, priority: typeof ALERT | typeof ALERT_REPAIR, hops: number): void {
    const { author, number, body, signature, digest } = held;
    const publicKey = this.#keyFits(held) ? held.publicKey : undefined;
    const message: Alert = { type: "alert", author, publicKey, number, body, signature };
    this.#parts.air.say(message, { priority, hops, key: `alert:${toHex(digest)}` });
  }

  /** With the key everybody can check it, also those who never heard of its author. */
  #keyFits({ publicKey, number, body }: HeldAlert): boolean {
    const { air } = this.#parts;
    return publicKey !== undefined && alertOverheadBytes(number, true) + body.length <= air.maxMessageBytes;
  }

  #sayList(hops: number): void {
    const { air, book, count, random } = this.#parts;
    const [high = 0, low = 0] = random.bytes(2);
    const salt = high * 256 + low;
    const digests = [...book.active().map(({ digest }) => digest), ...this.#echo].slice(0, MAX_ALERT_TAGS);
    const tags = [...new Set(digests.map((digest) => tagOf(digest, salt)))].toSorted((a, b) => a - b);
    this.#echo = [];
    this.#parts.agenda.cancel(GREETING);
    count("alerts_lists");
    const expiresInMs = this.#rules().minMs * 4;
    air.say({ type: "alerts", salt, tags }, { priority: ALERT_REPAIR, hops, key: "alerts:list", expiresInMs });
  }

  #differs(): void {
    if (this.#trickle === undefined) return this.#restart();
    const reset = heardInconsistent(this.#trickle, this.#rules(), this.#nowMs(), this.#chance());
    if (reset !== this.#trickle && this.#resets.take("all", this.#nowMs())) this.#adopt(reset);
  }

  #restart(): void {
    this.#adopt(startTrickle(this.#rules(), this.#nowMs(), this.#chance()));
  }

  #adopt(trickle: Trickle): void {
    const { agenda } = this.#parts;
    this.#trickle = trickle;
    agenda.set("alerts:speak", trickle.speakMs - this.#nowMs(), () => this.#speak());
    agenda.set("alerts:interval", endsMs(trickle) - this.#nowMs(), () => this.#next(trickle));
  }

  #next(trickle: Trickle): void {
    // With nothing to tell there is silence: who holds an alert will speak, and then we answer.
    if (this.#parts.book.active().length === 0) {
      this.#trickle = undefined;
      return;
    }
    this.#adopt(nextInterval(trickle, this.#rules(), this.#nowMs(), this.#chance()));
  }

  #speak(): void {
    const { air, count } = this.#parts;
    if (this.#trickle === undefined || !maySpeak(this.#trickle, this.#rules())) return count("alerts_lists_suppressed");
    const near = this.#radios.nearestHops() === 0 && this.#spoken++ % FAR_EVERY !== FAR_EVERY - 1;
    this.#sayList(near ? 0 : air.reach(undefined));
  }

  async #sweep(): Promise<void> {
    const { agenda, book } = this.#parts;
    agenda.set("alerts:sweep", SWEEP_MS, () => this.#sweep());
    await book.sweep();
    if (this.#trickle === undefined && book.active().length > 0) this.#restart();
  }

  #rules(): TrickleRules {
    const minMs = Math.max(MIN_MS, MIN_PACKETS * this.#parts.air.airtimeMs(FULL_BYTES));
    const unsure = this.#radios.hasDirectBeside(this.#sure);
    return { minMs, doublings: DOUBLINGS, redundancy: unsure ? UNSURE_REDUNDANCY : REDUNDANCY };
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#parts.random);
  }
}

const GREETING = "alerts:greet";
/** Of the longest message. */
const FULL_BYTES = 231;

function floodKey({ authorHex, number }: HeldAlert): string {
  return `alerts:flood:${authorHex}-${number}`;
}

function repairKey({ authorHex, number }: HeldAlert): string {
  return `alerts:repair:${authorHex}-${number}`;
}
