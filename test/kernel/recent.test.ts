/** Maps that remember the last things only. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { keepRecent } from "../../src/kernel/recent.ts";

test("the keys that were set last are kept, with their last values, in that order", () => {
  const sets = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer()), { maxLength: 60 });
  fc.assert(
    fc.property(sets, fc.integer({ min: 1, max: 12 }), (all, capacity) => {
      const map = new Map<number, number>();
      for (const [key, value] of all) keepRecent(map, key, value, capacity);
      const last = new Map<number, number>();
      for (const [key, value] of all.toReversed()) if (!last.has(key)) last.set(key, value);
      expect([...map]).toEqual([...last].slice(0, capacity).toReversed());
    }),
  );
});
