/**
 * Radios whose symbols proved false: what they send of files is ignored for an hour.
 *
 * A radio's number is not proof of who sent: anybody can borrow one. So nobody is ignored for longer than that, and never
 * in anything but symbols.
 * @module
 */

const HOUR_MS = 3_600_000;
const MAX_SUSPECTS = 256;

export interface Suspect {
  /** The radio's number. */
  readonly radio: number;
  /** False symbols that were found, since it was first suspected. */
  readonly lies: number;
  readonly untilMs: number;
}

export class Suspects {
  readonly #suspects = new Map<number, Suspect>();

  /** @param nowMs monotonic */
  accuse(radio: number, lies: number, nowMs: number): void {
    const before = this.#suspects.get(radio)?.lies ?? 0;
    this.#suspects.delete(radio);
    this.#suspects.set(radio, { radio, lies: before + lies, untilMs: nowMs + HOUR_MS });
    const oldest = this.#suspects.keys().next();
    if (this.#suspects.size > MAX_SUSPECTS && oldest.done !== true) this.#suspects.delete(oldest.value);
  }

  isIgnored(radio: number, nowMs: number): boolean {
    const suspect = this.#suspects.get(radio);
    return suspect !== undefined && nowMs < suspect.untilMs;
  }

  /** Those that are ignored now. */
  list(nowMs: number): readonly Suspect[] {
    return [...this.#suspects.values()].filter(({ untilMs }) => nowMs < untilMs);
  }
}
