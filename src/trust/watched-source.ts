/**
 * One source of entropy while the agent runs: it is opened again whenever it was lost, its samples go through health
 * tests that never start anew, and raw ones through the estimators, ten thousand at a time.
 *
 * A source that failed must pass the whole gate of the boot again before it counts as recovered.
 * @module
 */
import { GATE_SAMPLES } from "../entropy/small-sample.ts";
import { HealthTests } from "../entropy/health.ts";
import type { EnrolmentReport, EntropySourceReport, SourceState } from "../kernel/entropy-reports.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { EntropyAssessor, EntropySource } from "../ports/entropy.ts";
import { failureFrom, type Failure } from "./outcome.ts";
import {
  deviceFault,
  estimate,
  factsOf,
  isEstimated,
  LEAST_SAMPLES,
  samplesFault,
  type Assessed,
  type Gated,
  type SourceFacts,
  type SourceFault,
} from "./source-gate.ts";

/** Good looks after which what has recovered is as healthy as any. */
const HEALTHY_AFTER = 10;
const WORKING = "it gives good samples";

export interface SourceChange {
  readonly source: string;
  readonly from: SourceState;
  readonly to: SourceState;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix: string;
}

export interface WatchedParts {
  readonly assessor: EntropyAssessor;
  readonly enrolment: EnrolmentReport | undefined;
  readonly onChange: (change: SourceChange) => void;
}

export class WatchedSource implements AsyncDisposable {
  readonly gated: Gated;
  enrolment: EnrolmentReport | undefined;
  readonly #parts: WatchedParts;
  #source: EntropySource | undefined;
  #facts: SourceFacts | undefined;
  #tests: HealthTests | undefined;
  #state: SourceState;
  #detail: string;
  #fix: string;
  #assessed: Assessed | undefined;
  /** What a million samples said, which no single look can take back. */
  #lasting: Failure<SourceFault> | undefined;
  readonly #recent = new Uint8Array(GATE_SAMPLES);
  #kept = 0;
  #samples = 0;
  #failures = 0;
  #goodLooks = 0;
  #badLooks = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param gated what the boot found of it */
  constructor(gated: Gated, parts: WatchedParts) {
    this.gated = gated;
    this.enrolment = parts.enrolment;
    this.#parts = parts;
    this.#facts = gated.facts;
    this.#assessed = gated.assessed;
    const { fault } = gated;
    this.#state = fault?.kind ?? "healthy";
    this.#detail = fault?.detail ?? gated.detail;
    this.#fix = fault?.fix ?? "";
    this.#failures = fault === undefined ? 0 : 1;
  }

  get uri(): string {
    return this.gated.opening.uri;
  }

  get ok(): boolean {
    return this.#state === "healthy" || this.#state === "recovered";
  }

  /** Looks in a row that found it failing. */
  get badLooks(): number {
    return this.#badLooks;
  }

  get facts(): SourceFacts | undefined {
    return this.#facts;
  }

