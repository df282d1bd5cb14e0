/**
 * Looks after the boot, while the agent runs: is the TPM still there, and does it still vouch for the same state?
 * @module
 */
import type { BootStep } from "../kernel/reports.ts";
import type { Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Requote } from "./attest.ts";

export interface TrustWatchParts {
  /** Bounded in time, never rejects. */
  readonly requote: (nonce: Uint8Array) => Promise<Requote>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told of each change of the state, also of the way back, and not of the first look when all stands. */
  readonly onChange?: (step: BootStep) => void;
}

const INTERVAL_MS = 60_000;
const NONCE_BYTES = 32;
const STANDING = "standing";

export class TrustWatch implements Service {
  readonly name = "trust-watch";
  readonly #parts: TrustWatchParts;
  #step: BootStep | undefined;

  constructor(parts: TrustWatchParts) {
    this.#parts = parts;
  }

  /** The latest look, as a step of its own; undefined before the first. */
  step(): BootStep | undefined {
    return this.#step;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      await clock.sleep(INTERVAL_MS, signal);
      if (signal.aborted) return;
      await this.look();
    }
  }

  /** One look, now. */
  async look(): Promise<void> {
    const { clock, random, requote, log, onChange } = this.#parts;
    const startMs = clock.monotonicMs();
    const outcome = verdictOf(await requote(random.bytes(NONCE_BYTES)));
    const before = this.#step?.state ?? STANDING;
    const step = { step: "watch", ...outcome, ms: Math.round(clock.monotonicMs() - startMs) };
    this.#step = step;
    if (outcome.state === before) return;
    log.warn("Trust has changed while the agent runs", outcome);
    onChange?.(step);
  }
}

type Verdict = Pick<BootStep, "state" | "ok" | "detail" | "fix">;

function verdictOf(quote: Requote): Verdict {
  if (quote.kind !== "quoted") return { state: quote.kind, ok: false, detail: quote.detail, fix: quote.fix };
  if (quote.findings.length === 0) {
    return { state: STANDING, ok: true, detail: "a fresh quote holds over the state of the boot", fix: "" };
  }
  const detail = `a fresh quote does not hold any more: ${quote.findings.join(", ")}`;
  return {
    state: "changed",
    ok: false,
    detail,
    fix: "find out what extended or reset the TPM, then restart the machine; with a TPM in software restart the agent",
  };
}
