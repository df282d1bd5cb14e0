/**
 * Radios whose symbols prove false more often than true: what they send of files is set aside for an hour.
 *
 * A radio's number is not proof of who sent: anybody can borrow one. So nobody is judged by lies alone, nobody is suspected
 * for longer than that, and what is set aside is still tried by itself: a borrowed number can't keep a file away.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";

const HOUR_MS = 3_600_000;
const MAX_WITNESSES = 256;
/** The last so many symbols of a radio count: who was honest for long can break. */
const MEMORY_SYMBOLS = 256;

/** Symbols of one radio that were held against the block that they belong to. */
export interface Testimony {
  readonly lies: number;
  readonly truths: number;
}

export interface Suspect {
  /** The radio's number. */
  readonly radio: number;
  /** False symbols that were found, of the last few hundred. */
  readonly lies: number;
  readonly untilMs: number;
}

interface Witness extends Suspect, Testimony {}

export class Suspects {
  readonly #witnesses = new Map<number, Witness>();

  /** @param nowMs monotonic */
  note(radio: number, { lies, truths }: Testimony, nowMs: number): void {
    const before = this.#witnesses.get(radio) ?? { lies: 0, truths: 0, untilMs: 0 };
    const old = nowMs < before.untilMs ? before.lies : 0;
    const sum = { lies: old + lies, truths: before.truths + truths };
    const fade = Math.min(1, MEMORY_SYMBOLS / (sum.lies + sum.truths));
    const untilMs = lies > 0 ? nowMs + HOUR_MS : before.untilMs;
    keepRecent(
      this.#witnesses,
      radio,
      { radio, lies: fade * sum.lies, truths: fade * sum.truths, untilMs },
      MAX_WITNESSES,
    );
  }

  isSuspect(radio: number, nowMs: number): boolean {
    const witness = this.#witnesses.get(radio);
    return witness !== undefined && isSuspect(witness, nowMs);
  }

  /** Those that are suspected now. */
  list(nowMs: number): readonly Suspect[] {
    return [...this.#witnesses.values()]
      .filter((witness) => isSuspect(witness, nowMs))
      .map(({ radio, lies, untilMs }) => ({ radio, lies: Math.round(lies), untilMs }));
  }
}

function isSuspect({ lies, truths, untilMs }: Witness, nowMs: number): boolean {
  return lies > truths && nowMs < untilMs;
}
