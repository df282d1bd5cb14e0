/**
 * The figures of NIST's own program (ea_non_iid 1.1.7, usnistgov/SP800-90B_EntropyAssessment 68ed165) are ours, for samples
 * of 1 to 8 bits. `npm run bench -- entropy` compares those of a million 8-bit samples, too, which take longer.
 */
import { describe, expect, test } from "vitest";
import { assess } from "../../src/entropy/assess.ts";
import { goldenFiles, worstDifference } from "./golden.ts";

const TOLERANCE = 1e-6;

describe("figures are those of NIST's program", () => {
  const files = goldenFiles().filter(({ bits, count }) => bits * count <= 1_000_000);

  test("for samples of every width", () => {
    expect([...new Set(files.map(({ bits }) => bits))].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(files.length).toBeGreaterThan(25);
  });

  test.each(files)("$name, $count samples", ({ samples, bits, figures }) => {
    const worst = worstDifference(assess(samples(), bits), figures);
    expect(worst.difference, worst.figure).toBeLessThan(TOLERANCE);
  });
});

test("a figure that differs is seen", () => {
  const { samples, bits, figures } = goldenFiles()[0]!;
  const assessment = assess(samples(), bits);
  const { difference, figure } = worstDifference(
    { ...assessment, literal: { ...assessment.literal, lag: assessment.literal.lag! + 0.1 } },
    figures,
  );
  expect([difference, figure]).toEqual([expect.closeTo(0.1), "literal lag"]);
  expect(worstDifference({ ...assessment, literal: { ...assessment.literal, lag: null } }, figures).difference).toBe(
    Infinity,
  );
});
