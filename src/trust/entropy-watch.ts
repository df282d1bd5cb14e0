/**
 * Watches the sources of entropy while the agent runs: draws samples of each once a minute, judges them, takes them into
 * the generator, and says when a source fails and when it has recovered. Enrolments and the checks of many samples run
 * beside it, one at a time.
 * @module
 */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { SeedPart } from "../entropy/conditioning.ts";
import type { EnrolmentReport, EntropyJobReport, EntropyReport } from "../kernel/entropy-reports.ts";
import { AgentError, describeError, isAgentError } from "../kernel/errors.ts";
import type { BootStep } from "../kernel/reports.ts";
import { isAbort, LinkedAbort, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { EntropyAssessor } from "../ports/entropy.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import {
  check,
  enrol,
  ENROL_SAMPLES,
  LEAST_ENROL_SAMPLES,
  MOST_ENROL_SAMPLES,
  type ManyParts,
} from "./entropy-enrol.ts";
import { encodeEntropyRecord, ENTROPY_RECORD_FILE, readEntropyRecord } from "./entropy-record.ts";
import type { EntropyState } from "./seed.ts";
import { LEAST_SAMPLES } from "./source-gate.ts";
import { WatchedSource, type SourceChange } from "./watched-source.ts";

const LOOK_MS = 60_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** 2025-01-01: a clock before it was never set. */
const CLOCK_SET_MS = CLOCK_SET_S * 1000;
/** A check that could not be done, for want of memory say, is tried again after this. */
const CHECK_AGAIN_MS = 6 * 3_600_000;
/** A cable that is moved is no reason to end; a device that stays away is. */
const BAD_LOOKS_TO_END = 3;

export interface EntropyWatchPolicy {
  readonly onFailure: "degrade" | "quarantine";
  /** True where a source that keeps failing ends the agent: the next boot then holds it in quarantine. */
  readonly endsOnFailure: boolean;
  readonly reseedMinutes: number;
  /** 0: never. */
  readonly assessDays: number;
}

export interface EntropyWatchParts {
  readonly seeded: EntropyState;
  readonly memory: Memory;
  readonly assessor: EntropyAssessor;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: EntropyWatchPolicy;
  /** Told at once when the state of a source is another one. */
  readonly onChange?: (change: SourceChange) => void;
}

type Job = (parts: ManyParts) => Promise<string>;

export class EntropyWatch implements Service {
  readonly name = "entropy-watch";
  readonly #parts: EntropyWatchParts;
  readonly #sources: readonly WatchedSource[];
  #pool: SeedPart[] = [];
  #reseeds = 0;
  #reseededMs: number;
  #job: EntropyJobReport | undefined;
  /** Monotonic. */
  #noCheckBeforeMs = 0;
  #working: Promise<void> | undefined;
  #signal: AbortSignal | undefined;
  #broken: { readonly error: unknown } | undefined;

