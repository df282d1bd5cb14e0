import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  endsMs,
  heardConsistent,
  heardInconsistent,
  maySpeak,
  nextInterval,
  startTrickle,
} from "../../src/exchange/trickle.ts";

const rules = { minMs: 1_000, doublings: 4, redundancy: 2 };
const chances = fc.nat(2 ** 32 - 1).map((n) => n / 2 ** 32);

describe("Trickle, RFC 6206", () => {
  test("speaks in the second half of each interval, and intervals double up to the longest", () => {
    fc.assert(
      fc.property(fc.array(chances, { minLength: 8, maxLength: 8 }), (draws) => {
        let trickle = startTrickle(rules, 0, draws[0] ?? 0);
        const lengths: number[] = [];
        for (const draw of draws) {
          expect(trickle.speakMs).toBeGreaterThanOrEqual(trickle.startMs + trickle.intervalMs / 2);
          expect(trickle.speakMs).toBeLessThan(endsMs(trickle));
          lengths.push(trickle.intervalMs);
          trickle = nextInterval(trickle, rules, endsMs(trickle), draw);
        }
        expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000, 16_000]);
      }),
    );
  });

  test("is silent once as many as the redundancy have said the same, and speaks again in the next interval", () => {
    let trickle = startTrickle(rules, 0, 0.5);
    trickle = heardConsistent(heardConsistent(trickle));
    expect(maySpeak(trickle, rules)).toBe(false);
    expect(maySpeak(nextInterval(trickle, rules, endsMs(trickle), 0.5), rules)).toBe(true);
  });

  test("a difference brings it back to the shortest interval, but does not restart that one", () => {
    const shortest = startTrickle(rules, 0, 0.5);
    expect(heardInconsistent(shortest, rules, 100, 0.9)).toBe(shortest);
    const longer = nextInterval(shortest, rules, 1_000, 0.5);
    expect(heardInconsistent(longer, rules, 1_500, 0)).toMatchObject({ intervalMs: 1_000, startMs: 1_500, heard: 0 });
  });
});
