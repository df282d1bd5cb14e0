/**
 * What the next packet has to wait for: our last one, the radio, the law's hour, the ease of the channel.
 * Moments are monotonic ms.
 * @module
 */
import type { Modem } from "../ports/modem.ts";
import { Budget, shareUs } from "./budget.ts";
import { ChannelHold } from "./channel-hold.ts";
import { ChannelLoad } from "./channel-load.ts";
import type { AirtimeLedger } from "./ledger.ts";
import type { RadioLimits } from "./limits.ts";
import { ALERT } from "./priority.ts";
import type { Ratio } from "./regions.ts";

/**
 * What a frame waits for: `air` (our last packet and its relays), `duty-cycle` (the radio said so), `modem` (no link),
 * `radio` (it is busy), `channel` (others use it), `budget` (our hour is used up).
 */
export const HOLD_REASONS = ["air", "duty-cycle", "modem", "radio", "channel", "budget"] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

export type Verdict =
  | { readonly kind: "open" }
  | { readonly kind: "wait"; readonly on: HoldReason; readonly ms: number }
  /** It can never be sent. `reason` is for people. */
  | { readonly kind: "never"; readonly reason: string };

/** The packet at the head of the queue. */
export interface Candidate {
  /** What it is booked with. */
  readonly airtimeUs: number;
  /** Of one sending, where the radio may send it several times; `airtimeUs` when left out. */
  readonly packetUs?: number;
  /** Its priority, and what it has come to by waiting. */
  readonly priority: number;
  readonly rank: number;
  readonly expiresAtMs?: number | undefined;
}

export interface GateParts {
  readonly modem: Modem;
  readonly ledger: AirtimeLedger;
  /** Evenly in 0 ≤ x < 1. */
  readonly chance: () => number;
}

/** This part of the hour's budget only alerts may use: a long transfer must not leave the village without a voice. */
const ALERT_RESERVE: Ratio = 0.1;
const CHANNEL_POLL_MS = 5_000;
const MODEM_POLL_MS = 1_000;
/** What the radio sends for others may become less at any time. */
const BUDGET_POLL_MS = 60_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
const FIRST_SILENCE_MS = 1_000;
const OPEN: Verdict = { kind: "open" };

export class Gate {
  readonly #parts: GateParts;
  readonly #budget = new Budget();
  readonly #load = new ChannelLoad();
  readonly #hold: ChannelHold;
  #quietUntilMs = Number.NEGATIVE_INFINITY;
  #busyUntilMs = Number.NEGATIVE_INFINITY;
  #busyTries = 0;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#hold = new ChannelHold(parts.chance);
  }

  /** What the packet must wait for, in the order in which it makes sense to ask. */
  verdict(packet: Candidate, limits: RadioLimits, nowMs: number): Verdict {
    const { ledger, modem } = this.#parts;
    const { airtimeUs, priority, rank, expiresAtMs } = packet;
    const fault = impossible(packet, limits);
    if (fault !== undefined) return { kind: "never", reason: fault };
    if (nowMs < this.#quietUntilMs) return waitFor("air", this.#quietUntilMs - nowMs);
    if (ledger.silentMs(nowMs) > 0) return waitFor("duty-cycle", ledger.silentMs(nowMs));
    if (modem.state().kind !== "ready") return waitFor("modem", MODEM_POLL_MS);
    if (nowMs < this.#busyUntilMs) return waitFor("radio", this.#busyUntilMs - nowMs);
    const budgetUs = Math.floor(this.budgetUs(limits, nowMs) * (1 - reserveFor(priority)));
    const budgetMs = ledger.waitMs(nowMs, airtimeUs, budgetUs);
    if (budgetMs > 0) return waitFor("budget", Math.min(budgetMs, BUDGET_POLL_MS));
    const holdMs = this.#hold.waitMs(rank, this.used(nowMs), nowMs, expiresAtMs);
    return holdMs > 0 ? waitFor("channel", Math.min(holdMs, CHANNEL_POLL_MS)) : OPEN;
  }

  /** What we may use of the hour, in µs. */
  budgetUs(limits: RadioLimits, nowMs: number): number {
    this.#readRadio(nowMs);
    return this.#budget.budgetUs(limits, nowMs);
  }

  /** What the radio sent for others in the hour, in µs. */
  othersUs(nowMs: number): number {
    this.#readRadio(nowMs);
    return this.#budget.othersUs(nowMs);
  }

  /** Of the channel, by all that we know. */
  used(nowMs: number): Ratio {
    this.#readRadio(nowMs);
    return this.#load.used(nowMs);
  }

  heard(airtimeUs: number, nowMs: number): void {
    this.#load.add(airtimeUs, nowMs);
  }

  /** The radio has a packet of ours. @param quietMs until it and its relays are off the air */
  sent(airtimeUs: number, quietMs: number, nowMs: number): void {
    this.#quietUntilMs = nowMs + quietMs;
    this.#busyTries = 0;
    this.#hold.release();
    this.#load.add(airtimeUs, nowMs);
  }

  /** Nothing waits any more. */
  idle(): void {
    this.#hold.release();
  }

  /** The radio took no packet. @returns for how long it is left alone, in ms */
  busy(nowMs: number): number {
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#busyTries);
    this.#busyTries = Math.min(this.#busyTries + 1, 16);
    this.#busyUntilMs = nowMs + backoffMs * (1 + this.#parts.chance() / 2);
    return backoffMs;
  }

  /** The radio says that the law's hour is used up. */
  silence(waitMs: number, nowMs: number): void {
    this.#parts.ledger.silence(nowMs, Math.max(waitMs, FIRST_SILENCE_MS));
  }

  #readRadio(nowMs: number): void {
    const { modem, ledger } = this.#parts;
    const use = modem.channelUse();
    if (this.#load.report(use, nowMs) && use.airUtilTx !== undefined) this.#budget.report(use.airUtilTx, ledger, nowMs);
  }
}

function reserveFor(priority: number): Ratio {
  return priority === ALERT ? 0 : ALERT_RESERVE;
}

/** Why this packet will not fit in any hour; undefined when it will, once others leave room. */
function impossible(packet: Candidate, limits: RadioLimits): string | undefined {
  const { airtimeUs, packetUs = airtimeUs, priority } = packet;
  if (limits.maxPacketUs !== undefined && packetUs > limits.maxPacketUs)
    return "one packet is longer than the law of the region lets it be";
  if (airtimeUs > Math.floor(shareUs(limits) * (1 - reserveFor(priority))))
    return "one packet is longer than the hour's budget";
  return undefined;
}

function waitFor(on: HoldReason, ms: number): Verdict {
  return { kind: "wait", on, ms };
}
