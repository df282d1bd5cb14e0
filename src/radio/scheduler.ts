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
import { BROADCAST, PRIVATE_APP, type Modem, type SendOutcome } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { payloadAirtimeUs, type LoraModulation } from "./airtime.ts";
import { chance } from "./chance.ts";
import { ChannelHold } from "./channel-hold.ts";
import { ALERT, type Priority } from "./priority.ts";
import type { AirtimeLedger } from "./ledger.ts";
import type { Ratio } from "./regions.ts";
import { WaitingQueue, type Offer, type Waiting } from "./waiting.ts";

/** A broadcast on our port. */
export interface Frame extends Waiting {
  /** An encoded message, 1 … 231 bytes; not to be changed once offered. */
  readonly payload: Uint8Array;
  readonly priority: Priority;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** Called once the radio has it, with its time on air. Must not throw. */
  readonly onSent?: (airtimeUs: number) => void;
}

export interface RadioLimits {
  readonly modulation: LoraModulation;
  /** The law's part of the hour. */
  readonly dutyCycle: Ratio;
  /** Our part of that. */
  readonly share: Ratio;
  /** True when the radio adds a signature of its own to short broadcasts: see `signsBroadcasts`. */
  readonly radioSigns?: boolean;
}

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
}

/**
 * What the next frame waits for: `frames` (there is none), `air` (our last packet and its relays), `duty-cycle` (the
 * radio said so), `modem` (no link), `radio` (it is busy), `channel` (others use it), `budget` (our hour is used up).
 */
export type WaitingFor = "frames" | "air" | "duty-cycle" | "modem" | "radio" | "channel" | "budget";

export interface SchedulerStatus {
  readonly queued: number;
  /** Frames that the full queue had no room for, that waited too long, and that can never be sent. */
  readonly dropped: number;
  readonly expired: number;
  readonly refused: number;
  /** Of the rolling hour. */
  readonly usedUs: number;
  readonly budgetUs: number;
  readonly sentPackets: number;
  /** Payload bytes. */
  readonly sentBytes: number;
  readonly sentAirUs: number;
  readonly waitingFor: WaitingFor;
}

export const MAX_WAITING_FRAMES = 64;
const HOUR_US = 3_600_000_000;
/** This part of the hour's budget only alerts may use: a long transfer must not leave the village without a voice. */
const ALERT_RESERVE: Ratio = 0.1;
/** Room on the air for the relays of a packet that may be relayed: itself and two that we hear. */
const RELAY_SLACK_FACTOR = 3;
/** Up to this part of its airtime is added after a packet, so that two nodes don't stay in lockstep. */
const JITTER: Ratio = 0.05;
const CHANNEL_POLL_MS = 5_000;
const MODEM_POLL_MS = 1_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
/** The longest sleep while there is something to do: settings and clocks are looked at again. */
const MAX_PAUSE_MS = 60_000;
const IDLE_PAUSE_MS = 3_600_000;
const MAX_DUTY_WAIT_MS = 3_600_000;
/** A wall clock that moves against the monotonic one by more than this was set. */
const CLOCK_SET_MS = 5_000;

type Gate = { readonly kind: "open" } | { readonly kind: "wait"; readonly on: WaitingFor; readonly ms: number };

