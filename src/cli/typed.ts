/** Numbers as they are typed, for the options of several commands. @module */
import { InvalidArgumentError } from "commander";

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`);
  };
}

export function lossRatio(text: string): number {
  const ratio = /^(?:0?\.\d{1,6}|0)$/.test(text) ? Number(text) : Number.NaN;
  if (ratio <= 0.9) return ratio;
  throw new InvalidArgumentError("Must be a ratio from 0 to 0.9, for example 0.3.");
}
