/**
 * Time that passes only when a test or a simulation says so, as the port `Clock`.
 *
 * Who sleeps is woken in the order of the moments, and of the calls where moments are equal. Between two wake-ups
 * everything that the first set off runs to its next sleep. So a run is the same each time, and a week takes seconds.
 * @module
 */
import { eventLoopTurn, promisesSettled } from "../drivers/event-loop.ts";
import type { Clock } from "../ports/clock.ts";

/** 2026-01-01, 00:00 UTC. */
export const DEFAULT_START_MS = Date.UTC(2026, 0, 1);
/** So often a whole turn of the event loop is let by, so that signals and timers of the machine are heard in a long run. */
const WAKEUPS_A_TURN = 1024;

export interface VirtualClockOptions {
  /** Unix time of the beginning in ms. */
  readonly startMs?: number;
  /**
   * Returns once all that is under way waits for the clock. By default when all promises have settled, which is enough
   * for everything that does no real input or output and sets no timer of its own.
   */
  readonly settle?: () => Promise<unknown>;
}

/** A call that is still to come. */
export interface Timer {
  /** Does nothing when the call was made already. */
  cancel(): void;
}

class Sleeper implements Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
  readonly group: object | undefined;
  state: "waiting" | "woken" | "gone" = "waiting";
  readonly #heap: SleeperHeap;

  constructor(heap: SleeperHeap, dueMs: number, order: number, wake: () => void, group: object | undefined) {
    this.#heap = heap;
    this.dueMs = dueMs;
    this.order = order;
    this.wake = wake;
    this.group = group;
  }

  cancel(): void {
    this.#heap.forget(this);
  }
}

export class VirtualClock implements Clock {
  readonly #settle: (() => Promise<unknown>) | undefined;
  readonly #sleepers = new SleeperHeap();
  /** One listener for each signal, not for each sleep: those cost more than all the rest. */
  readonly #watched = new WeakMap<AbortSignal, Set<() => void>>();
  #startMs: number;
  #elapsedMs = 0;
  #order = 0;
  #wakeups = 0;
  #running = false;

  constructor(options: VirtualClockOptions = {}) {
    this.#startMs = options.startMs ?? DEFAULT_START_MS;
    this.#settle = options.settle;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many wait for a moment to come. After everything is closed it must be 0. */
  get sleeping(): number {
    return this.#sleepers.live;
  }

  /** How many have been woken since the start: what a run costs. */
  get wakeups(): number {
    return this.#wakeups;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const leavers = this.#leaversOf(signal);
      const timer = this.after(ms, () => {
        leavers.delete(leave);
        resolve();
      });
      const leave = (): void => {
        timer.cancel();
        resolve();
      };
      leavers.add(leave);
    });
  }

  /** Calls back after `ms`, in one order with those who sleep. The call must not throw. @param group for {@link cancelAll} */
  after(ms: number, call: () => void, group?: object): Timer {
    const sleeper = new Sleeper(this.#sleepers, this.#elapsedMs + Math.max(ms, 0), this.#order++, call, group);
    this.#sleepers.add(sleeper);
    return sleeper;
  }

  /** None of the group's calls will come. */
  cancelAll(group: object): void {
    this.#sleepers.forgetGroup(group);
  }

  /** The wall clock jumps, as when the machine learns the time; intervals and sleepers feel nothing. */
  jump(ms: number): void {
    this.#startMs += ms;
  }

  /** Lets `ms` pass, with every wake-up that falls in it. */
  async advance(ms: number): Promise<void> {
    await this.#run(this.#elapsedMs + ms, () => false);
  }

  /**
   * Lets time pass until the goal: a promise that resolves, or a condition (looked at after each wake-up). True when it
   * was reached, false when `limitMs` passed first. Throws what the promise or the condition throws.
   */
  async runUntil(goal: Promise<unknown> | (() => boolean), limitMs: number): Promise<boolean> {
    if (typeof goal === "function") return this.#run(this.#elapsedMs + limitMs, goal);
    let reached = false;
    const seen = goal.then(
      () => (reached = true),
      (error: unknown) => {
        reached = true;
        throw error;
      },
    );
    // Watched from the start, so that an early failure is not one that nobody handles.
    seen.catch(() => undefined);
    if (!(await this.#run(this.#elapsedMs + limitMs, () => reached))) return false;
    return seen;
  }

  async #run(untilMs: number, reached: () => boolean): Promise<boolean> {
    if (this.#running) throw new Error("the virtual clock already runs");
    this.#running = true;
    try {
      await this.#settled();
      while (!reached()) {
        const next = this.#sleepers.takeUntil(untilMs);
        if (next === undefined) {
          this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
          return false;
        }
        this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
        this.#wakeups++;
        next.wake();
        await this.#settled();
      }
      return true;
    } finally {
      this.#running = false;
    }
  }

  #settled(): Promise<unknown> {
    if (this.#settle !== undefined) return this.#settle();
    return this.#wakeups % WAKEUPS_A_TURN === 0 ? eventLoopTurn() : promisesSettled();
  }

  #leaversOf(signal: AbortSignal): Set<() => void> {
    let leavers = this.#watched.get(signal);
    if (leavers === undefined) {
      const all = new Set<() => void>();
      signal.addEventListener("abort", () => all.forEach((leave) => leave()), { once: true });
      this.#watched.set(signal, all);
      leavers = all;
    }
    return leavers;
  }
}

/** A binary heap, the earliest on top. Those who left early are thrown out when they come up, or when they abound. */
class SleeperHeap {
  #items: Sleeper[] = [];
  #gone = 0;

  get live(): number {
    return this.#items.length - this.#gone;
  }

  add(sleeper: Sleeper): void {
    this.#items.push(sleeper);
    this.#rise(this.#items.length - 1);
  }

  forget(sleeper: Sleeper): void {
    if (sleeper.state !== "waiting") return;
    sleeper.state = "gone";
    this.#gone++;
    if (this.#gone < 64 || this.#gone * 2 < this.#items.length) return;
    this.#items = this.#items.filter((item) => item.state === "waiting").sort((a, b) => (before(a, b) ? -1 : 1));
    this.#gone = 0;
  }

  forgetGroup(group: object): void {
    for (const sleeper of this.#items.filter((item) => item.group === group)) this.forget(sleeper);
  }

  /** The earliest, when its moment is not after `untilMs`. */
  takeUntil(untilMs: number): Sleeper | undefined {
    for (;;) {
      const top = this.#items[0];
      if (top === undefined || (top.state === "waiting" && top.dueMs > untilMs)) return undefined;
      this.#removeTop();
      if (top.state === "waiting") {
        top.state = "woken";
        return top;
      }
      this.#gone--;
    }
  }

  #removeTop(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapUnlessBefore(parent, at)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (child >= this.#items.length || !this.#swapUnlessBefore(at, child)) return;
      at = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#items[a];
    const second = this.#items[b];
    return first !== undefined && second !== undefined && before(first, second);
  }

  /** True when the two were out of order, and now are not. */
  #swapUnlessBefore(upper: number, lower: number): boolean {
    const above = this.#items[upper];
    const below = this.#items[lower];
    if (above === undefined || below === undefined || before(above, below)) return false;
    this.#items[upper] = below;
    this.#items[lower] = above;
    return true;
  }
}

function before(a: Sleeper, b: Sleeper): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
