/**
 * Keeps what a running node knows of the time: asks the machine's clocks every minute, remembers what a radio and operators
 * said, and writes the latest time that was known for sure to the state, so that the next start is not before it.
 *
 * The file `last-time`: "CAYETIM", version u8 = 1, Unix time in s u64, SHA-256 over both.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, type Bytes, concatBytes, equalBytes, utf8 } from "../kernel/bytes.ts";
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Service } from "../kernel/service.ts";
import type { TimeReport, TimeSource, TimeWish } from "../kernel/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import { type Bound, type Claim, CLOCK_ABSURD_S, estimateTime } from "./time-policy.ts";
import type { MachineClocks } from "./time-sources.ts";

export const LAST_TIME_FILE = "last-time";
const MAGIC = utf8("CAYETIM");
const VERSION = 1;
const LOOK_EVERY_MS = 60_000;
/** Flash wears out by writing. */
const SAVE_EVERY_S = 3_600;
const NETWORK_ERROR_S = 1;
const OPERATOR_ERROR_S = 60;
const HARDWARE_ERROR_S = 60;
/** Somebody set it; nobody knows when. */
const MACHINE_ERROR_S = 3_600;
const RADIO_ERROR_S = 600;
/** Hardware clock and machine agree when one was set by the other. */
const AGREE_S = 30;
/** A claim that is older says no more than the bound. */
const RADIO_KEPT_S = 6 * 3_600;

export interface TimeParts {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly log: Log;
  readonly clocks: () => Promise<MachineClocks>;
  /** What the radio said last: Unix time in s, and how long ago. */
  readonly radio: () => { readonly atS: number; readonly msAgo: number } | undefined;
  /** Unix times in s that others' alerts bear, the latest of each author that is believed; and our own latest. */
  readonly signed: () => { readonly others: readonly number[]; readonly own: number };
  readonly maxAheadS: number;
  /** Where who sets the machine's clock finds it, after each look. Never rejects. */
  readonly publish: (report: TimeReport) => Promise<void>;
}

/** A moment by the monotonic clock, so that it can be brought forward. */
interface Fixed {
  readonly atS: number;
  readonly monotonicMs: number;
}

export class TimeKeeper implements Service {
  readonly name = "time";
  readonly #parts: TimeParts;
  #clocks: MachineClocks = { networkSynced: false, hardwareS: undefined, origin: undefined };
  #operator: Fixed | undefined;
  /** A person has said that what was certain was wrong: signed dates say nothing until the next start. */
  #isForced = false;
  /** The latest time that was known for sure. */
  #certain: Fixed;
  #savedS: number;

  private constructor(parts: TimeParts, lastS: number) {
    this.#parts = parts;
    this.#certain = { atS: lastS, monotonicMs: parts.clock.monotonicMs() };
    this.#savedS = lastS;
  }

  /** A file that can't be read tells nothing. @throws what the memory throws */
  static async open(parts: TimeParts): Promise<TimeKeeper> {
    const keeper = new TimeKeeper(parts, decodeLastTime(await parts.memory.read(LAST_TIME_FILE)) ?? CLOCK_SET_S);
    await keeper.look();
    return keeper;
  }

  report(): TimeReport {
    const { clock, maxAheadS } = this.#parts;
    const { others, own } = this.#isForced ? { others: [], own: 0 } : this.#parts.signed();
    return estimateTime({
      machineS: clock.nowMs() / 1000,
      claims: this.#claims(),
      bounds: this.#bounds(),
      signedS: others,
      ownSignedS: own,
      maxAheadS,
    });
  }

  /**
   * A person looked at a clock. On disk when it resolves.
   * @throws AgentError "TIME_REFUSED" when it can't be that time
   */
  async set({ at_s: atS, from, force = false }: TimeWish): Promise<TimeReport> {
    const before = { operator: this.#operator, certain: this.#certain, isForced: this.#isForced };
    this.#operator = { atS, monotonicMs: this.#parts.clock.monotonicMs() };
    if (force) {
      this.#certain = { atS: CLOCK_SET_S, monotonicMs: this.#operator.monotonicMs };
      this.#isForced = true;
    }
    const report = this.report();
    const refusal = report.refused.find(({ source }) => source === "operator");
    if (refusal !== undefined) {
      this.#operator = before.operator;
      this.#certain = before.certain;
      this.#isForced = before.isForced;
      throw new AgentError(
        "TIME_REFUSED",
        `${new Date(1000 * atS).toISOString()} can't be the time: ${refusal.reason}`,
        {
          fix: "look at that clock again; caye time tells what is certain, and why. If that is wrong: --force",
        },
      );
    }
    this.#parts.log.info("Somebody told the time", { from, at: new Date(1000 * atS).toISOString() });
    if (force) this.#savedS = 0;
    await this.#keep(report);
    await this.#save();
    await this.#parts.publish(report);
    return report;
  }

  /** Asks the machine's clocks now. */
  async look(): Promise<void> {
    this.#clocks = await this.#parts.clocks();
    const report = this.report();
    await this.#keep(report);
    await this.#parts.publish(report);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) await this.look();
    }
    await this.#save().catch(() => undefined);
  }

