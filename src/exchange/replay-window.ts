/**
 * Which counters of one radio were seen, one by one, in pages of 1,024: the pages used last, and of all before the first of
 * them only that they are old.
 *
 * Whoever has the group key can seal under another's number with any counter. So no counter makes those below it old: each
 * page is kept for itself, and one that does not continue another is a leap, of which there are few. The radio itself leaps
 * when it starts again. Wide pages, because what matters less waits behind what matters more, and may come hours after its turn.
 * @module
 */

export const PAGE = 1_024;
export const MAX_PAGES = 16;
/** A page with so many counters seen is continued by the next without a leap. */
const GROWN = 64;
/** Leaps at once; and how long it takes until there is one more. */
export const LEAPS = 4;
export const LEAP_MS = 1_200_000;
/** So many counters later what was seen is worth writing down again. */
const STEP = 64;

/** `fresh`: not seen. `replayed`: seen. `stale`: so old that nobody can tell. `ahead`: one leap too many. */
export type Freshness = "fresh" | "replayed" | "stale" | "ahead";

/** What outlasts a restart. */
export interface Seen {
  /** Counters up to this one are stale. */
  readonly floor: number;
  /** The highest counter of each page, the page used last at the end; all before it in its page count as seen. */
  readonly tops: readonly number[];
}

interface Page {
  readonly bits: Uint32Array;
  count: number;
  top: number;
  /** What is written down of it; −1: nothing. */
  savedTop: number;
}

export class ReplayWindow {
  #floor: number;
  /** By number; the one used last at the end. */
  readonly #pages = new Map<number, Page>();
  /** Leaps that are left, at a time (monotonic ms). */
  #leaps = { left: LEAPS, atMs: 0 };

  constructor({ floor, tops }: Seen = { floor: 0, tops: [] }) {
    this.#floor = floor;
    for (const top of tops.slice(-MAX_PAGES)) {
      const page = this.#open(pageOf(top));
      for (let counter = top - (top % PAGE); counter <= top; counter++) mark(page, counter);
      page.savedTop = top;
    }
  }

  /** @param nowMs monotonic */
  judge(counter: number, nowMs: number): Freshness {
    if (counter <= this.#floor) return "stale";
    const page = this.#pages.get(pageOf(counter));
    if (page !== undefined) return has(page, counter) ? "replayed" : "fresh";
    return this.#isContinued(pageOf(counter)) || this.#leapsLeft(nowMs) >= 1 ? "fresh" : "ahead";
  }

  /** Only for what was fresh, and proved genuine. @returns true when that is worth writing down */
  take(counter: number, nowMs: number): boolean {
    const number = pageOf(counter);
    if (!this.#pages.has(number) && !this.#isContinued(number)) {
      this.#leaps = { left: this.#leapsLeft(nowMs) - 1, atMs: nowMs };
    }
    const page = this.#open(number);
    mark(page, counter);
    // What comes late to a page does not make the next one the older of both.
    for (const used of [number + 1, number]) this.#touch(used);
    if (this.#pages.size > MAX_PAGES) this.#forgetEldest();
    return page.savedTop < 0 || page.top >= page.savedTop + STEP;
  }

  /** What is to be written down now. */
  save(): Seen {
    for (const page of this.#pages.values()) page.savedTop = page.top;
    return { floor: this.#floor, tops: [...this.#pages.values()].map(({ top }) => top) };
  }

  #isContinued(number: number): boolean {
    return this.#pages.size === 0 || (this.#pages.get(number - 1)?.count ?? 0) >= GROWN;
  }

  #leapsLeft(nowMs: number): number {
    return Math.min(LEAPS, this.#leaps.left + (nowMs - this.#leaps.atMs) / LEAP_MS);
  }

  #open(number: number): Page {
    const page = this.#pages.get(number) ?? { bits: new Uint32Array(PAGE / 32), count: 0, top: 0, savedTop: -1 };
    this.#pages.set(number, page);
    return page;
  }

  #touch(number: number): void {
    const page = this.#pages.get(number);
    if (page === undefined) return;
    this.#pages.delete(number);
    this.#pages.set(number, page);
  }

  /** Of a radio that counts on, that is the lowest page: all up to its end is old. A higher one is nobody's, and leaves no trace. */
  #forgetEldest(): void {
    const [eldest] = this.#pages.keys();
    if (eldest === undefined) return;
    this.#pages.delete(eldest);
    const isLowest = [...this.#pages.keys()].every((number) => number > eldest);
    if (isLowest) this.#floor = Math.max(this.#floor, (eldest + 1) * PAGE - 1);
  }
}

function pageOf(counter: number): number {
  return Math.floor(counter / PAGE);
}

function has({ bits }: Page, counter: number): boolean {
  return (((bits[(counter % PAGE) >>> 5] ?? 0) >>> (counter % 32)) & 1) === 1;
}

function mark(page: Page, counter: number): void {
  if (has(page, counter)) return;
  const word = (counter % PAGE) >>> 5;
  page.bits[word] = (page.bits[word] ?? 0) | (1 << (counter % 32));
  page.count++;
  page.top = Math.max(page.top, counter);
}
