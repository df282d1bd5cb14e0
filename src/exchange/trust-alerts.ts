/**
 * TRUST: a node tells its neighbours, signed, that it lost trust in itself or in another, or that all is well again. Flooded
 * as a small alert is, and bounded: three an hour of one author, said again by few, kept in a fixed number. A word is its
 * author's and no more: what it says of another is hearsay, until this node asks that one itself.
 * @module
 */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { AttestReason } from "../kernel/attest.ts";
import { type Bytes, ByteWriter, concatBytes, copyBytes, toHex, utf8 } from "../kernel/bytes.ts";
import { verifyEd25519 } from "../kernel/ed25519.ts";
import { keepRecent } from "../kernel/recent.ts";
import type { Store } from "../ports/store.ts";
import type { Shard } from "../dag/shard.ts";
import { chance } from "../radio/chance.ts";
import { ALERT_REPAIR, INDEX } from "../radio/priority.ts";
import { decodeMessage, encodeMessage } from "../wire/codec.ts";
import type { Trust, TrustKind } from "../wire/trust.ts";
import { Hourly } from "./hourly.ts";
import type { ExchangeParts } from "./parts.ts";
import { reasonNumber, reasonOf, signedTrust } from "./trust-words.ts";

export interface TrustEvent {
  readonly kind: TrustKind;
  /** Author id, 16 hex digits; this node itself when left out. */
  readonly subject?: string;
  readonly reason?: AttestReason;
}

/** What somebody said. Author ids in hex. */
export interface TrustWord {
  readonly author: string;
  readonly subject: string;
  readonly kind: TrustKind;
  readonly reason: AttestReason | undefined;
  /** Unix time in s by its author's clock; 0 when that was not set. */
  readonly atS: number;
  /** False once the same author said that its subject is well again. */
  readonly open: boolean;
}

export type TrustVerdict = "new" | "known" | "stale" | "over-limit" | "unknown-author" | "quarantined" | "forged";
/** `waits`: of another it is said after a while, unless somebody else has said it first. */
export type RaiseVerdict = "said" | "waits" | "known" | "over-limit";

export interface TrustAlertsParts extends ExchangeParts {
  readonly shard: Pick<Shard, "author" | "publicKeyOf" | "inQuarantine" | "isMember">;
  /** Where words outlast a restart. */
  readonly store: Pick<Store, "write" | "entries"> | undefined;
}

/** Begins with a byte that no kind of the shard's keys has. */
const PREFIX = utf8("~trust:");
/** Words an hour of one author, and of this node. */
const WORDS_AN_HOUR = 3;
/** Words of others that this node says again in an hour. */
const PASSED_AN_HOUR = 12;
/** … of these, of who is no member. */
const PASSED_OF_STRANGERS = 6;
const MAX_KEPT = 64;
const MAX_OF_AUTHOR = 8;
const MAX_AUTHORS = 256;
const FLOOD_HOPS = 3;
/** Its author says it again until another was heard to say it; each time after twice as long. In full packets. */
const AGAIN_PACKETS = 8;
const MAX_SAYINGS = 3;
/** What several may have seen of another waits for a random part of so many full packets. */
const RAISE_PACKETS = 32;
/** Others say it once, after a random part of so many full packets, unless so many others have. */
const PASS_PACKETS = 8;
const ENOUGH = 2;
/** A word from so long before is old; clocks that were never set are not believed. */
const MAX_AGE_S = 7 * 86_400;
const MAX_NUMBER = 0x7fff_ffff;
/** By the clock no number rises above this (until 2059): one that once stood in 2100 would leave none for later words. */
const MAX_BY_CLOCK = 0x3fff_ffff;
/** Times by clocks that are apart by so much are of one moment. */
const HOUR_S = 3_600;
const AUTHOR_HEX_DIGITS = 16;

interface Kept {
  readonly trust: Trust;
  /** Radios that were heard to say it. */
  readonly saidBy: Set<number>;
  sayings: number;
}

export class TrustAlerts {
  readonly #parts: TrustAlertsParts;
  /** By author and number; the one that came first comes first. */
  readonly #kept = new Map<string, Kept>();
  /** By author: the highest number that is forgotten again. */
  readonly #floors = new Map<string, number>();
  readonly #ofAuthor = new Hourly(WORDS_AN_HOUR);
  readonly #passed = new Hourly(PASSED_AN_HOUR);
  readonly #ofStrangers = new Hourly(PASSED_OF_STRANGERS);
  readonly #self: string;
  readonly #started = Promise.withResolvers<undefined>();

  constructor(parts: TrustAlertsParts) {
    this.#parts = parts;
    this.#self = toHex(parts.shard.author.id);
  }

  /** @throws what the store throws */
  async start(): Promise<void> {
    await this.#load();
    this.#started.resolve(undefined);
  }