  /** @param enrolments of the record, by source */
  constructor(parts: EntropyWatchParts, enrolments: ReadonlyMap<string, EnrolmentReport>) {
    this.#parts = parts;
    this.#reseededMs = parts.clock.monotonicMs();
    const onChange = (change: SourceChange): void => this.#changed(change);
    this.#sources = parts.seeded.sources.map(
      (gated) =>
        new WatchedSource(gated, { assessor: parts.assessor, enrolment: enrolments.get(gated.opening.uri), onChange }),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    using stop = new LinkedAbort(signal);
    this.#signal = stop.signal;
    try {
      for (;;) {
        await clock.sleep(LOOK_MS, signal);
        if (signal.aborted) return;
        await this.look(signal);
        if (this.#broken !== undefined) throw this.#broken.error;
        this.#endIfFailing();
        this.#checkIfDue();
      }
    } finally {
      stop.abort();
      this.#signal = undefined;
      await this.#working;
      for (const source of this.#sources) await source[Symbol.asyncDispose]();
    }
  }

  /** One look at all sources, now; reseeds the generator when it is time. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock, seeded, policy } = this.#parts;
    const looks = this.#sources.map(async (source) => {
      const given = await source.look(LEAST_SAMPLES, signal);
      this.#pool.push(...given.map((bytes) => ({ name: source.uri, bytes })));
    });
    await Promise.all(looks);
    const passedMs = clock.monotonicMs() - this.#reseededMs;
    if (seeded.random.stale || passedMs >= policy.reseedMinutes * MINUTE_MS) await this.#reseed();
  }

  report(): EntropyReport {
    const { clock, policy } = this.#parts;
    const sources = this.#sources.map((source) => source.report());
    return {
      state: sources.every(({ ok, required }) => ok || !required) ? "healthy" : "degraded",
      on_failure: policy.onFailure,
      sources,
      reseeds: this.#reseeds,
      reseeded_s_ago: this.#reseeds === 0 ? null : Math.round((clock.monotonicMs() - this.#reseededMs) / 1000),
      job: this.#job ?? null,
    };
  }

  /** While a source that was asked for fails: what the boot would say of it. Undefined while all are well. */
  step(): BootStep | undefined {
    const failing = this.report().sources.find(({ ok, required }) => required && !ok);
    if (failing === undefined) return undefined;
    const { state, detail, fix } = failing;
    return { step: "entropy", state, ok: false, detail, fix, ms: 0 };
  }

  /**
   * Begins an enrolment; {@link report} tells how far it is.
   * @param uri of the source; undefined: the first of the configuration
   * @param samples {@link LEAST_ENROL_SAMPLES} … {@link MOST_ENROL_SAMPLES}
   * @throws AgentError "NOT_FOUND", "BAD_REQUEST", "ENTROPY_BUSY"
   */
  enrol(uri: string | undefined, samples = ENROL_SAMPLES): EntropyReport {
    const source = uri === undefined ? this.#sources[0] : this.#sources.find((one) => one.uri === uri);
    if (source === undefined) {
      const names = this.#sources.map((one) => one.uri).join(", ");
      throw new AgentError("NOT_FOUND", `no entropy source ${uri ?? ""}`, { fix: `the sources are: ${names}` });
    }
    if (!Number.isInteger(samples) || samples < LEAST_ENROL_SAMPLES || samples > MOST_ENROL_SAMPLES) {
      const range = `${LEAST_ENROL_SAMPLES} to ${MOST_ENROL_SAMPLES}`;
      throw new AgentError("BAD_REQUEST", `an enrolment takes ${range} samples`, {
        fix: `caye entropy enrol --samples ${ENROL_SAMPLES}`,
      });
    }
    this.#begin("enrol", source, async (parts) => {
      const enrolment = await enrol(source, samples, parts);
      await this.#keep(source, enrolment);
      source.conclude(undefined);
      const { assessed, claimed_bits: claimed, gate } = enrolment;
      const worth = `assessed at ${assessed.toFixed(3)} bits a sample; from now on ${gate.samples} samples must reach ${gate.threshold.toFixed(2)}`;
      return assessed < claimed
        ? `${worth}; ${claimed} are claimed, which is too much: lower entropy.min_entropy_bits`
        : worth;
    });
    return this.report();
  }

