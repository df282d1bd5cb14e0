/**
 * What this node can say at once of what it holds: holdings, the streams behind them, and coded slots over these.
 * @module
 */
import { concatBytes, type Bytes } from "../../kernel/bytes.ts";
import { addCombination, coefficients } from "../../erasure/random-linear.ts";
import { MAX_DELTA, SHORT_ID_BYTES, SLOT_BYTES, predictedSlots, type Holdings } from "../../wire/holdings.ts";
import { repairHeadBytes } from "../../wire/repair.ts";
import { MAX_OFFER_SLOTS, countIn, type IndexState, type Lack } from "./state.ts";
import { slotAt, slotsOf, type Stream } from "./streams.ts";
import type { Base, Member } from "./vector.ts";

/** All that we hold beyond a base, or just what somebody lacks. */
export type Over = Base | Lacks;

/** What somebody lacks who knows that base. */
export interface Lacks {
  readonly base: Base;
  readonly lacks: readonly Lack[];
}

export interface Offer {
  readonly holdings: Holdings;
  /** In the order of the holdings. */
  readonly streams: readonly Stream[];
  readonly slots: number;
}

export interface OfferLimits {
  /** Slots of all streams. */
  readonly slots: number;
  /** Bytes of a REPAIR before its coded slots; a BEACON has 4 less. */
  readonly headBytes: number;
  /** Authors that have to be named. */
  readonly strangers: number;
}

/**
 * Of an offer with coded slots. Its head is said with each packet: authors who have to be named are the dearer the more
 * there are.
 */
export const OFFER_LIMITS: OfferLimits = { slots: MAX_OFFER_SLOTS, headBytes: 96, strangers: 10 };
/** Streams of one offer; more never fit. */
const MAX_STREAMS = 400;

/** A log with so many slots beyond a base, as a guess, may not fit one offer over it: long names take up to three times as many. */
const MOST_FROM_BASE = 128;

/**
 * How to say what somebody lacks: over a base, which takes the fewest bytes, unless that would begin with so much of a log
 * which the other holds that the rest finds no room.
 */
export function overFor(base: Base, lacks: readonly Lack[]): Over {
  const isFar = ({ member, from }: Lack): boolean => {
    const start = countIn(base, member.hex);
    return from > start && likelySlots(member, start) > MOST_FROM_BASE;
  };
  return lacks.some(isFar) ? { base, lacks } : base;
}

/** What nobody was told of yet comes first where not all fits. */
export async function offerOf(state: IndexState, over: Over, limits: OfferLimits): Promise<Offer> {
  const base = isBase(over) ? over : over.base;
  const all = isBase(over)
    ? state.newsOver(over).map((member) => ({ member, from: countIn(over, member.hex) }))
    : over.lacks;
  const chosen: Stream[] = [];
  let slots = 0;
  let strangers = 0;
  for (const { member, from } of state.inTurn(all)) {
    const { hex, id, count: to } = member;
    const strange = isStrange(base, hex, from);
    if (chosen.length >= MAX_STREAMS || (strange && strangers >= limits.strangers)) continue;
    const stream = await state.streams.fitting({ hex, id, from, to }, limits.slots - slots);
    if (stream === undefined) continue;
    chosen.push(stream);
    slots += slotsOf(stream.bytes);
    if (strange) strangers++;
  }
  const fitting = longestFitting(state, base, chosen, limits.headBytes);
  const whole = fitting.length === all.length && fitting.every(({ hex, to }) => state.vector.count(hex) === to);
  const streams = inOrder(base, fitting);
  return {
    holdings: holdingsOf(state, base, streams, !whole || !isBase(over)),
    streams,
    slots: streams.reduce((sum, { bytes }) => sum + slotsOf(bytes), 0),
  };
}

/** Whether coded slots over all that somebody tells can be said at once. */
export function fitsOffer(holdings: Holdings): boolean {
  const { rows, strangers } = holdings;
  const slots = [...rows, ...strangers].reduce((sum, { slots }) => sum + slots, 0);
  const { headBytes } = OFFER_LIMITS;
  return (
    strangers.length <= OFFER_LIMITS.strangers && slots <= OFFER_LIMITS.slots && repairHeadBytes(holdings) <= headBytes
  );
}

/** Coded slots: combinations 0 … count − 1 of the seed. */
export function codedSlots({ streams }: Offer, seed: number, count: number): Bytes {
  const pieces = streams.flatMap(({ bytes }) => Array.from({ length: slotsOf(bytes) }, (_, i) => slotAt(bytes, i)));
  const coded: Bytes[] = [];
  for (let i = 0; i < count; i++) {
    const slot = new Uint8Array(SLOT_BYTES);
    addCombination(slot, pieces, coefficients(seed, i, pieces.length));
    coded.push(slot);
  }
  return concatBytes(...coded);
}

/** Slots of a stream that begins after `from`, about. */
export function likelySlots({ count }: Member, from: number): number {
  return predictedSlots(Math.min(count - from, MAX_DELTA));
}

export function isBase(over: Over): over is Base {
  return "tag" in over;
}

/** As many streams from the front as the holdings have room for; one at least. */
function longestFitting(
  state: IndexState,
  base: Base,
  streams: readonly Stream[],
  headBytes: number,
): readonly Stream[] {
  const fits = (count: number): boolean =>
    repairHeadBytes(holdingsOf(state, base, inOrder(base, streams.slice(0, count)), true)) <= headBytes;
  let [low, high] = [Math.min(1, streams.length), streams.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return streams.slice(0, low);
}

function holdingsOf(state: IndexState, base: Base, streams: readonly Stream[], partial: boolean): Holdings {
  const rows: Holdings["rows"][number][] = [];
  const strangers: Holdings["strangers"][number][] = [];
  for (const { hex, id, from, to, bytes } of streams) {
    const number = isStrange(base, hex, from) ? undefined : base.numbers.get(hex);
    const stream = { delta: to - from, slots: slotsOf(bytes) };
    if (number !== undefined) rows.push({ number, ...stream });
    else {
      const short = id.subarray(0, SHORT_ID_BYTES);
      strangers.push({ author: state.vector.matching(short).length > 1 ? id : short, from, ...stream });
    }
  }
  return { base: base.tag, partial, rows, strangers };
}

/** Numbers stand for a log from where the base ends; all else is named. */
function isStrange(base: Base, hex: string, from: number): boolean {
  return !base.numbers.has(hex) || countIn(base, hex) !== from;
}

/** Authors of the base by their numbers, then the others by their ids. */
function inOrder(base: Base, streams: readonly Stream[]): Stream[] {
  const place = ({ hex, from }: Stream): number =>
    isStrange(base, hex, from) ? Number.MAX_SAFE_INTEGER : (base.numbers.get(hex) ?? 0);
  return [...streams].sort((a, b) => place(a) - place(b) || (a.hex < b.hex ? -1 : 1));
}