  /** Reads and judges; all that it gave, to be mixed in. Rejects only for the signal and for faults of ours. */
  look(count: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    return this.#inTurn(async () => {
      const given: Uint8Array[] = [];
      const fault = await this.#judge(count, given, signal);
      this.#settle(fault);
      return given;
    });
  }

  /**
   * Exactly `count` samples that pass the health tests, for whoever assesses many.
   * @throws AgentError "ENTROPY_UNHEALTHY" with what is wrong: the source's state tells it, too
   */
  take(count: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const given: Uint8Array[] = [];
      const fault = await this.#foreseen(async () => {
        const source = await this.#open();
        const set = await this.#next(source, count, given, signal);
        return set instanceof Uint8Array ? undefined : set;
      });
      const [samples] = given;
      if (fault === undefined && samples !== undefined) return samples;
      if (fault !== undefined) this.#settle(fault);
      throw new AgentError("ENTROPY_UNHEALTHY", fault?.detail ?? "no samples", { fix: fault?.fix ?? "" });
    });
  }

  /** What many samples said: a fault stays until as many say otherwise. */
  conclude(fault: Failure<SourceFault> | undefined): void {
    this.#lasting = fault;
    if (fault !== undefined) this.#settle(fault);
  }

  report(): EntropySourceReport {
    return {
      source: this.uri,
      required: !this.gated.opening.optional,
      state: this.#state,
      ok: this.ok,
      detail: this.#detail,
      fix: this.#fix,
      ...deviceReport(this.#facts),
      samples: this.#samples,
      failures: this.#failures,
      assessed: this.#assessed?.assessed ?? null,
      threshold: this.#assessed?.threshold ?? null,
      enrolment: this.enrolment ?? null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#close();
  }

  async #judge(count: number, given: Uint8Array[], signal: AbortSignal): Promise<Failure<SourceFault> | undefined> {
    return this.#foreseen(async () => {
      const source = await this.#open();
      const stranger = await deviceFault(source, this.enrolment, signal);
      if (stranger !== undefined) return stranger;
      const estimated = isEstimated(this.gated.opening, source);
      const whole = estimated ? GATE_SAMPLES : LEAST_SAMPLES;
      const set = await this.#next(source, this.ok ? count : whole, given, signal);
      if (!(set instanceof Uint8Array)) return set;
      return estimated ? this.#estimate(source, set, given, signal) : undefined;
    });
  }

  /** Once ten thousand are together. */
  async #estimate(
    source: EntropySource,
    set: Uint8Array,
    given: Uint8Array[],
    signal: AbortSignal,
  ): Promise<Failure<SourceFault> | undefined> {
    const room = Math.min(GATE_SAMPLES - this.#kept, set.length);
    this.#recent.set(set.subarray(set.length - room), this.#kept);
    this.#kept += room;
    if (this.#kept < GATE_SAMPLES) return undefined;
    this.#kept = 0;
    const { assessor } = this.#parts;
    const next = (): Promise<Uint8Array | Failure<SourceFault>> => this.#next(source, GATE_SAMPLES, given, signal);
    const found = await estimate(this.#recent.slice(), next, {
      assessor,
      signal,
      source: factsOf(source),
      enrolment: this.enrolment,
    });
    if ("kind" in found) return found;
    this.#assessed = found;
    const { assessed, threshold } = found;
    if (assessed >= threshold) return undefined;
    const detail = `${source.name} is assessed at ${assessed.toFixed(2)} bits a sample, the least is ${threshold.toFixed(2)}`;
    return {
      kind: "below-threshold",
      detail,
      fix: "check the entropy device; if it is well, enrol it: caye entropy enrol",
    };
  }

  async #next(
    source: EntropySource,
    count: number,
    given: Uint8Array[],
    signal: AbortSignal,
  ): Promise<Uint8Array | Failure<SourceFault>> {
    const samples = await source.read(count, signal);
    given.push(samples);
    this.#samples += samples.length;
    this.#tests ??= new HealthTests(source.claimedMinEntropyBits, source.bitsPerSample);
    const fault = samplesFault(source, samples, this.#tests);
    if (fault !== undefined) return fault;
    if (samples.length === count) return samples;
    return { kind: "source-error", detail: `${source.name} gave too few samples`, fix: "check the entropy device" };
  }

  /** What fails in a foreseen way is a fault, and the device is closed: the next look opens it anew. */
  async #foreseen(work: () => Promise<Failure<SourceFault> | undefined>): Promise<Failure<SourceFault> | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isAgentError(error)) throw error;
      await this.#close();
      return failureFrom("source-error", error);
    }
  }

  async #open(): Promise<EntropySource> {
    if (this.#source !== undefined) return this.#source;
    const source = await this.gated.opening.open();
    this.#source = source;
    this.#facts = factsOf(source);
    return source;
  }

  async #close(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    try {
      await source?.[Symbol.asyncDispose]();
    } catch (error) {
      // What is gone can't be closed, either.
      if (!isAgentError(error)) throw error;
    }
  }

  #settle(found: Failure<SourceFault> | undefined): void {
    const fault = found ?? this.#lasting;
    const from = this.#state;
    const wasOk = this.ok;
    if (fault === undefined) {
      this.#goodLooks = wasOk ? this.#goodLooks + 1 : 0;
      this.#badLooks = 0;
      if (!wasOk) this.#state = "recovered";
      else if (this.#goodLooks >= HEALTHY_AFTER) this.#state = "healthy";
      this.#detail = WORKING;
      this.#fix = "";
    } else {
      this.#badLooks++;
      if (wasOk) this.#failures++;
      this.#kept = 0;
      this.#state = fault.kind;
      this.#detail = fault.detail;
      this.#fix = fault.fix;
    }
    if (from === this.#state) return;
    const { uri: source, ok } = this;
    this.#parts.onChange({ source, from, to: this.#state, ok, detail: this.#detail, fix: this.#fix });
  }

  /** One after the other: devices answer one question at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine;
    return mine;
  }
}

function deviceReport(
  facts: SourceFacts | undefined,
): Pick<EntropySourceReport, "raw" | "bits_per_sample" | "claimed_bits" | "serial" | "firmware"> {
  if (facts === undefined)
    return { raw: null, bits_per_sample: null, claimed_bits: null, serial: null, firmware: null };
  const { raw, bitsPerSample, claimedMinEntropyBits, identity } = facts;
  const { serial = null, firmware = null } = identity;
  return { raw, bits_per_sample: bitsPerSample, claimed_bits: claimedMinEntropyBits, serial, firmware };
}
