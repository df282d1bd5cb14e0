/**
 * Tells neighbours, signed, when this node loses trust in itself, and when all is well again: what runs is not what was
 * accepted, a random source fails, the cryptography gives wrong answers. In quarantine the radio is shut, and nothing is told.
 * @module
 */
import { describeError } from "../kernel/errors.ts";
import type { BootStep } from "../kernel/reports.ts";
import type { Log } from "../ports/log.ts";
import type { TrustEvent } from "../exchange/trust-alerts.ts";

/** Of attestation. A TPM that is away or was never there is no sign of a changed state. */
const CHANGED = new Set(["mismatch", "reset-replayed", "quote-invalid", "changed"]);

export interface TrustVoice {
  raise(event: TrustEvent): Promise<unknown>;
}

export class TrustHerald {
  readonly #voice: TrustVoice | undefined;
  readonly #log: Log;
  /** What is wrong now, by who found it, and of which kind it is. */
  readonly #wrong = new Map<string, TrustEvent["kind"]>();

  /** @param voice undefined while the radio is shut */
  constructor(voice: TrustVoice | undefined, log: Log) {
    this.#voice = voice;
    this.#log = log;
  }

  onBoot(steps: readonly BootStep[]): void {
    const changed = steps.find(({ ok, state }) => !ok && CHANGED.has(state));
    if (changed !== undefined) this.#note(changed.step, "attestation", false);
    const seed = steps.find(({ step }) => step === "seed");
    if (seed?.ok === false) this.#note("seed", "entropy", false);
    // What a life before this one said; whoever keeps the words knows whether there was any.
    if (steps.every(({ ok }) => ok)) this.#raise({ kind: "recovered" });
  }

  onWatch({ ok, state }: BootStep): void {
    if (ok || CHANGED.has(state)) this.#note("watch", "attestation", ok);
  }

  /** A source of entropy changed its state. What the boot found of its sources is from then on told by these. */
  onSource(source: string, ok: boolean): void {
    if (this.#wrong.delete("seed")) this.#wrong.set(`source ${source}`, "entropy");
    this.#note(`source ${source}`, "entropy", ok);
  }

  onSelfTest(ok: boolean): void {
    this.#note("selftest", "selftest", ok);
  }

  #note(finder: string, kind: TrustEvent["kind"], ok: boolean): void {
    const before = this.#wrong.size;
    if (ok) this.#wrong.delete(finder);
    else this.#wrong.set(finder, kind);
    if (!ok) this.#raise({ kind });
    else if (before > 0 && this.#wrong.size === 0) this.#raise({ kind: "recovered" });
  }

  #raise(event: TrustEvent): void {
    this.#voice
      ?.raise(event)
      .catch((error: unknown) => this.#log.error("Neighbours could not be told", { error: describeError(error) }));
  }
}
