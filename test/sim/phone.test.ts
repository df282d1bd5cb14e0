/** When a person's answer has come whole. That texts go out and come in shows test/e2e/try-it.test.ts. */
import { expect, test } from "vitest";
import { splitAnswer } from "../../src/exchange/phone/texts.ts";
import { isWhole } from "../../src/sim/phone.ts";

test("an answer of one text is whole at once, nothing is not", () => {
  expect(isWhole(splitAnswer("High 06:10", 8, "more"))).toBe(true);
  expect(isWhole([])).toBe(false);
});

test("an answer of several texts is whole with its last missing part, in any order, told twice or not", () => {
  const texts = splitAnswer("High 06:10, low 12:20. ".repeat(30), 8, "more");
  expect(texts.length).toBeGreaterThan(3);
  const [first = "", ...others] = texts.toReversed();
  expect(isWhole([first, first, ...others.slice(1)])).toBe(false);
  expect(isWhole([first, first, ...others])).toBe(true);
});
