/**
 * The alerts that this node holds: judges what comes, keeps it on disk, lets it end, and never takes it again.
 *
 * Everything is bounded (`limits.ts`, `numbers.ts`). When the disk fails, an alert is held in memory and spread all the
 * same: a warning that is lost at a power cut is better than none.
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../kernel/bytes.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { isExpired, isFuture, endMs, isClockSet, wallMs, type HeldAlert } from "./held-alert.ts";
import { isTooMany, MAX_HELD, MAX_OF_STRANGERS, StrangersAllowance } from "./limits.ts";
import { lifeS, type Notice } from "./notice.ts";
import { decodeNotice, encodeChecked } from "./notice-codec.ts";
import type { AlertRecord } from "./records.ts";
import { Settled } from "./settled.ts";
import { AlertShelf } from "./shelf.ts";
import { alertId, digestOf, signedBytes, type SignedAlert } from "./signed-alert.ts";

/** This node as an author of alerts. */
export interface AlertSigner {
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Bytes;
}

export interface AlertBookPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: AlertSigner;
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** The public key of an author, where it is known by other means than the alert; 16 hex digits. */
  readonly keyOf: (authorHex: string) => Promise<Uint8Array | undefined>;
  /** Whose alerts count here. */
  readonly isAuthorised: (authorHex: string, publicKey: Uint8Array) => boolean;
  /** What is done with alerts of all others. */
  readonly strangers: "show-unverified" | "drop";
}

/**
 * `new`: taken. `known`: held already. `stale`: replaced, or over and not to come back. `expired`: its time is over.
 * `future`: sent later than now; taken from an authorised author, refused from a stranger. `forged`: the signature is not
 * the author's. `unauthorised`: a stranger's, and those are dropped here. `over-limit`: too many. `malformed`: no alert.
 */
export type Verdict =
  | "new"
  | "known"
  | "stale"
  | "expired"
  | "future"
  | "forged"
  | "unauthorised"
  | "over-limit"
  | "malformed";

export interface Judged {
  readonly verdict: Verdict;
  /** What is held of it now. */
  readonly held: HeldAlert | undefined;
}

export type AlertState = "active" | "expired" | "replaced" | "cancelled";

/** An ended alert can be looked at for another day. */
const KEPT_AFTER_MS = 86_400_000;
const SETTLED_MS = 3_600_000;

export class AlertBook {
  readonly #ports: AlertBookPorts;
  readonly #held = new Map<string, HeldAlert>();
  readonly #shelf: AlertShelf;
  readonly #unsaved = new Set<string>();
  readonly #settled: Settled;
  readonly #allowance = new StrangersAllowance();
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(ports: AlertBookPorts, shelf: AlertShelf) {
    this.#ports = ports;
    this.#shelf = shelf;
    this.#settled = new Settled(ports.clock);
  }

