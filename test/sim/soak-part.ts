/** A part of the soak, as tests: one a seed, so that a failure names it. */
import { expect, test } from "vitest";
import { runScenario } from "../../src/sim/scenario.ts";

/** @param first seed; so many follow */
export function soak(first: number, runs: number): void {
  const seeds = Array.from({ length: runs }, (_, i) => first + i);
  test.each(seeds)("every law holds in the random village of seed %i", async (seed) => {
    const { invariants, complete } = await runScenario({ scenario: "random", seed });
    const again = `npx caye sim --scenario random --seed ${seed}`;
    expect(
      invariants.filter(({ held }) => !held),
      again,
    ).toEqual([]);
    expect(complete, again).toBe(true);
  });
}
