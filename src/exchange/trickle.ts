/**
 * Trickle, RFC 6206: says "this is what I have" often when neighbours differ, and ever more seldom while they agree.
 *
 * A value with pure steps: the caller owns time and chance. Times are in ms, chances 0 … 1.
 * @module
 */

export interface TrickleRules {
  readonly minMs: number;
  readonly doublings: number;
  readonly redundancy: number;
}

export interface Trickle {
  readonly intervalMs: number;
  /** When the interval began. */
  readonly startMs: number;
  /** When to speak, in the second half of the interval. */
  readonly speakMs: number;
  /** Consistent messages heard in this interval. */
  readonly heard: number;
}

function interval(startMs: number, intervalMs: number, chance: number): Trickle {
  return { intervalMs, startMs, speakMs: startMs + (intervalMs / 2) * (1 + chance), heard: 0 };
}

export function startTrickle(rules: TrickleRules, nowMs: number, chance: number): Trickle {
  return interval(nowMs, rules.minMs, chance);
}

export function heardConsistent(trickle: Trickle): Trickle {
  return { ...trickle, heard: trickle.heard + 1 };
}

/** Something differs: back to the shortest interval, unless it is that already (RFC 6206, 4.2 step 6). */
export function heardInconsistent(trickle: Trickle, rules: TrickleRules, nowMs: number, chance: number): Trickle {
  return trickle.intervalMs <= rules.minMs ? trickle : startTrickle(rules, nowMs, chance);
}

export function maySpeak(trickle: Trickle, rules: TrickleRules): boolean {
  return trickle.heard < rules.redundancy;
}

export function endsMs(trickle: Trickle): number {
  return trickle.startMs + trickle.intervalMs;
}

/** The next interval, twice as long up to the longest. */
export function nextInterval(trickle: Trickle, rules: TrickleRules, nowMs: number, chance: number): Trickle {
  return interval(nowMs, Math.min(trickle.intervalMs * 2, rules.minMs * 2 ** rules.doublings), chance);
}
