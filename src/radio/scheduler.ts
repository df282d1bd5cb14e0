/**
 * What is sent when: one packet of ours in the radio at a time, within the law's hour, our share and the channel's ease.
 *
 * Everybody offers frames; one loop sends them. A frame stays in the queue until the radio has taken it, so that one that
 * matters more overtakes it at any time, and a replacement or a cancellation finds it. Moments are on the monotonic clock.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import type { Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Modem, SendOutcome } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { lawUs } from "./budget.ts";
import { chance } from "./chance.ts";
import { estimate, type Estimate } from "./estimate.ts";
import { costOf, packetOf, type Cost, type Frame } from "./frame.ts";
import { Gate, type HoldReason } from "./gate.ts";
import { HoldBook, type Held } from "./hold-book.ts";
import type { AirtimeLedger } from "./ledger.ts";
import type { RadioLimits } from "./limits.ts";
import { REQUEST } from "./priority.ts";
import type { Ratio } from "./regions.ts";
import { WaitingQueue, type Offer } from "./waiting.ts";

export interface SchedulerParts {
  readonly modem: Modem;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Asked before each packet: the radio may come up, or change, at any time. */
  readonly settings: () => RadioLimits;
  readonly ledger: AirtimeLedger;
  /** Resolves once the snapshot is on disk. */
  readonly saveLedger: (snapshot: Bytes) => Promise<void>;
  /**
   * After a packet that may be relayed we are silent for so many times its airtime: itself and two relays that we hear,
   * when left out. Less is faster, and collides with relays that we do not hear.
   */
  readonly relaySlack?: number;
}

/** What the next frame waits for; `frames`: there is none. */
export type WaitingFor = "frames" | HoldReason;

export interface SchedulerStatus {
  readonly queued: number;
  /** Frames that the full queue had no room for, that waited too long, and that can never be sent. */
  readonly dropped: number;
  readonly expired: number;
  readonly refused: number;
  /** Of the rolling hour: what we sent, what we may send, and what the law lets the radio send in all. */
  readonly usedUs: number;
  readonly budgetUs: number;
  readonly lawUs: number;
  /** What the radio says to have sent in the hour that was not ours. */
  readonly othersUs: number;
  readonly dutyCycle: Ratio;
  readonly share: Ratio;
  /** Use of the channel in the last minute, by the radio's word and our own ears. */
  readonly channelUse: Ratio;
  /** For how much longer the radio wants silence; 0 when it does not. */
  readonly silentMs: number;
  readonly sentPackets: number;
  /** Payload bytes. */
  readonly sentBytes: number;
  readonly sentAirUs: number;
  readonly waitingFor: WaitingFor;
  /** How often a frame had to wait for each, and for how long in all. */
  readonly holds: Readonly<Record<HoldReason, Held>>;
}

export const MAX_WAITING_FRAMES = 64;
const RELAY_SLACK_FACTOR = 3;
/** Up to this part of its airtime is added after a packet, so that two nodes don't stay in lockstep. */
const JITTER: Ratio = 0.05;
/** Who waited so long counts as one priority more, until it is as good as a request. */
const AGEING = { stepMs: 300_000, highest: REQUEST };
/** The longest sleep while there is something to do: settings and clocks are looked at again. */
const MAX_PAUSE_MS = 60_000;
const IDLE_PAUSE_MS = 3_600_000;
/** A wall clock that moves against the monotonic one by more than this was set. */
const CLOCK_SET_MS = 5_000;

const WOKEN = new DOMException("woken", "AbortError");

