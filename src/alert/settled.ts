/** Alerts that were judged and not taken: so that nobody's list makes us ask for them again. Bounded, for a while. @module */
import { toHex } from "../kernel/bytes.ts";
import { keepRecent } from "../kernel/recent.ts";
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
    keepRecent(this.#untilMs, key, { digest, untilMs: this.#clock.monotonicMs() + ms }, CAPACITY);
  }

  delete(digest: Uint8Array): void {
    this.#untilMs.delete(toHex(digest));
  }

  list(): readonly Uint8Array[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#untilMs.values()].filter(({ untilMs }) => untilMs > nowMs).map(({ digest }) => digest);
  }
}
