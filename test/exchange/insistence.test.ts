import { expect, test } from "vitest";
import { Insistence } from "../../src/exchange/insistence.ts";

test("adds a relay with every second repetition of the same question, and none after progress", () => {
  const insistence = new Insistence();
  expect([5, 5, 5, 5, 5].map((lacking) => insistence.note("block", lacking))).toEqual([0, 0, 1, 1, 2]);
  expect(insistence.note("block", 3)).toBe(0);
  expect(insistence.note("other", 3)).toBe(0);
});

test("remembers the last questions only", () => {
  const insistence = new Insistence();
  for (let i = 0; i < 3; i++) insistence.note("old", 1);
  for (let i = 0; i < 256; i++) insistence.note(`new ${i}`, 1);
  expect(insistence.note("old", 1)).toBe(0);
});
