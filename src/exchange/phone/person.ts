/**
 * What is remembered of the people who ask, by the numbers of their radios: bounded, for a day at most, in memory only.
 * Moments are monotonic ms.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";
import type { Language } from "./words.ts";

/** Questions are counted over so long. */
export const WINDOW_MS = 600_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** People who are remembered, the last ones. */
export const MAX_PERSONS = 64;
/** Who sends more texts than that in a minute is a machine, and not heard for a while. */
export const MAX_TEXTS_A_MINUTE = 8;
const DEAF_MS = WINDOW_MS;

/** The last answer, and how far it was sent. */
export interface LastAnswer {
  readonly texts: readonly string[];
  /** The texts that were sent last: from this one, up to that one (not included). */
  readonly from: number;
  readonly to: number;
}

/** Files as the last list numbered them. */
export interface LastList {
  readonly first: number;
  readonly refs: readonly string[];
}

export interface Person {
  readonly language: Language | undefined;
  readonly answer: LastAnswer | undefined;
  readonly list: LastList | undefined;
}

interface Known extends Person {
  readonly languageUntilMs: number;
  readonly seenMs: number;
  /** Of the last minute, and of the last window. */
  readonly textsMs: readonly number[];
  readonly questionsMs: readonly number[];
  readonly refusedUntilMs: number;
  readonly hintedUntilMs: number;
  readonly deafUntilMs: number;
}

/** `refuse`: say once that it is too much. `silent`: say nothing. */
export type Admission = { readonly kind: "answer" | "silent" } | { readonly kind: "refuse"; readonly waitMs: number };

export interface PersonRules {
  /** Of one person in {@link WINDOW_MS}. */
  readonly questions: number;
  /** Of all together. */
  readonly questionsOfAll: number;
}

const STRANGER: Known = {
  language: undefined,
  answer: undefined,
  list: undefined,
  languageUntilMs: 0,
  seenMs: 0,
  textsMs: [],
  questionsMs: [],
  refusedUntilMs: Number.NEGATIVE_INFINITY,
  hintedUntilMs: Number.NEGATIVE_INFINITY,
  deafUntilMs: Number.NEGATIVE_INFINITY,
};

export class Persons {
  readonly #rules: PersonRules;
  readonly #known = new Map<number, Known>();
  /** Of all, refusals and hints included: each costs air. */
  #answersMs: readonly number[] = [];

  constructor(rules: PersonRules) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#known.size;
  }

  find(number: number, nowMs: number): Person {
    const { language, languageUntilMs, answer, list } = this.#of(number, nowMs);
    return { language: nowMs < languageUntilMs ? language : undefined, answer, list };
  }

  /** A text came, whatever it says. False when it comes from what can only be a machine. */
  hears(number: number, nowMs: number): boolean {
    const known = this.#of(number, nowMs);
    const textsMs = [...recent(known.textsMs, nowMs, MINUTE_MS), nowMs].slice(-MAX_TEXTS_A_MINUTE - 1);
    const tooMany = textsMs.length > MAX_TEXTS_A_MINUTE;
    const deafUntilMs = tooMany ? nowMs + DEAF_MS : known.deafUntilMs;
    this.#keep(number, { ...known, textsMs, deafUntilMs, seenMs: nowMs });
    return nowMs >= deafUntilMs;
  }

  /** Whether a question is answered; then it is counted. */
  admit(number: number, nowMs: number): Admission {
    const known = this.#of(number, nowMs);
    const questionsMs = recent(known.questionsMs, nowMs, WINDOW_MS);
    this.#answersMs = recent(this.#answersMs, nowMs, WINDOW_MS);
    if (this.#answersMs.length >= this.#rules.questionsOfAll) return { kind: "silent" };
    if (questionsMs.length < this.#rules.questions) {
      this.#answersMs = [...this.#answersMs, nowMs];
      this.#keep(number, { ...known, questionsMs: [...questionsMs, nowMs] });
      return { kind: "answer" };
    }
    if (nowMs < known.refusedUntilMs) return { kind: "silent" };
    const freeMs = (questionsMs[0] ?? nowMs) + WINDOW_MS;
    this.#answersMs = [...this.#answersMs, nowMs];
    this.#keep(number, { ...known, questionsMs, refusedUntilMs: nowMs + WINDOW_MS });
    return { kind: "refuse", waitMs: freeMs - nowMs };
  }

  /** Whether somebody who says nothing that we know is told so: once an hour, since it may be meant for nobody here. */
  admitHint(number: number, nowMs: number): boolean {
    const known = this.#of(number, nowMs);
    if (nowMs < known.hintedUntilMs || this.admit(number, nowMs).kind !== "answer") return false;
    this.#keep(number, { ...this.#of(number, nowMs), hintedUntilMs: nowMs + HOUR_MS });
    return true;
  }

  speaks(number: number, language: Language, nowMs: number): void {
    this.#keep(number, { ...this.#of(number, nowMs), language, languageUntilMs: nowMs + DAY_MS });
  }

  answered(number: number, answer: LastAnswer, nowMs: number): void {
    this.#keep(number, { ...this.#of(number, nowMs), answer });
  }

  listed(number: number, list: LastList, nowMs: number): void {
    this.#keep(number, { ...this.#of(number, nowMs), list });
  }

  #of(number: number, nowMs: number): Known {
    const known = this.#known.get(number);
    return known === undefined || nowMs - known.seenMs > DAY_MS ? { ...STRANGER, seenMs: nowMs } : known;
  }

  #keep(number: number, known: Known): void {
    keepRecent(this.#known, number, known, MAX_PERSONS);
  }
}

function recent(times: readonly number[], nowMs: number, windowMs: number): readonly number[] {
  return times.filter((ms) => nowMs - ms < windowMs);
}
