/** Answers in texts: their size, their marks, and that nothing is lost. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOwnText, MAX_PARTS, MAX_TEXT_BYTES, splitAnswer } from "../../../src/exchange/phone/texts.ts";
import { hearText } from "../../../src/exchange/phone/words.ts";
import { utf8 } from "../../../src/kernel/bytes.ts";

const HINT = "more: send more";

describe("an answer in texts", () => {
  test("is one marked text as long as it fits, to the byte", () => {
    expect(splitAnswer("No alerts now.", 8, HINT)).toEqual(["» No alerts now."]);
    const full = `${"á".repeat(98)}b`;
    expect(splitAnswer(full, 8, HINT)).toEqual([`» ${full}`]);
    expect(splitAnswer(`${full}b`, 8, HINT)).toHaveLength(2);
  });

  test("is cut between words, and numbered", () => {
    const words = Array.from({ length: 80 }, (_, i) => `word${i}`).join(" ");
    const texts = splitAnswer(words, 8, HINT);
    expect(texts.map((text) => text.slice(0, 6))).toEqual(["(1/3) ", "(2/3) ", "(3/3) "]);
    expect(texts.map((text) => text.slice(6)).join(" ")).toBe(words);
  });

  test("cuts no character, not even one of many code points", () => {
    const family = "👨‍👩‍👧‍👦";
    const texts = splitAnswer(family.repeat(20), 8, HINT);
    expect(texts.length).toBeGreaterThan(2);
    for (const text of texts) expect(text.replace(/^\(\d+\/\d+\) /, "").replaceAll(family, "")).toBe("");
  });

  test("says at the end of each batch how to go on, but not at the end of all", () => {
    const texts = splitAnswer("word ".repeat(200), 2, HINT);
    expect(texts.map((text) => text.includes(`[${HINT}]`))).toEqual(
      [false, true, false, true, false, false].slice(0, texts.length),
    );
  });

  test("ends at the last number that a mark can hold", () => {
    expect(splitAnswer("x".repeat(100_000), 8, HINT)).toHaveLength(MAX_PARTS);
  });

  test("of any text fits packets, loses no letter, and is never taken for a question", () => {
    const law = fc.property(
      fc.string({ unit: "binary", maxLength: 1_500 }),
      fc.integer({ min: 1, max: 9 }),
      (body, batch) => {
        const texts = splitAnswer(body, batch, HINT);
        for (const text of texts) {
          expect(utf8(text).length).toBeLessThanOrEqual(MAX_TEXT_BYTES);
          expect(isOwnText(text)).toBe(true);
          expect(hearText(utf8(text)).kind).toBe("ignored");
        }
        const letters = (text: string): string => text.replaceAll(/\s/gu, "");
        const told = texts.map((text) => text.replace(/^(?:» |\(\d+\/\d+\) )/, "").replace(`\n[${HINT}]`, ""));
        expect(letters(told.join(""))).toBe(letters(body));
      },
    );
    fc.assert(law, { numRuns: 400 });
  });
});