export class Scheduler implements Service {
  readonly name = "radio";
  readonly #parts: SchedulerParts;
  readonly #log: Log;
  readonly #queue = new WaitingQueue<Frame>(MAX_WAITING_FRAMES);
  #wake: (() => void) | undefined;
  #waitingFor: WaitingFor = "frames";
  #quietUntilMs = Number.NEGATIVE_INFINITY;
  #dutyUntilMs = Number.NEGATIVE_INFINITY;
  #busyUntilMs = Number.NEGATIVE_INFINITY;
  #busyTries = 0;
  readonly #hold = new ChannelHold();
  #wallOffsetMs: number;
  #ledgerUnsaved = false;
  #refused = 0;
  #sentPackets = 0;
  #sentBytes = 0;
  #sentAirUs = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#log = parts.log.named("radio");
    this.#wallOffsetMs = wallOffsetMs(parts.clock);
  }

  offer(frame: Frame): Offer {
    const offer = this.#queue.offer(frame);
    if (offer !== "dropped") this.#wake?.();
    return offer;
  }

  /** False when no frame with this key waits. */
  cancel(key: string): boolean {
    return this.#queue.cancel(key);
  }

  status(): SchedulerStatus {
    const { clock, ledger } = this.#parts;
    return {
      queued: this.#queue.length,
      dropped: this.#queue.dropped,
      expired: this.#queue.expired,
      refused: this.#refused,
      usedUs: ledger.usedUs(clock.monotonicMs()),
      budgetUs: budgetUs(this.#parts.settings()),
      sentPackets: this.#sentPackets,
      sentBytes: this.#sentBytes,
      sentAirUs: this.#sentAirUs,
      waitingFor: this.#waitingFor,
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await this.#followWallClock();
      const nowMs = clock.monotonicMs();
      const frame = this.#queue.first(nowMs);
      if (frame === undefined) {
        await this.#pause("frames", this.#parts.ledger.usedUs(nowMs) > 0 ? MAX_PAUSE_MS : IDLE_PAUSE_MS, signal);
        continue;
      }
      const limits = this.#parts.settings();
      const airtimeUs = payloadAirtimeUs(frame.payload.length, limits.modulation, limits.radioSigns);
      const gate = this.#gate(frame, airtimeUs, limits, nowMs);
      if (gate.kind === "open") await this.#send(frame, airtimeUs, signal);
      else if (gate.ms === Number.POSITIVE_INFINITY) this.#refuse(frame, "one packet is longer than the hour's budget");
      else await this.#pause(gate.on, gate.ms, signal);
    }
  }

  /** What the frame must wait for, in the order in which it makes sense to ask. */
  #gate(frame: Frame, airtimeUs: number, limits: RadioLimits, nowMs: number): Gate {
    if (nowMs < this.#quietUntilMs) return waitFor("air", this.#quietUntilMs - nowMs);
    if (nowMs < this.#dutyUntilMs) return waitFor("duty-cycle", this.#dutyUntilMs - nowMs);
    if (this.#parts.modem.state().kind !== "ready") return waitFor("modem", MODEM_POLL_MS);
    if (nowMs < this.#busyUntilMs) return waitFor("radio", this.#busyUntilMs - nowMs);
    const reserve = frame.priority === ALERT ? 0 : ALERT_RESERVE;
    const budgetMs = this.#parts.ledger.waitMs(nowMs, airtimeUs, Math.floor(budgetUs(limits) * (1 - reserve)));
    if (budgetMs > 0) return waitFor("budget", budgetMs);
    if (this.#hold.isFull(frame.priority, this.#parts.modem.channelUse().channelUtilization ?? 0, nowMs))
      return waitFor("channel", CHANNEL_POLL_MS);
    return { kind: "open" };
  }

  async #send(frame: Frame, airtimeUs: number, signal: AbortSignal): Promise<void> {
    const { clock, ledger, modem } = this.#parts;
    // Booked and on disk before it is on air: a crash in between costs airtime, never the law.
    ledger.record(clock.monotonicMs(), airtimeUs);
    await this.#save();
    if (signal.aborted) {
      ledger.takeBack(airtimeUs);
      return;
    }
    const { payload, hopLimit } = frame;
    const outcome = await modem.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit }, signal);
    if (outcome.kind === "taken") this.#taken(frame, airtimeUs);
    else this.#notTaken(frame, airtimeUs, outcome);
  }

  #taken(frame: Frame, airtimeUs: number): void {
    const factor = (frame.hopLimit > 0 ? RELAY_SLACK_FACTOR : 1) + JITTER * this.#chance();
    this.#quietUntilMs = this.#parts.clock.monotonicMs() + (factor * airtimeUs) / 1000;
    this.#queue.remove(frame);
    this.#busyTries = 0;
    this.#hold.release();
    this.#sentPackets++;
    this.#sentBytes += frame.payload.length;
    this.#sentAirUs += airtimeUs;
    frame.onSent?.(airtimeUs);
  }

  #notTaken(frame: Frame, airtimeUs: number, outcome: Exclude<SendOutcome, { kind: "taken" }>): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#parts.ledger.takeBack(airtimeUs);
    switch (outcome.kind) {
      case "busy": {
        const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#busyTries);
        this.#busyTries = Math.min(this.#busyTries + 1, 16);
        this.#busyUntilMs = nowMs + backoffMs * (1 + this.#chance() / 2);
        this.#log.debug("radio is busy", { reason: outcome.reason, backoffMs });
        return;
      }
      case "duty-cycle":
        this.#dutyUntilMs = nowMs + Math.min(Math.max(outcome.waitMs, FIRST_BACKOFF_MS), MAX_DUTY_WAIT_MS);
        this.#log.warn("radio says that the law's hour is used up", { waitMs: outcome.waitMs });
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
    const wake = (): void => stop.abort();
    signal.addEventListener("abort", wake, { once: true });
    this.#wake = wake;
    this.#waitingFor = on;
    // Whole milliseconds: a fraction may be too little to move a clock at all.
    await this.#parts.clock.sleep(Math.ceil(on === "frames" ? ms : Math.min(ms, MAX_PAUSE_MS)), stop.signal);
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
  }

  #chance(): Ratio {
    return chance(this.#parts.random);
  }
}

function waitFor(on: WaitingFor, ms: number): Gate {
  return { kind: "wait", on, ms };
}

function budgetUs({ dutyCycle, share }: RadioLimits): number {
  return Math.floor(HOUR_US * dutyCycle * share);
}

function wallOffsetMs(clock: Clock): number {
  return clock.nowMs() - clock.monotonicMs();
}
