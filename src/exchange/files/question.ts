/**
 * What a GET asks for, put into words and read again.
 * @module
 */
import { LISTENERS, type Get, type GetAmount } from "../../wire/get.ts";
import { burstFor, guessListeners, type Guess } from "./burst.ts";
import type { WantedBlock } from "./wanted-block.ts";

type Ratio = number;

export interface QuestionFacts {
  readonly lossRatio: Ratio;
  /** Of a round, in symbols. */
  readonly price: number;
  /** By which the wait before a first question was drawn; undefined when it says nothing of others. */
  readonly draw: Ratio | undefined;
  readonly audience: number;
  /** What others have told of them, an index into {@link LISTENERS}. */
  readonly listeners: number;
}

const SIXTEENTHS = 16;
/** A block whose length is not known is taken to have so many symbols when the listeners are weighed. */
const USUAL_SYMBOLS = 8;

export function getFor(block: WantedBlock, facts: QuestionFacts): Get {
  return { type: "get", amount: amountFor(block, facts), target: { kind: "prefix", prefix: block.askedPrefix } };
}

function amountFor(block: WantedBlock, { lossRatio, price, draw, ...known }: QuestionFacts): GetAmount {
  if (block.begun) return { kind: "more", symbols: burstFor(block.needed, lossRatio, price) };
  const guesses = draw === undefined ? guessListeners(1, 1) : guessListeners(draw, known.audience);
  const lossSixteenths = Math.min(SIXTEENTHS - 1, Math.round(SIXTEENTHS * lossRatio));
  const symbols = block.total === 0 ? USUAL_SYMBOLS : block.total;
  const listeners = Math.max(known.listeners, listenersFor(symbols, lossSixteenths, price, guesses));
  return { kind: "whole", lossSixteenths, listeners };
}

/** The step of {@link LISTENERS} that makes as long a burst as all the guesses together. */
function listenersFor(symbols: number, lossSixteenths: number, price: number, guesses: readonly Guess[]): number {
  const lossRatio = lossSixteenths / SIXTEENTHS;
  const sent = burstFor(symbols, lossRatio, price, guesses);
  const enough = LISTENERS.findIndex(
    (listeners) => burstFor(symbols, lossRatio, price, [{ listeners, weight: 1 }]) >= sent,
  );
  return enough < 0 ? LISTENERS.length - 1 : enough;
}

/** Symbols that are to be sent for that. @param k that a decoding of the block needs */
export function symbolsAskedBy(amount: GetAmount, k: number, price: number): number {
  if (amount.kind === "more") return amount.symbols;
  const listeners = LISTENERS[amount.listeners] ?? 1;
  return burstFor(k, amount.lossSixteenths / SIXTEENTHS, price, [{ listeners, weight: 1 }]);
}