export class Scheduler implements Service {
  readonly name = "radio";
  readonly #parts: SchedulerParts;
  readonly #log: Log;
  readonly #queue = new WaitingQueue<Frame>(MAX_WAITING_FRAMES, AGEING);
  readonly #gate: Gate;
  readonly #holds = new HoldBook();
  #wake: (() => void) | undefined;
  #waitingFor: WaitingFor = "frames";
  #wallOffsetMs: number;
  #ledgerUnsaved = false;
  #refused = 0;
  #sentPackets = 0;
  #sentBytes = 0;
  #sentAirUs = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#log = parts.log.named("radio");
    this.#gate = new Gate({ modem: parts.modem, ledger: parts.ledger, chance: () => chance(parts.random) });
    this.#wallOffsetMs = wallOffsetMs(parts.clock);
  }

  offer(frame: Frame): Offer {
    const offer = this.#queue.offer(frame, this.#parts.clock.monotonicMs());
    if (offer !== "dropped") this.#wake?.();
    return offer;
  }

  /** False when no frame with this key waits. */
  cancel(key: string): boolean {
    return this.#queue.cancel(key);
  }

  /** Somebody else's packet was on air, just now: it counts in the use of the channel. */
  heard(airtimeUs: number): void {
    this.#gate.heard(airtimeUs, this.#parts.clock.monotonicMs());
  }

  /** What so many packets would cost now, and when the law would let them be over. @throws RangeError above 231 bytes each */
  estimate(packets: number, payloadBytes: number): Estimate {
    const { clock, ledger, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    const limits = settings();
    const ledgerUsedUs = ledger.usedUs(nowMs);
    const budgetUs = this.#gate.budgetUs(limits, nowMs);
    const silentUntilMs = nowMs + ledger.silentMs(nowMs);
    return estimate({ packets, payloadBytes, limits, ledgerUsedUs, nowMs, silentUntilMs, budgetUs });
  }

  status(): SchedulerStatus {
    const { clock, ledger } = this.#parts;
    const nowMs = clock.monotonicMs();
    const limits = this.#parts.settings();
    return {
      queued: this.#queue.length,
      dropped: this.#queue.dropped,
      expired: this.#queue.expired,
      refused: this.#refused,
      usedUs: ledger.usedUs(nowMs),
      budgetUs: this.#gate.budgetUs(limits, nowMs),
      lawUs: lawUs(limits),
      othersUs: this.#gate.othersUs(nowMs),
      dutyCycle: limits.dutyCycle,
      share: limits.share,
      channelUse: this.#gate.used(nowMs),
      silentMs: ledger.silentMs(nowMs),
      sentPackets: this.#sentPackets,
      sentBytes: this.#sentBytes,
      sentAirUs: this.#sentAirUs,
      waitingFor: this.#waitingFor,
      holds: this.#holds.all(),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await this.#followWallClock();
      const nowMs = clock.monotonicMs();
      const next = this.#queue.first(nowMs);
      if (next === undefined) {
        this.#gate.idle();
        await this.#pause("frames", this.#parts.ledger.usedUs(nowMs) > 0 ? MAX_PAUSE_MS : IDLE_PAUSE_MS, signal);
        continue;
      }
      const { item: frame, rank } = next;
      const limits = this.#parts.settings();
      const cost = costOf(frame, limits);
      const { priority, expiresAtMs } = frame;
      const verdict = this.#gate.verdict({ ...cost, priority, rank, expiresAtMs }, limits, nowMs);
      if (verdict.kind === "open") await this.#send(frame, cost, signal);
      else if (verdict.kind === "never") this.#refuse(frame, verdict.reason);
      else await this.#pause(verdict.on, verdict.ms, signal);
    }
  }

  async #send(frame: Frame, cost: Cost, signal: AbortSignal): Promise<void> {
    const { clock, ledger, modem } = this.#parts;
    const { airtimeUs } = cost;
    // Booked and on disk before it is on air: a crash in between costs airtime, never the law.
    ledger.record(clock.monotonicMs(), airtimeUs);
    await this.#save();
    if (signal.aborted) {
      ledger.takeBack(airtimeUs);
      return;
    }
    const outcome = await modem.send(packetOf(frame), signal);
    if (outcome.kind === "taken") this.#taken(frame, cost);
    else await this.#notTaken(frame, airtimeUs, outcome);
  }

  #taken(frame: Frame, { airtimeUs, packetUs }: Cost): void {
    const { clock, random, relaySlack = RELAY_SLACK_FACTOR } = this.#parts;
    const factor = (frame.hopLimit > 0 ? relaySlack : 1) + JITTER * chance(random);
    this.#gate.sent(packetUs, (factor * packetUs) / 1000, clock.monotonicMs());
    this.#queue.serve(frame);
    this.#holds.over();
    this.#sentPackets++;
    this.#sentBytes += frame.payload.length;
    this.#sentAirUs += airtimeUs;
    frame.onSent?.(airtimeUs);
  }

  async #notTaken(frame: Frame, airtimeUs: number, outcome: Exclude<SendOutcome, { kind: "taken" }>): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#parts.ledger.takeBack(airtimeUs);
    switch (outcome.kind) {
      case "busy": {
        const backoffMs = this.#gate.busy(nowMs);
        this.#log.debug("radio is busy", { reason: outcome.reason, backoffMs });
        return;
      }
      case "duty-cycle":
        this.#gate.silence(outcome.waitMs, nowMs);
        this.#log.warn("radio says that the law's hour is used up", { waitMs: outcome.waitMs });
        // A restart must not wake it.
        await this.#save();
        return;
      case "refused":
        this.#refuse(frame, outcome.reason);
    }
  }

  #refuse(frame: Frame, reason: string): void {
    this.#queue.remove(frame);
    this.#refused++;
    this.#log.warn("frame can't be sent", { reason, bytes: frame.payload.length, priority: frame.priority });
  }

  /**
   * A disk that fails does not silence the node: an alert may be what it has to say, and the book in memory still holds.
   */
  async #save(): Promise<void> {
    const { clock, ledger, saveLedger } = this.#parts;
    try {
      await saveLedger(ledger.snapshot({ monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }));
      this.#ledgerUnsaved = false;
    } catch (error) {
      if (!this.#ledgerUnsaved) this.#log.error("airtime ledger is not on disk", { error: describeError(error) });
      this.#ledgerUnsaved = true;
    }
  }

  /** When the machine learns the time, the ledger on disk must not look an hour old. */
  async #followWallClock(): Promise<void> {
    const { clock, ledger } = this.#parts;
    const offsetMs = wallOffsetMs(clock);
    if (Math.abs(offsetMs - this.#wallOffsetMs) <= CLOCK_SET_MS) return;
    this.#wallOffsetMs = offsetMs;
    if (ledger.usedUs(clock.monotonicMs()) > 0) await this.#save();
  }

  /** Until the time is over, a frame is offered, or the signal aborts. */
  async #pause(on: WaitingFor, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const stop = new AbortController();
    // With a reason that stands ready: else each wake-up makes an error with its stack.
    const wake = (): void => stop.abort(WOKEN);
    signal.addEventListener("abort", wake, { once: true });
    this.#wake = wake;
    this.#waitingFor = on;
    const { clock } = this.#parts;
    const sinceMs = clock.monotonicMs();
    // Whole milliseconds: a fraction may be too little to move a clock at all.
    await clock.sleep(Math.ceil(on === "frames" ? ms : Math.min(ms, MAX_PAUSE_MS)), stop.signal);
    if (on !== "frames") this.#holds.add(on, clock.monotonicMs() - sinceMs);
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
  }
}

function wallOffsetMs(clock: Clock): number {
  return clock.nowMs() - clock.monotonicMs();
}
