/** Whom to ask: next door first, the one who helps most, and nobody without end. */
import { expect, test } from "vitest";
import type { Announced } from "../../../src/exchange/index/gathering.ts";
import { Holders, type Said } from "../../../src/exchange/index/holders.ts";
import { NOTHING } from "../../../src/exchange/index/vector.ts";

const stream = (hex: string, slots: number): Announced => ({ hex, from: 0, to: 1, slots });

function said(re: number, streams: readonly Announced[], about: Partial<Said> = {}): Said {
  return { re, streams, partial: false, isPush: false, isLong: false, base: NOTHING, ...about };
}

/** Everything that was said is lacking. */
function chosen(holders: Holders, credit: (radio: number) => number = () => 1): number | undefined {
  const neededOf = (streams: readonly Announced[]): number => streams.reduce((sum, { slots }) => sum + slots, 0);
  return holders.best({ neededOf, credit, nearest: 0 })?.re;
}

test("who is next door is asked before who holds more behind relays", () => {
  const holders = new Holders();
  holders.note({ from: 1, hops: 2 }, said(10, [stream("aa", 50)]));
  holders.note({ from: 2, hops: 0 }, said(20, [stream("bb", 3)]));
  holders.note({ from: 3, hops: 1 }, said(30, [stream("cc", 90)]));
  expect(chosen(holders)).toBe(20);
});

test("of those next door the one who helps most is asked, of equals the last one heard", () => {
  const holders = new Holders();
  holders.note({ from: 1, hops: 0 }, said(10, [stream("aa", 7)]));
  holders.note({ from: 2, hops: 0 }, said(20, [stream("aa", 9)]));
  holders.note({ from: 3, hops: 0 }, said(30, [stream("bb", 9)]));
  expect(chosen(holders)).toBe(30);
});

test("who only pushed is asked when nobody else told of it", () => {
  const holders = new Holders();
  holders.note({ from: 1, hops: 0 }, said(10, [stream("aa", 60)], { isPush: true }));
  expect(chosen(holders)).toBe(10);
  holders.note({ from: 2, hops: 0 }, said(20, [stream("aa", 1)]));
  expect(chosen(holders)).toBe(20);
});

test("the parts of a long list are claims of their own; a whole list takes the place of the one before", () => {
  const holders = new Holders();
  holders.note({ from: 1, hops: 0 }, said(10, [stream("aa", 1), stream("bb", 1)], { partial: true }));
  holders.note({ from: 1, hops: 0 }, said(11, [stream("cc", 1), stream("dd", 1)], { partial: true }));
  expect(holders.size).toBe(2);
  holders.note({ from: 2, hops: 0 }, said(20, [stream("aa", 1)]));
  holders.note({ from: 2, hops: 0 }, said(21, [stream("bb", 1)]));
  expect(holders.size).toBe(3);
});

test("who was asked eight times in vain is asked no more until it speaks again", () => {
  const holders = new Holders();
  const speak = (): void => holders.note({ from: 1, hops: 0 }, said(10, [stream("aa", 5)]));
  const ask = (): boolean => {
    const best = holders.best({ neededOf: () => 5, credit: () => 1, nearest: 0 });
    if (best !== undefined) holders.asked(best);
    return best !== undefined;
  };
  speak();
  let asked = 0;
  while (asked < 100 && ask()) asked++;
  expect(asked).toBe(8);
  speak();
  expect(ask()).toBe(true);
});

test("whose word is worth little is asked last, and so many claims are kept", () => {
  const holders = new Holders();
  for (let radio = 0; radio < 100; radio++) holders.note({ from: radio, hops: 0 }, said(radio, [stream("aa", 5)]));
  expect(holders.size).toBe(24);
  expect(chosen(holders)).toBe(99);
  expect(chosen(holders, (radio) => (radio === 99 ? 0.25 : 1))).toBe(98);
});
