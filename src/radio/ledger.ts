/**
 * The book of what we sent: time on air in the rolling hour, on a clock that never goes back.
 *
 * It errs to the safe side throughout. A packet counts whole while any part of it lies in the window. The window is a
 * minute longer than the hour, because the radio may send a packet that much later than it took it. Packets of ten
 * seconds are booked together, and all leave with the last: that bounds memory and what is written to disk.
 *
 * It also remembers for how long the radio wants silence: that is as much the law's hour as our own packets are.
 * @module
 */
import { ByteReader, ByteWriter, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";

/** What the law counts, and the minute in which the radio sends what it took. */
export const WINDOW_MS = 3_660_000;
const BUCKET_MS = 10_000;
/** One a bucket, and room for the short ones that restarts leave. */
const MAX_BUCKETS = 512;
/** Version 1 had no silence. */
const SNAPSHOT_VERSION = 2;
/** Of the radio's hour: it counts in whole minutes, and a bucket may have begun half a minute before its end. */
const SURELY_WITHIN_MS = 3_500_000;
/** No radio may silence us for longer than the law's hour. */
const MAX_SILENCE_MS = 3_600_000;
/** No packet of any preset takes a minute: an end farther off is not one of ours. */
const MAX_REMAINING_MS = WINDOW_MS + 60_000;

interface Bucket {
  readonly firstMs: number;
  /** When the last packet of the bucket is over. */
  endMs: number;
  airtimeUs: number;
}

/** Both clocks at one moment. */
export interface Moment {
  readonly monotonicMs: number;
  /** Unix time in ms. */
  readonly wallMs: number;
}

export class AirtimeLedger {
  #buckets: Bucket[] = [];
  #usedUs = 0;
  #silentUntilMs = Number.NEGATIVE_INFINITY;

  /** Books a packet that starts now. @param atMs not before the last one's: an earlier moment counts as that */
  record(atMs: number, airtimeUs: number): void {
    this.#prune(atMs);
    const last = this.#buckets.at(-1);
    const endMs = Math.max(atMs + airtimeUs / 1000, last?.endMs ?? Number.NEGATIVE_INFINITY);
    if (last !== undefined && atMs < last.firstMs + BUCKET_MS) {
      last.endMs = endMs;
      last.airtimeUs += airtimeUs;
    } else {
      this.#buckets.push({ firstMs: atMs, endMs, airtimeUs });
    }
    this.#usedUs += airtimeUs;
    this.#bound();
  }

  /** Undoes the latest {@link record} of as much airtime: the radio did not take the packet. */
  takeBack(airtimeUs: number): void {
    const last = this.#buckets.at(-1);
    if (last === undefined) return;
    const back = Math.min(airtimeUs, last.airtimeUs);
    last.airtimeUs -= back;
    this.#usedUs -= back;
  }

  /** Time on air in the window that ends now, in µs. */
  usedUs(nowMs: number): number {
    this.#prune(nowMs);
    return this.#usedUs;
  }

  /** As {@link usedUs}, but only what a radio that sent it counts for certain in its own last hour. */
  surelyWithinHourUs(nowMs: number): number {
    let sumUs = 0;
    for (const { endMs, airtimeUs } of this.#buckets)
      if (endMs <= nowMs && endMs >= nowMs - SURELY_WITHIN_MS) sumUs += airtimeUs;
    return sumUs;
  }

  /** The radio wants silence, an hour at most; it outlasts a restart. */
  silence(nowMs: number, ms: number): void {
    this.#silentUntilMs = nowMs + Math.min(Math.max(ms, 0), MAX_SILENCE_MS);
  }

  /** How much longer, in ms; 0 when there is none. */
  silentMs(nowMs: number): number {
    return Math.max(0, this.#silentUntilMs - nowMs);
  }

  /**
   * How long to wait until a packet of this length fits the budget, in ms: 0 when it does now, Infinity when it never
   * will. Whoever waits and asks again until it is 0, and records, exceeds the budget in no rolling hour.
   */
  waitMs(nowMs: number, airtimeUs: number, budgetUs: number): number {
    if (airtimeUs > budgetUs) return Number.POSITIVE_INFINITY;
    let excessUs = this.usedUs(nowMs) + airtimeUs - budgetUs;
    if (excessUs <= 0) return 0;
    for (const bucket of this.#buckets) {
      excessUs -= bucket.airtimeUs;
      if (excessUs <= 0) return Math.max(1, Math.ceil(bucket.endMs + WINDOW_MS - nowMs));
    }
    return Number.POSITIVE_INFINITY;
  }

  /** For the disk; at most 5 KiB. Keeps how long each packet still counts, and when that was. */
  snapshot(now: Moment): Bytes {
    this.#prune(now.monotonicMs);
    const wallMs = Math.max(0, Math.floor(now.wallMs));
    const writer = new ByteWriter().u8(SNAPSHOT_VERSION).u64(BigInt(wallMs));
    writer.varint(Math.ceil(this.silentMs(now.monotonicMs))).varint(this.#buckets.length);
    for (const { endMs, airtimeUs } of this.#buckets) {
      const remainingMs = Math.ceil(endMs + WINDOW_MS - now.monotonicMs);
      writer.varint(Math.min(remainingMs, MAX_REMAINING_MS)).varint(Math.ceil(airtimeUs));
    }
    return writer.finish();
  }

  /**
   * The ledger of an earlier life. Time that passed by the wall clock is taken off; a wall clock that went back (a
   * machine that lost the time) counts as no time passed.
   */
  static restore(bytes: Uint8Array, now: Moment): Decoded<AirtimeLedger> {
    const reader = new ByteReader(bytes);
    const version = reader.u8();
    if (version !== 1 && version !== SNAPSHOT_VERSION) return refused("not a ledger of version 1 or 2");
    const passedMs = Math.max(0, Math.floor(now.wallMs) - Number(reader.u64()));
    const silentMs = version === 1 ? 0 : reader.varint();
    if (silentMs > MAX_SILENCE_MS) return refused("a silence of more than an hour");
    const count = reader.varint();
    if (count > MAX_BUCKETS) return refused("too many buckets");
    const ledger = new AirtimeLedger();
    ledger.silence(now.monotonicMs, silentMs - passedMs);
    let previousMs = 1;
    for (let i = 0; i < count && reader.failure === undefined; i++) {
      const remainingMs = reader.varint();
      const airtimeUs = reader.varint();
      if (remainingMs < previousMs || remainingMs > MAX_REMAINING_MS) reader.fail("bucket out of order");
      previousMs = remainingMs;
      const endMs = now.monotonicMs + remainingMs - passedMs - WINDOW_MS;
      // Never merged into: it began in another life.
      ledger.#buckets.push({ firstMs: Number.NEGATIVE_INFINITY, endMs, airtimeUs });
      ledger.#usedUs += airtimeUs;
    }
    const failure = reader.done();
    if (failure !== undefined) return refused(failure);
    ledger.#prune(now.monotonicMs);
    return decoded(ledger);
  }

  #prune(nowMs: number): void {
    let gone = 0;
    for (const { endMs, airtimeUs } of this.#buckets) {
      if (endMs + WINDOW_MS > nowMs) break;
      this.#usedUs -= airtimeUs;
      gone++;
    }
    if (gone > 0) this.#buckets.splice(0, gone);
  }

  /** The two oldest leave together, at the later's time. */
  #bound(): void {
    const [oldest, next] = this.#buckets;
    if (this.#buckets.length <= MAX_BUCKETS || oldest === undefined || next === undefined) return;
    next.airtimeUs += oldest.airtimeUs;
    this.#buckets.shift();
  }
}