  /** @throws what the store throws */
  static async open(ports: AlertBookPorts): Promise<AlertBook> {
    const book = new AlertBook(ports, await AlertShelf.open(ports.store, ports.log));
    for await (const record of book.#shelf.records()) book.#load(record);
    return book;
  }

  get self(): string {
    return toHex(this.#ports.self.id);
  }

  /** What the next alert of this node's own will be numbered. */
  get nextNumber(): number {
    return this.#shelf.ownNumber + 1;
  }

  /** Those that are held, the newest first; ended ones for a day. */
  list(): readonly HeldAlert[] {
    return [...this.#held.values()].toSorted((a, b) => dateMs(b) - dateMs(a) || b.number - a.number);
  }

  /** By its id, or by `AUTHOR-NUMBER` with more of the author's digits. */
  find(id: string): HeldAlert | undefined {
    const [, author, number] = /^([0-9a-f]{8,16})-(\d{1,10})$/.exec(id.toLowerCase()) ?? [];
    if (author === undefined) return undefined;
    return this.list().find((held) => held.authorHex.startsWith(author) && held.number === Number(number));
  }

  isTrusted({ authorHex, publicKey, signed }: HeldAlert): boolean {
    if (signed !== "good" || publicKey === undefined) return false;
    return authorHex === this.self || this.#ports.isAuthorised(authorHex, publicKey);
  }

  stateOf(held: HeldAlert): AlertState {
    const by = this.#replacedBy(held);
    if (by !== undefined) return by.notice.msgType === "Cancel" ? "cancelled" : "replaced";
    return isExpired(held, this.#ports.clock) ? "expired" : "active";
  }

  /** What neighbours should have, too. */
  active(): readonly HeldAlert[] {
    return this.list().filter((held) => this.stateOf(held) === "active");
  }

  /** Digests of what this node does not want again; of the last hour. */
  settled(): readonly Uint8Array[] {
    const ended = this.list().filter((held) => this.stateOf(held) !== "active");
    return [...this.#settled.list(), ...ended.map(({ digest }) => digest)];
  }

  /** Judges an alert from the air; what is taken is on disk when this resolves, unless the disk failed. */
  take(alert: SignedAlert): Promise<Judged> {
    return this.#inTurn(() => this.#take(alert));
  }

  /**
   * Signs and keeps an alert of this node's own.
   * @throws AgentError "TOO_MANY", "ALERT_INVALID", and what the store throws: then there is no such alert
   */
  issue(notice: Notice): Promise<HeldAlert> {
    return this.#inTurn(() => this.#issue(notice));
  }

  /** A person here has read it. On disk when it resolves. @throws AgentError "NOT_FOUND", and what the store throws */
  acknowledge(id: string): Promise<HeldAlert> {
    return this.#inTurn(async () => {
      const held = this.find(id);
      if (held === undefined) throw noAlert(id);
      if (held.acknowledgedAtMs !== undefined) return held;
      const read = { ...held, acknowledgedAtMs: Math.max(1, wallMs(this.#ports.clock)) };
      await this.#shelf.put(read, {});
      this.#held.set(keyOf(read), read);
      return read;
    });
  }

  /** What time does: keys that came meanwhile are used, the ended leave, and what the disk refused is tried again. */
  sweep(): Promise<void> {
    return this.#inTurn(async () => {
      for (const held of this.list()) {
        if (held.signed === "unknown-key") await this.#tryKey(held);
        if (this.#isToLeave(held)) await this.#remove(held);
      }
      // A copy: what the disk refuses again comes back into the set, and would be met again without end.
      const unsaved = [...this.#unsaved];
      for (const key of unsaved) {
        const held = this.#held.get(key);
        this.#unsaved.delete(key);
        if (held !== undefined) await this.#save(held);
      }
    });
  }

  async #take(alert: SignedAlert): Promise<Judged> {
    const existing = this.#held.get(keyOf(alert));
    const digest = digestOf(alert);
    const same = existing !== undefined && equalBytes(existing.digest, digest);
    // Of one that is held whole nothing new can be learnt; one without a key may now come with it.
    if (same && (existing.signed === "good" || alert.publicKey === undefined))
      return { verdict: "known", held: existing };
    const notice = decodeNotice(alert.body);
    if (!notice.ok) return { verdict: "malformed", held: undefined };
    const authorHex = toHex(alert.author);
    const publicKey = alert.publicKey ?? (await this.#ports.keyOf(authorHex));
    if (publicKey !== undefined && !this.#ports.verify(publicKey, signedBytes(alert), alert.signature))
      return { verdict: "forged", held: undefined };
    const candidate = this.#heldOf({ ...alert, publicKey }, digest, notice.value, undefined);
    const refusal = this.#refusal(candidate, existing);
    if (refusal !== undefined) {
      this.#settled.add(digest, SETTLED_MS);
      return { verdict: refusal, held: undefined };
    }
    await this.#keep(candidate);
    if (same) return { verdict: "known", held: candidate };
    return { verdict: isFuture(notice.value, this.#ports.clock) ? "future" : "new", held: candidate };
  }

  #refusal(candidate: HeldAlert, existing: HeldAlert | undefined): Verdict | undefined {
    const others = this.list().filter((held) => held !== existing);
    // Who knows the key replaces who only claimed to be that author. A second alert of one number is not taken.
    if (existing !== undefined && (existing.signed === "good" || candidate.signed !== "good")) return "stale";
    if (this.#shelf.isOver(candidate.authorHex, candidate.number)) return "stale";
    if (isExpired(candidate, this.#ports.clock)) return "expired";
    if (!this.isTrusted(candidate)) return this.#refusalOfStranger(candidate, others);
    return isTooMany(candidate, others) || !this.#makeRoom(others) ? "over-limit" : undefined;
  }

  #refusalOfStranger({ notice }: HeldAlert, others: readonly HeldAlert[]): Verdict | undefined {
    const { clock, strangers } = this.#ports;
    if (strangers === "drop") return "unauthorised";
    if (isFuture(notice, clock)) return "future";
    const unknown = others.filter((held) => !this.isTrusted(held));
    const full = unknown.length >= MAX_OF_STRANGERS || others.length >= MAX_HELD;
    return full || !this.#allowance.take(clock.monotonicMs()) ? "over-limit" : undefined;
  }

  /** For an alert that we trust a stranger's makes room, or else the oldest that has ended. */
  #makeRoom(others: readonly HeldAlert[]): boolean {
    if (others.length < MAX_HELD) return true;
    const leaving =
      others.findLast((held) => !this.isTrusted(held)) ?? others.findLast((held) => this.stateOf(held) !== "active");
    if (leaving === undefined) return false;
    this.#held.delete(keyOf(leaving));
    return true;
  }

  async #issue(notice: Notice): Promise<HeldAlert> {
    const { self } = this.#ports;
    const unsigned = { author: self.id, number: this.#shelf.ownNumber + 1, body: encodeChecked(notice) };
    const alert = { ...unsigned, signature: self.sign(signedBytes(unsigned)), publicKey: self.publicKey };
    const held = this.#heldOf(alert, digestOf(unsigned), notice, undefined);
    const others = this.list();
    if (isTooMany(held, others) || !this.#makeRoom(others)) {
      throw new AgentError("TOO_MANY", "this node has sent as many alerts as neighbours take from one author", {
        fix: "Three in ten minutes and six an hour are taken; update or cancel an alert, or wait.",
      });
    }
    await this.#shelf.put(held, { over: this.#missingReferences(held), own: true });
    this.#adopt(held);
    return held;
  }

  #adopt(held: HeldAlert): void {
    this.#held.set(keyOf(held), held);
    this.#settled.delete(held.digest);
  }

  /** Numbers that it replaces and that are not here: they may still be on their way. */
  #missingReferences(held: HeldAlert): readonly number[] {
    if (!this.isTrusted(held)) return [];
    const { authorHex, number, notice } = held;
    return notice.references.filter((other) => other < number && !this.#held.has(`${authorHex}-${other}`));
  }

  /** On disk, or said in the log and tried again by {@link sweep}. */
  async #save(held: HeldAlert): Promise<void> {
    try {
      // One of our own that comes back after a loss of the disk: its number must not be used again.
      await this.#shelf.put(held, { over: this.#missingReferences(held), own: held.authorHex === this.self });
    } catch (error) {
      this.#unsaved.add(keyOf(held));
      this.#ports.log.error("an alert is not on disk", { alert: held.id, error: describeError(error) });
    }
  }

  async #keep(held: HeldAlert): Promise<void> {
    this.#adopt(held);
    await this.#save(held);
  }

  async #tryKey(held: HeldAlert): Promise<void> {
    const publicKey = await this.#ports.keyOf(held.authorHex);
    if (publicKey === undefined) return;
    if (this.#ports.verify(publicKey, signedBytes(held), held.signature))
      await this.#keep({ ...held, publicKey, signed: "good" });
    else await this.#remove(held);
  }

  #isToLeave(held: HeldAlert): boolean {
    const { clock } = this.#ports;
    const keptMs = lifeS(held.notice) * 1000 + KEPT_AFTER_MS;
    const end = endMs(held);
    if (clock.monotonicMs() - held.heardMonotonicMs >= keptMs) return true;
    return end !== undefined && isClockSet(clock) && clock.nowMs() >= end + KEPT_AFTER_MS;
  }

  /** It, and what it replaced, never come back. Not so where nobody knows that the author is the author. */
  async #remove(held: HeldAlert): Promise<void> {
    const leaving = [held, ...this.list().filter((other) => this.#replacedBy(other) === held)];
    for (const one of leaving) this.#held.delete(keyOf(one));
    await this.#shelf.remove(leaving, this.isTrusted(held));
  }

  /** The latest word on it. */
  #replacedBy({ authorHex, number, signed }: HeldAlert): HeldAlert | undefined {
    if (signed !== "good") return undefined;
    let latest: HeldAlert | undefined;
    for (const other of this.#held.values()) {
      if (other.authorHex !== authorHex || other.signed !== "good" || !other.notice.references.includes(number))
        continue;
      if (other.number > Math.max(number, latest?.number ?? 0)) latest = other;
    }
    return latest;
  }

  #heldOf(alert: SignedAlert, digest: Uint8Array, notice: Notice, record: AlertRecord | undefined): HeldAlert {
    const { clock } = this.#ports;
    return {
      ...alert,
      id: alertId(alert),
      authorHex: toHex(alert.author),
      digest,
      notice,
      signed: alert.publicKey === undefined ? "unknown-key" : "good",
      heardAtMs: record?.heardAtMs ?? wallMs(clock),
      heardMonotonicMs: clock.monotonicMs(),
      acknowledgedAtMs: record?.acknowledgedAtMs,
    };
  }

  #load(record: AlertRecord): void {
    const notice = decodeNotice(record.alert.body);
    if (!notice.ok || this.#held.size >= MAX_HELD) return;
    const held = this.#heldOf(record.alert, digestOf(record.alert), notice.value, record);
    if (this.isTrusted(held) || this.#ports.strangers !== "drop") this.#held.set(keyOf(held), held);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function keyOf({ author, number }: Pick<SignedAlert, "author" | "number">): string {
  return `${toHex(author)}-${number}`;
}

function dateMs({ notice, heardAtMs }: HeldAlert): number {
  return notice.sentUnixS === 0 ? heardAtMs : notice.sentUnixS * 1000;
}

function noAlert(id: string): AgentError {
  return new AgentError("NOT_FOUND", `no alert here is called ${id}`, { fix: "`caye alert list` shows the ids." });
}
