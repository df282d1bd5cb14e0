/** Alerts that were judged and not taken: so that nobody's list makes us ask for them again. Bounded, for a while. @module */
import { toHex } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";

const CAPACITY = 128;

export class Settled {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #untilMs = new Map<string, { readonly digest: Uint8Array; readonly untilMs: number }>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  add(digest: Uint8Array, ms: number): void {
    const key = toHex(digest);
    this.#untilMs.delete(key);
    this.#untilMs.set(key, { digest, untilMs: this.#clock.monotonicMs() + ms });
    const oldest = this.#untilMs.keys().next();
    if (this.#untilMs.size > CAPACITY && oldest.done !== true) this.#untilMs.delete(oldest.value);
  }

  delete(digest: Uint8Array): void {
    this.#untilMs.delete(toHex(digest));
  }

  list(): readonly Uint8Array[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#untilMs.values()].filter(({ untilMs }) => untilMs > nowMs).map(({ digest }) => digest);
  }
}