  async #load(): Promise<void> {
    const { store } = this.#parts;
    if (store === undefined) return;
    const until = concatBytes(PREFIX.subarray(0, -1), Uint8Array.of((PREFIX.at(-1) ?? 0) + 1));
    for await (const { value } of store.entries({ from: PREFIX, until, limit: MAX_KEPT })) {
      const message = decodeMessage(value);
      if (!message.ok || message.value.type !== "trust") continue;
      const { author, number } = message.value;
      // Which ones were forgotten before is not known: all below the first that was kept.
      if (!this.#floors.has(toHex(author))) keepRecent(this.#floors, toHex(author), number - 1, MAX_AUTHORS);
      this.#hold(message.value);
    }
  }

  /** Tells neighbours, once it is started. What was just told, by whomever, is not told again. */
  async raise({ kind, subject = this.#self, reason }: TrustEvent): Promise<RaiseVerdict> {
    await this.#started.promise;
    if (this.#isTold(kind, subject, reason)) return "known";
    if (subject === this.#self) return this.#tell(kind, subject, reason);
    const { agenda, air, random } = this.#parts;
    const waitMs = RAISE_PACKETS * air.packetMs * chance(random);
    agenda.set(`trust:raise:${subject}`, waitMs, async () => {
      if (!this.#isTold(kind, subject, reason)) await this.#tell(kind, subject, reason);
    });
    return "waits";
  }

  /** What was said, the newest first. */
  list(): readonly TrustWord[] {
    return this.#told().toReversed();
  }

  async onTrust(trust: Trust, from: number): Promise<void> {
    const verdict = await this.#take(trust, from);
    this.#parts.count(`trust_${verdict.replaceAll("-", "_")}`);
    if (verdict !== "new") return;
    const { agenda, air, clock, log, random } = this.#parts;
    const { kind, subject, author } = trust;
    log.warn("a neighbour tells on trust", { author: toHex(author), about: toHex(subject ?? author), kind });
    if (!this.#mayPass(toHex(author), clock.monotonicMs())) return;
    const waitMs = PASS_PACKETS * air.packetMs * chance(random);
    agenda.set(sayKey(trust), waitMs, () => void air.say(trust, { priority: INDEX, hops: 0, key: sayKey(trust) }));
  }

  async #tell(kind: TrustKind, subject: string, reason: AttestReason | undefined): Promise<RaiseVerdict> {
    const { clock, count, shard } = this.#parts;
    if (!this.#ofAuthor.take(this.#self, clock.monotonicMs())) {
      count("trust_unsaid");
      return "over-limit";
    }
    const { id: author } = shard.author;
    const about = subject === this.#self ? undefined : copyBytes(Buffer.from(subject, "hex"));
    const atS = this.#nowS() > CLOCK_SET_S ? this.#nowS() : 0;
    const words = { author, number: this.#nextNumber(), kind, subject: about, reason: reasonNumber(reason), atS };
    const trust: Trust = { type: "trust", ...words, signature: shard.author.sign(signedTrust(words)) };
    await this.#keep(trust);
    count(`trust_raised_${kind}`);
    this.#sayOwn(trust);
    return "said";
  }

  async #take(trust: Trust, from: number): Promise<TrustVerdict> {
    const { agenda, clock, shard } = this.#parts;
    const author = toHex(trust.author);
    const kept = this.#kept.get(nameOf(trust));
    if (kept !== undefined && toHex(kept.trust.signature) === toHex(trust.signature)) {
      kept.saidBy.add(from);
      if (author === this.#self || kept.saidBy.size >= ENOUGH) agenda.cancel(sayKey(trust));
      return "known";
    }
    const publicKey = shard.publicKeyOf(author);
    if (publicKey === undefined) return "unknown-author";
    if (shard.inQuarantine(author)) return "quarantined";
    if (!verifyEd25519(publicKey, signedTrust(trust), trust.signature)) return "forged";
    // Its own words come back to a node that lost its disk; another of that number is none.
    if (author === this.#self || kept !== undefined || this.#isStale(trust)) return "stale";
    if (!this.#ofAuthor.take(author, clock.monotonicMs())) return "over-limit";
    await this.#keep(trust, from);
    return "new";
  }

  #isStale({ author, number, atS }: Trust): boolean {
    if (number <= (this.#floors.get(toHex(author)) ?? 0)) return true;
    return this.#isOld(atS);
  }

  #isOld(atS: number): boolean {
    const nowS = this.#nowS();
    return atS > CLOCK_SET_S && nowS > CLOCK_SET_S && nowS - atS > MAX_AGE_S;
  }

  #sayOwn(trust: Trust): void {
    const { agenda, air } = this.#parts;
    const kept = this.#kept.get(nameOf(trust));
    if (kept === undefined) return;
    air.say(trust, { priority: ALERT_REPAIR, hops: FLOOD_HOPS, key: sayKey(trust) });
    kept.sayings++;
    if (kept.sayings >= MAX_SAYINGS) return;
    agenda.set(sayKey(trust), AGAIN_PACKETS * air.packetMs * 2 ** (kept.sayings - 1), () => this.#sayOwn(trust));
  }

  #told(): readonly TrustWord[] {
    const all = [...this.#kept.values()].map(({ trust }) => trust);
    return all.map((trust, i) => {
      const { author, subject, kind, reason, atS } = trust;
      const about = toHex(subject ?? author);
      const isOver = all.some((later, j) => later.kind === "recovered" && j > i && isOfSame(later, trust));
      // Who goes on finding it says so again; who has fallen silent accuses nobody for ever.
      const isOld = this.#isOld(atS) && toHex(author) !== this.#self;
      const open = kind !== "recovered" && !isOver && !isOld;
      return { author: toHex(author), subject: about, kind, reason: reasonOf(reason), atS, open };
    });
  }

  /** By this node, or (of another) by anybody within the hour. All is well again once only, and where it was not. */
  #isTold(kind: TrustKind, subject: string, reason: AttestReason | undefined): boolean {
    const open = this.#told().filter((word) => word.open && word.subject === subject);
    if (kind === "recovered") return !open.some(({ author }) => author === this.#self);
    return open.some(
      (word) =>
        word.kind === kind &&
        word.reason === reason &&
        (word.author === this.#self || subject !== this.#self) &&
        (word.atS === 0 || Math.abs(this.#nowS() - word.atS) < HOUR_S),
    );
  }

  #nextNumber(): number {
    let last = this.#floors.get(this.#self) ?? 0;
    for (const { trust } of this.#kept.values())
      if (toHex(trust.author) === this.#self) last = Math.max(last, trust.number);
    // A node that lost its disk goes on above what it said before.
    const byClock = this.#nowS() - CLOCK_SET_S;
    return Math.min(MAX_NUMBER, Math.max(last + 1, byClock > MAX_BY_CLOCK ? 0 : byClock, 1));
  }

  async #keep(trust: Trust, from?: number): Promise<void> {
    const gone = this.#hold(trust, from);
    const changes = gone.map((name) => ({ key: keyOf(name), value: undefined }));
    const added = { key: keyOf(nameOf(trust)), value: encodeMessage(trust) };
    await this.#parts.store?.write([added, ...changes]);
  }

  /** @returns what had to go for it */
  #hold(trust: Trust, from?: number): readonly string[] {
    const saidBy = new Set(from === undefined ? [] : [from]);
    this.#kept.set(nameOf(trust), { trust, saidBy, sayings: 0 });
    const names = [...this.#kept.keys()];
    const author = toHex(trust.author);
    const ofAuthor = names.filter((name) => name.startsWith(author));
    const gone = ofAuthor.slice(0, Math.max(0, ofAuthor.length - MAX_OF_AUTHOR));
    if (gone.length === 0 && names.length > MAX_KEPT) gone.push(...this.#leastWanted(names));
    for (const name of gone) {
      const old = this.#kept.get(name);
      this.#kept.delete(name);
      if (old === undefined) continue;
      const whose = toHex(old.trust.author);
      keepRecent(this.#floors, whose, Math.max(this.#floors.get(whose) ?? 0, old.trust.number), MAX_AUTHORS);
    }
    return gone;
  }

  /** The oldest of who is no member, and where all are the oldest: strangers push out no word of a member. */
  #leastWanted(names: readonly string[]): readonly string[] {
    const stranger = names.find((name) => !this.#parts.shard.isMember(name.slice(0, AUTHOR_HEX_DIGITS)));
    return [...(stranger === undefined ? [] : [stranger]), ...names].slice(0, 1);
  }

  #mayPass(author: string, nowMs: number): boolean {
    if (!this.#parts.shard.isMember(author) && !this.#ofStrangers.take("all", nowMs)) return false;
    return this.#passed.take("all", nowMs);
  }

  #nowS(): number {
    return Math.floor(this.#parts.clock.nowMs() / 1000);
  }
}

function isOfSame(a: Trust, b: Trust): boolean {
  return toHex(a.author) === toHex(b.author) && toHex(a.subject ?? a.author) === toHex(b.subject ?? b.author);
}

/** In the order of an author's numbers. */
function nameOf({ author, number }: Pick<Trust, "author" | "number">): string {
  return `${toHex(author)} ${toHex(new ByteWriter().u32(number).finish())}`;
}

function keyOf(name: string): Bytes {
  return concatBytes(PREFIX, utf8(name));
}

function sayKey(trust: Trust): string {
  return `trust:${nameOf(trust)}`;
}
