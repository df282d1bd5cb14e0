/** The status lamp: blinks one sign until it is given another. @module */
import type { LampSign } from "../kernel/board-reports.ts";
import { LinkedAbort } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import { SIGNS } from "./signs.ts";

export class Lamp {
  readonly #set: (on: boolean) => void;
  readonly #clock: Clock;
  #sign: LampSign;
  #turn: LinkedAbort | undefined;

  /** @param set switches it; never throws */
  constructor(set: (on: boolean) => void, clock: Clock, sign: LampSign) {
    this.#set = set;
    this.#clock = clock;
    this.#sign = sign;
  }

  get sign(): LampSign {
    return this.#sign;
  }

  show(sign: LampSign): void {
    if (sign === this.#sign) return;
    this.#sign = sign;
    this.#turn?.abort();
  }

  /** Until the signal aborts; then it is off. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      using turn = new LinkedAbort(signal);
      this.#turn = turn;
      for (const { on, ms } of SIGNS[this.#sign]) {
        if (turn.signal.aborted) break;
        this.#set(on);
        await this.#clock.sleep(ms, turn.signal);
      }
    }
    this.#set(false);
  }
}
