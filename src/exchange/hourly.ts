/** So many times an hour, for each of many things: what others can make us do is bounded. @module */
import { keepRecent } from "../kernel/recent.ts";

const HOUR_MS = 3_600_000;
/** Things that are counted, the last ones. */
const CAPACITY = 512;

export class Hourly {
  readonly #most: number;
  readonly #counts = new Map<string, { readonly sinceMs: number; readonly times: number }>();

  /** @param most times an hour for each key, 1 or more */
  constructor(most: number) {
    this.#most = most;
  }

  /** True when it may happen once more; it is then counted. @param nowMs monotonic */
  take(key: string, nowMs: number): boolean {
    const before = this.#counts.get(key);
    const fresh = before === undefined || nowMs - before.sinceMs >= HOUR_MS;
    const times = fresh ? 0 : before.times;
    if (times >= this.#most) return false;
    keepRecent(this.#counts, key, { sinceMs: fresh ? nowMs : before.sinceMs, times: times + 1 }, CAPACITY);
    return true;
  }

  /** It was worth it: not counted any more. */
  forget(key: string): void {
    this.#counts.delete(key);
  }

  /** … nor any other. */
  clear(): void {
    this.#counts.clear();
  }
}
