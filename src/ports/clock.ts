/** Time. Only drivers and the simulator implement it; everyone else is given one. @module */

export interface Clock {
  /** Unix time in ms. May jump when the machine learns the time. */
  nowMs(): number;
  /** Milliseconds since some fixed moment; never goes back. For intervals. */
  monotonicMs(): number;
  /** Resolves after `ms` (0 or more), or as soon as the signal aborts; never rejects: check the signal afterwards. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
