/**
 * Which counters of one radio were seen: the latest 1,024 one by one, all before them as a whole (RFC 4303, section 3.4.3).
 *
 * So wide, because what matters less waits behind what matters more, and may come hours after its turn.
 * @module
 */

export const WINDOW = 1_024;

export class ReplayWindow {
  #top: number;
  /** Bit c mod 1,024 stands for counter c, of those in the window. */
  readonly #seen = new Uint32Array(WINDOW / 32);

  /** @param floor all up to this one count as seen; 0: none */
  constructor(floor: number) {
    this.#top = floor;
    this.#seen.fill(0xffff_ffff);
  }

  /** The highest counter that was seen. */
  get top(): number {
    return this.#top;
  }

  /** `fresh`: not seen. `replayed`: seen. `stale`: so old that nobody can tell. */
  judge(counter: number): "fresh" | "replayed" | "stale" {
    if (counter > this.#top) return "fresh";
    if (counter <= this.#top - WINDOW) return "stale";
    return this.#has(counter) ? "replayed" : "fresh";
  }

  /** Only for what was fresh, and proved genuine. */
  take(counter: number): void {
    const clearFrom = Math.max(this.#top + 1, counter - WINDOW + 1);
    for (let passed = clearFrom; passed <= counter; passed++) this.#mark(passed, false);
    this.#top = Math.max(this.#top, counter);
    this.#mark(counter, true);
  }

  #has(counter: number): boolean {
    return (((this.#seen[this.#word(counter)] ?? 0) >>> (counter % 32)) & 1) === 1;
  }

  #mark(counter: number, seen: boolean): void {
    const word = this.#word(counter);
    const bit = 1 << (counter % 32);
    const before = this.#seen[word] ?? 0;
    this.#seen[word] = seen ? before | bit : before & ~bit;
  }

  #word(counter: number): number {
    return Math.floor((counter % WINDOW) / 32);
  }
}
