/**
 * How many symbols to ask for at a time, and how long to wait before asking.
 *
 * Another round costs a question, and again one for each that is lost; a symbol too many costs a packet. So a burst is as
 * long as it stays unlikely that all who listen had enough before its end: one more symbol is worth its air while
 * P(all done) < c / (1 + c), where c is what a round costs in symbols.
 *
 * Pure functions. Losses are taken to be independent, for each packet and each listener.
 * @module
 */

type Ratio = number;

/** Steps of the number of listeners: as a GET can tell them. */
const GUESSES: readonly number[] = [1, 2, 4, 8, 16, 32];
/** Questions of others that cross ours, and the time that a round takes, are put on top of a round's price. */
const ROUND_SURCHARGE = 1.8;
/** What many want at one moment is asked for more often than what one wants: weight of twice as many, as a power of 2. */
const COMPANY = 0.4;
/** A burst is never longer than that many times what is needed, and a few. */
const MOST_TIMES = 4;
/** A truncated exponential, as for the timers of NORM (RFC 5740, 5.5): few are early, however many wait. */
const SKEW = 2;

/** What a listener is thought to be: `weight` of all guesses together is 1. */
export interface Guess {
  readonly listeners: number;
  readonly weight: Ratio;
}

/** P(X ≥ k) for X heard of n packets. */
export function chanceOfEnough(sent: number, needed: number, lossRatio: Ratio): Ratio {
  if (sent < needed) return 0;
  if (lossRatio <= 0) return 1;
  const odds = (1 - lossRatio) / lossRatio;
  let term = lossRatio ** sent;
  let below = 0;
  for (let heard = 0; heard < needed; heard++) {
    below += term;
    term *= ((sent - heard) / (heard + 1)) * odds;
  }
  return Math.max(0, 1 - below);
}

/**
 * What a round costs, in symbols.
 * @param questionMs time on air of a GET @param symbolMs of a CODED
 */
export function roundPrice(questionMs: number, symbolMs: number, lossRatio: Ratio): number {
  return (ROUND_SURCHARGE * questionMs) / symbolMs / (1 - lossRatio);
}

/**
 * Symbols to send to listeners who each lack `needed`, 1 … 255.
 * @param price of a round in symbols, see {@link roundPrice}
 */
export function burstFor(needed: number, lossRatio: Ratio, price: number, guesses: readonly Guess[] = ALONE): number {
  const limit = price / (1 + price);
  const most = Math.min(255, MOST_TIMES * needed + MOST_TIMES);
  for (let sent = needed; sent < most; sent++) {
    const one = chanceOfEnough(sent, needed, lossRatio);
    const all = guesses.reduce((sum, { listeners, weight }) => sum + weight * one ** listeners, 0);
    if (all >= limit) return sent;
  }
  return Math.max(1, most);
}

const ALONE: readonly Guess[] = [{ listeners: 1, weight: 1 }];

/**
 * How many ask for the same, seen by the one whose wait was over first: out of many the first is early, one alone has no
 * cause to be. Before that, twice as many are taken to be 1.3 times as likely.
 * @param draw by which the own wait was drawn, 0 … 1 @param audience agents that could be asking, ourselves included, the holder not
 */
export function guessListeners(draw: Ratio, audience: number): readonly Guess[] {
  const rows = GUESSES.filter((listeners) => listeners === 1 || listeners <= audience).map((listeners) => ({
    listeners,
    weight: listeners ** COMPANY * listeners * (1 - draw) ** (listeners - 1),
  }));
  const sum = rows.reduce((all, { weight }) => all + weight, 0);
  return rows.map(({ listeners, weight }) => ({ listeners, weight: weight / sum }));
}

/** Where a wait ends in its window, 0 … 1, by a fair draw 0 … 1. */
export function skewed(draw: Ratio): Ratio {
  return Math.log(1 + draw * (Math.exp(SKEW) - 1)) / SKEW;
}

/**
 * By how much a listener lacks more than was to be expected, in standard deviations, after so many symbols were sent.
 * @param heard symbols of those that it has
 */
export function misfortune(sent: number, heard: number, lossRatio: Ratio): number {
  const spread = Math.sqrt(Math.max(sent, 1) * Math.max(lossRatio, 0.05) * (1 - lossRatio));
  return (sent * (1 - lossRatio) - heard) / spread;
}
