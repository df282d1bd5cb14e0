/**
 * When to ask, so that of many who lack the same one speaks, and the one who lacks most.
 *
 * Pure functions: waits in ms, from the time on air of a full packet. `audience` is how many agents could want the same, all
 * that are known but the one who holds it; alone, nobody needs to be waited for. The table in `docs/protocol.md`, "Timers", is this file in
 * words.
 * @module
 */
import type { Air } from "../air.ts";
import { misfortune, roundPrice, skewed } from "./burst.ts";

type Ratio = number;

/** A GET by prefix, in bytes. */
const QUESTION_BYTES = 7;
/** What relays and chance put between two packets of a burst, in airtimes. */
const PACE: Ratio = 1.05;
const RELAYED_PACE: Ratio = 3.05;
const TURN_MS = 100;
/** A holder that is not the first to answer waits so many packets, and up to so many more. */
export const ANSWER_SPREAD = 1;
/** So many questions in vain are put down to loss; from then on each next one waits longer. */
const PATIENT_TRIES = 10;
const BACK_OFF = 1.4;
const MAX_BACK_OFF = 8;
/**
 * Questions in vain before a transfer gives up. Over three hops at 30 % loss on each, one in three or four is answered:
 * this many all fail once in 10^4.
 */
export const MAX_FRUITLESS = 30;

/** From one packet of a burst to the next, in ms, when it may pass so many relays. */
export function packetMs(air: Air, hops: number): number {
  return air.airtimeMs(air.maxMessageBytes) * (hops > 0 ? RELAYED_PACE : PACE) + TURN_MS;
}

/** What a round costs, in symbols: see `burst.ts`. */
export function priceOf(air: Air, lossRatio: Ratio): number {
  return roundPrice(air.airtimeMs(QUESTION_BYTES), air.airtimeMs(air.maxMessageBytes), lossRatio);
}

/** How much longer than the first wait the next one is, after so many tries in vain. */
export function lengthening(tries: number): number {
  return Math.min(BACK_OFF ** Math.max(0, tries - PATIENT_TRIES), MAX_BACK_OFF);
}

/** What the waits are reckoned from. */
export interface Pace {
  /** A full packet with what the radio and its relays put between it and the next. */
  readonly packetMs: number;
  readonly audience: number;
  /** Relays that the question passes. */
  readonly hops: number;
}

/** Of {@link Pace.packetMs}, for each agent that could ask: so seldom do two begin within one question's airtime. */
const WINDOW_AN_AGENT: Ratio = 0.55;
const MOST_WINDOWS = 10;
/** Who was so many standard deviations less lucky than the average speaks at once. */
const UNLUCKIEST = 2.5;
/** Of {@link Pace.packetMs}, for each standard deviation: long enough for the first question to be heard. */
const WAIT_A_DEVIATION = 2;
const SHORT_WINDOW: Ratio = 0.1;
/** Beyond the moment when the last symbol is due. */
const BURST_SLACK: Ratio = 0.3;
/** Symbols that an answer may lose at its beginning before it counts as none. */
const LOST_AT_BEGINNING = 2;
/** Of {@link Pace.packetMs}: radios wait for each other before they send. */
const SETTLE: Ratio = 0.7;
/** Chance is added up to so many packets, so that equals don't meet. */
const CHANCE = 3;

function windowMs({ packetMs, audience }: Pace): number {
  return packetMs * Math.max(SHORT_WINDOW, Math.min(MOST_WINDOWS, WINDOW_AN_AGENT * (audience - 1)));
}

/** Before the first question for a block, or when it is to be asked anew. */
export function firstWaitMs(pace: Pace, draw: Ratio): number {
  return windowMs(pace) * skewed(draw);
}

/** After a question, ours or another's, until it counts as unanswered. @param symbols that were asked for */
export function answerWaitMs({ packetMs, hops }: Pace, symbols: number): number {
  const packets = ANSWER_SPREAD + hops + Math.min(LOST_AT_BEGINNING, symbols);
  return packetMs * (SETTLE + packets);
}

export interface Standing {
  readonly sent: number;
  readonly heard: number;
  readonly lossRatio: Ratio;
}

/** After the end of a burst: the less lucky, the sooner. */
export function needyWaitMs(pace: Pace, { sent, heard, lossRatio }: Standing, draw: Ratio): number {
  const { packetMs, audience } = pace;
  if (audience <= 1) return packetMs * BURST_SLACK;
  const behind = Math.min(UNLUCKIEST, Math.max(-UNLUCKIEST, misfortune(sent, heard, lossRatio)));
  const crowd = Math.min(1, Math.log2(audience) / 3);
  const byLuckMs = (UNLUCKIEST - behind) * WAIT_A_DEVIATION * packetMs * crowd;
  return packetMs * BURST_SLACK + byLuckMs + packetMs * crowd * CHANCE * draw;
}
