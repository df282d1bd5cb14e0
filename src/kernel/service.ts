/**
 * The one lifecycle. Resources are opened and close themselves; services are run.
 * @module
 */

export interface Service {
  /** A word for logs: `radio`, `api`, … */
  readonly name: string;
  /**
   * Runs until the signal aborts (then resolves) or until it can't go on (then rejects). Nothing that it started is
   * still running once the promise settles.
   */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs services side by side. The first that fails, or that ends before it was told to, stops the others.
 * Resolves when the signal aborted and all have ended; otherwise rejects with the first failure.
 */
export async function runAll(services: readonly Service[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const failures: unknown[] = [];
  await Promise.all(
    services.map(async (service) => {
      try {
        await service.run(both);
        if (!both.aborted) failures.push(new Error(`service ${service.name} ended by itself`));
      } catch (error) {
        if (!isAbort(error, both)) failures.push(error);
      }
      stop.abort();
    }),
  );
  if (failures.length > 0) throw failures[0];
}

/** True when the error is merely this signal's abort, arriving as an exception. */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === "AbortError"));
}

/** Resolves when the signal aborts. Never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** One for all: an abort without a reason makes an error with its stack each time, which costs more than the abort. */
const STOPPED = new DOMException("stopped", "AbortError");

/** An abort controller that also follows a parent signal, until it is disposed of: nothing stays behind on the parent. */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow = (): void => this.#controller.abort(this.#parent.reason);

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller.abort(STOPPED);
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#follow);
  }
}
