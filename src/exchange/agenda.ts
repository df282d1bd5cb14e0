/**
 * What is to be done when: named tasks on the given clock, run one at a time in the order of their time.
 * @module
 */
import { LinkedAbort, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";

interface Task {
  readonly key: string;
  readonly dueMs: number;
  readonly action: () => void | Promise<void>;
}

export interface AgendaOptions {
  readonly clock: Clock;
  /** Tasks at most; {@link Agenda.set} of one more is refused. */
  readonly capacity: number;
  /** A task that throws must not stop the others: its failure goes here. */
  readonly onFailure: (error: unknown, key: string) => void;
}

/** Times are the clock's monotonic ms. A key names one task: setting it again moves it. */
export class Agenda implements Service {
  readonly name = "agenda";
  readonly #options: AgendaOptions;
  readonly #tasks = new Map<string, Task>();
  #wake: LinkedAbort | undefined;
  /** Only while it waits. */
  #wakesAtMs = Number.POSITIVE_INFINITY;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#tasks.size;
  }

  has(key: string): boolean {
    return this.#tasks.has(key);
  }

  /** False when the agenda is full. */
  set(key: string, inMs: number, action: () => void | Promise<void>): boolean {
    if (!this.#tasks.has(key) && this.#tasks.size >= this.#options.capacity) return false;
    const dueMs = this.#options.clock.monotonicMs() + Math.max(0, inMs);
    this.#tasks.set(key, { key, dueMs, action });
    // Most tasks are for later than what is waited for already: waking for them is most of what an agenda costs.
    if (dueMs < this.#wakesAtMs) this.#wake?.abort();
    return true;
  }

  cancel(key: string): void {
    this.#tasks.delete(key);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const next = this.#earliest();
      const waitMs = next === undefined ? undefined : next.dueMs - this.#options.clock.monotonicMs();
      if (next !== undefined && waitMs !== undefined && waitMs <= 0) {
        this.#tasks.delete(next.key);
        await this.#perform(next);
      } else {
        await this.#waitFor(waitMs ?? 3_600_000, signal);
      }
    }
  }

  async #perform(task: Task): Promise<void> {
    try {
      await task.action();
    } catch (error) {
      this.#options.onFailure(error, task.key);
    }
  }

  async #waitFor(ms: number, signal: AbortSignal): Promise<void> {
    using wake = new LinkedAbort(signal);
    this.#wake = wake;
    this.#wakesAtMs = this.#options.clock.monotonicMs() + ms;
    await this.#options.clock.sleep(ms, wake.signal);
    this.#wake = undefined;
  }

  #earliest(): Task | undefined {
    let earliest: Task | undefined;
    for (const task of this.#tasks.values()) {
      if (earliest === undefined || task.dueMs < earliest.dueMs) earliest = task;
    }
    return earliest;
  }
}
