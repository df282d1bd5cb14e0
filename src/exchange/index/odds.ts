/**
 * How many packets it takes when each is lost with some chance, and how much the neediest of many lacks. Pure.
 * @module
 */
import type { Ratio } from "../../radio/regions.ts";

/** Packets beyond which we don't reckon: a burst of more is cut anyway. */
const MOST_PACKETS = 96;

/**
 * The fewest packets of which all but `missing` of so many listeners hear `needed` or more, on average.
 * @param needed 1 or more @param listeners 0 or more @param missing above 0
 */
export function packetsFor(needed: number, lossRatio: Ratio, listeners: number, missing: number): number {
  let packets = needed;
  while (packets < MOST_PACKETS && listeners * atMost(needed - 1, packets, 1 - lossRatio) > missing) packets++;
  return packets;
}

/** Of so many things, each of which everybody lacks with this chance: the most that more than `spare` listeners lack. */
export function neediestLacks(things: number, chance: Ratio, listeners: number, spare: number): number {
  let lacking = 0;
  while (lacking < things && listeners * (1 - atMost(lacking, things, chance)) > spare) lacking++;
  return lacking;
}

/** The binomial distribution: the chance of at most so many successes in so many tries. */
function atMost(successes: number, tries: number, chance: Ratio): Ratio {
  if (successes >= tries) return 1;
  let term = (1 - chance) ** tries;
  let sum = term;
  for (let i = 0; i < successes; i++) {
    term *= ((tries - i) / (i + 1)) * (chance / (1 - chance));
    sum += term;
  }
  return Math.min(1, sum);
}
