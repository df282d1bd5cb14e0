/**
 * A bounded queue between one producer and one consumer. When it is full the newest is dropped, and counted.
 * @module
 */

export class BoundedQueue<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #dropped = 0;
  #wake: (() => void) | undefined;

  /** @param capacity items, 1 or more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** How many items were refused since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False when the queue is full: the item is dropped. */
  offer(item: T): boolean {
    if (this.#items.length >= this.#capacity) {
      this.#dropped++;
      return false;
    }
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** The next item; waits for one. Undefined once the signal aborts. */
  async take(signal: AbortSignal): Promise<T | undefined> {
    while (!signal.aborted) {
      if (this.#items.length > 0) return this.#items.shift();
      await this.#arrival(signal);
    }
    return undefined;
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
