/** How often packets had to wait, for what, and for how long. @module */
import { HOLD_REASONS, type HoldReason } from "./gate.ts";

export interface Held {
  /** Several looks at the same obstacle are one wait. */
  readonly times: number;
  readonly ms: number;
}

export class HoldBook {
  readonly #times = new Map<HoldReason, number>();
  readonly #ms = new Map<HoldReason, number>();
  #last: HoldReason | undefined;

  add(reason: HoldReason, ms: number): void {
    if (reason !== this.#last) this.#times.set(reason, (this.#times.get(reason) ?? 0) + 1);
    this.#ms.set(reason, (this.#ms.get(reason) ?? 0) + ms);
    this.#last = reason;
  }

  /** A packet went: the next wait is another one. */
  over(): void {
    this.#last = undefined;
  }

  all(): Readonly<Record<HoldReason, Held>> {
    const held = (reason: HoldReason): Held => ({
      times: this.#times.get(reason) ?? 0,
      ms: Math.round(this.#ms.get(reason) ?? 0),
    });
    const [air, dutyCycle, modem, radio, channel, budget] = HOLD_REASONS;
    return {
      [air]: held(air),
      [dutyCycle]: held(dutyCycle),
      [modem]: held(modem),
      [radio]: held(radio),
      [channel]: held(channel),
      [budget]: held(budget),
    };
  }
}
