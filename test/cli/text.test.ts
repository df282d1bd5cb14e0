/** Sizes, times, tables and file names. @module */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatBytes, formatMs, quoted, safeFileName, table } from "../../src/cli/text.ts";

test("sizes", () => {
  expect([0, 999, 1_000, 12_345, 999_949, 999_950, 67_108_864].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1 KB",
    "12.3 KB",
    "999.9 KB",
    "1 MB",
    "67.1 MB",
  ]);
});

test("times", () => {
  expect(
    [0, 999, 1_000, 2_540, 59_949, 59_960, 60_000, 3_599_000, 7_380_000, 7_200_000, 172_800_000, 180_000_000].map(
      formatMs,
    ),
  ).toEqual([
    "0 ms",
    "999 ms",
    "1 s",
    "2.5 s",
    "59.9 s",
    "1 min",
    "1 min",
    "1 h",
    "2 h 3 min",
    "2 h",
    "2 d",
    "2 d 2 h",
  ]);
});

test("columns stay aligned under wide letters and combining marks", () => {
  expect(
    table(
      [
        ["a\u0301", "1"],
        ["水", "10"],
        ["🌀x", "2"],
      ],
      [1],
    ),
  ).toBe("á     1\n水   10\n🌀x   2\n".replace("á", "a\u0301"));
});

test("any name becomes one that a directory takes, or none", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (name) => {
      const safe = safeFileName(name);
      if (safe === undefined) return;
      expect(safe).not.toMatch(/^[.\s]|[/\\\p{Cc}\p{Cf}]/u);
      expect(safe.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
    }),
    { numRuns: 3_000 },
  );
});

test("a name from the air that is copied out of our advice is one word for a shell, and runs nothing", () => {
  for (const name of ["storm.txt", "x'; echo no; '", "$(echo no)", "`echo no`", '"', "a b", "\\'", "-o", "*", "~"]) {
    expect(execFileSync("sh", ["-c", `printf '%s|' ${quoted(name)}`]).toString()).toBe(`${name}|`);
  }
});