  /**
   * Only what somebody vouches for becomes certain: else whoever speaks on the radio, or a hardware clock that was set
   * wrongly once, could push the bound for good.
   */
  async #keep({ source, estimate_s: atS, uncertainty_s: errorS, set }: TimeReport): Promise<void> {
    const isSure = source === "network" || source === "operator";
    const monotonicMs = this.#parts.clock.monotonicMs();
    const sureS = atS - (errorS ?? 0);
    if (set && isSure && sureS > this.#nowOf(this.#certain)) this.#certain = { atS: sureS, monotonicMs };
    if (this.#nowOf(this.#certain) - this.#savedS < SAVE_EVERY_S) return;
    await this.#save().catch((error: unknown) => {
      this.#parts.log.warn("The time could not be kept for the next start", { error: String(error) });
    });
  }

  async #save(): Promise<void> {
    const nowS = Math.floor(this.#nowOf(this.#certain));
    if (nowS <= this.#savedS) return;
    await this.#parts.memory.writeAtomic(LAST_TIME_FILE, encodeLastTime(nowS));
    this.#savedS = nowS;
  }

  #bounds(): readonly Bound[] {
    return [{ by: "this node knew it to be later", atS: this.#nowOf(this.#certain) }];
  }

  #claims(): readonly Claim[] {
    const { networkSynced, hardwareS, origin } = this.#clocks;
    const machineS = this.#parts.clock.nowMs() / 1000;
    const claims: Claim[] = [];
    const add = (source: TimeSource, atS: number, errorS: number, ageS = 0): void => {
      claims.push({ source, atS, ageS, errorS });
    };
    if (networkSynced) add("network", machineS, NETWORK_ERROR_S);
    if (this.#operator !== undefined) {
      const ageS = (this.#parts.clock.monotonicMs() - this.#operator.monotonicMs) / 1000;
      add("operator", this.#operator.atS + ageS, OPERATOR_ERROR_S, ageS);
    }
    const agrees = hardwareS !== undefined && Math.abs(hardwareS - machineS) <= AGREE_S;
    if (hardwareS !== undefined && !networkSynced)
      add("hardware-clock", agrees ? machineS : hardwareS, HARDWARE_ERROR_S);
    const said = this.#parts.radio();
    const ageS = said === undefined ? 0 : said.msAgo / 1000;
    if (said !== undefined && ageS < RADIO_KEPT_S) add("radio", said.atS + ageS, RADIO_ERROR_S, ageS);
    // A clock that we set ourselves is worth what it was set by.
    if (origin === "radio") add("radio", machineS, RADIO_ERROR_S);
    else if (origin !== "none") add("machine", machineS, MACHINE_ERROR_S);
    return claims;
  }

  #nowOf({ atS, monotonicMs }: Fixed): number {
    return atS + Math.max(0, this.#parts.clock.monotonicMs() - monotonicMs) / 1000;
  }
}

export function encodeLastTime(atS: number): Bytes {
  const content = new ByteWriter()
    .bytes(MAGIC)
    .u8(VERSION)
    .u64(BigInt(Math.floor(atS)))
    .finish();
  return concatBytes(content, createHash("sha256").update(content).digest());
}

/** Undefined for what we did not write, and for a time that can't be. */
export function decodeLastTime(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const reader = new ByteReader(bytes);
  const isOurs = equalBytes(reader.take(MAGIC.length), MAGIC) && reader.u8() === VERSION;
  const atS = Number(reader.u64());
  const whole = equalBytes(
    reader.take(32),
    createHash("sha256")
      .update(bytes.subarray(0, MAGIC.length + 9))
      .digest(),
  );
  if (!isOurs || !whole || reader.done() !== undefined) return undefined;
  return atS >= CLOCK_SET_S && atS < CLOCK_ABSURD_S ? atS : undefined;
}