  #begin(kind: EntropyJobReport["kind"], source: WatchedSource, job: Job): void {
    const { log, assessor, clock } = this.#parts;
    const signal = this.#signal;
    if (signal === undefined) throw new AgentError("ENTROPY_BUSY", "the agent is starting or stopping");
    if (this.#working !== undefined) {
      throw new AgentError("ENTROPY_BUSY", `samples of ${this.#job?.source ?? "a source"} are being assessed already`, {
        fix: "wait for it: caye entropy status",
      });
    }
    const base = { kind, source: source.uri, detail: "", fix: "" };
    const onProgress: ManyParts["onProgress"] = (step) => (this.#job = { ...base, ...step });
    onProgress({ phase: "reading", done: 0, total: 1 });
    const work = async (): Promise<void> => {
      try {
        const detail = await job({ assessor, signal, onProgress, nowMs: clock.nowMs() });
        this.#job = { ...base, phase: "done", done: 1, total: 1, detail };
        log.info("Samples of a source were assessed", { kind, source: source.uri, detail });
      } catch (error) {
        if (isAbort(error, signal)) return;
        // Nobody waits for this promise: what nobody foresaw ends the service at its next look.
        if (!isAgentError(error)) this.#broken = { error };
        const fix = isAgentError(error) ? (error.fix ?? "") : "";
        this.#job = { ...base, phase: "failed", done: 0, total: 1, detail: describeError(error), fix };
        log.warn("Samples of a source could not be assessed", {
          kind,
          source: source.uri,
          detail: describeError(error),
        });
      } finally {
        this.#working = undefined;
      }
    };
    this.#working = work();
  }

  #checkIfDue(): void {
    const { clock, policy } = this.#parts;
    if (this.#working !== undefined || policy.assessDays === 0) return;
    if (clock.monotonicMs() < this.#noCheckBeforeMs) return;
    const due = this.#sources.find(({ enrolment, ok }) => {
      const lastMs = enrolment?.check?.at_ms ?? enrolment?.at_ms;
      if (!ok || lastMs === undefined) return false;
      const passedMs = clock.nowMs() - lastMs;
      // A clock that stood wrong then, and is right now, must not put the next check off for decades.
      const isOfLater = passedMs < -DAY_MS && clock.nowMs() >= CLOCK_SET_MS;
      return isOfLater || passedMs >= policy.assessDays * DAY_MS;
    });
    const enrolment = due?.enrolment;
    if (due === undefined || enrolment === undefined) return;
    this.#begin("check", due, async (parts) => {
      this.#noCheckBeforeMs = clock.monotonicMs() + CHECK_AGAIN_MS;
      const checked = await check(due, enrolment, parts);
      await this.#keep(due, checked.enrolment);
      due.conclude(checked.fault);
      this.#noCheckBeforeMs = 0;
      return checked.fault?.detail ?? `assessed at ${checked.enrolment.check?.assessed.toFixed(3) ?? ""} bits a sample`;
    });
  }

  async #keep(source: WatchedSource, enrolment: EnrolmentReport): Promise<void> {
    const { memory } = this.#parts;
    const record = new Map(await readEntropyRecord(memory));
    // Set anew, so that the latest stands last.
    record.delete(source.uri);
    record.set(source.uri, enrolment);
    await memory.writeAtomic(ENTROPY_RECORD_FILE, encodeEntropyRecord(record));
    source.enrolment = enrolment;
  }

  async #reseed(): Promise<void> {
    const { seeded, clock } = this.#parts;
    const pool = this.#pool;
    this.#pool = [];
    seeded.random.reseed([...pool, await seeded.chip()]);
    for (const { bytes } of pool) bytes.fill(0);
    this.#reseeds++;
    this.#reseededMs = clock.monotonicMs();
  }

  #changed(change: SourceChange): void {
    const { log, onChange } = this.#parts;
    if (change.ok) log.info("A source of entropy is well again", { ...change });
    else log.warn("A source of entropy fails; the generator goes on with the others and the kernel", { ...change });
    onChange?.(change);
  }

  #endIfFailing(): void {
    if (!this.#parts.policy.endsOnFailure) return;
    const failing = this.#sources.find(
      ({ gated, badLooks }) => !gated.opening.optional && badLooks >= BAD_LOOKS_TO_END,
    );
    if (failing === undefined) return;
    const { detail, fix } = failing.report();
    throw new AgentError("ENTROPY_UNHEALTHY", `a source of entropy keeps failing: ${detail}`, { fix });
  }
}
