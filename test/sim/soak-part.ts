/** A part of the soak, as tests: one a seed, so that a failure names it; and one that looks whether troubles really came. */
import { expect, test } from "vitest";
import { TROUBLES } from "../../src/sim/befallen.ts";
import { runScenario } from "../../src/sim/scenario.ts";

/** Each kind of trouble must come to pass in at least so many of a hundred villages. */
const LEAST_IN_A_HUNDRED = 4;
/** Seeds that are named for each kind. */
const NAMED = 8;

/** @param first seed; so many follow */
export function soak(first: number, runs: number): void {
  const seeds = Array.from({ length: runs }, (_, i) => first + i);
  const met = new Map<string, number[]>(TROUBLES.map((kind) => [kind, []]));

  test.each(seeds)("every law holds in the random village of seed %i", async (seed) => {
    const { invariants, complete, befallen } = await runScenario({ scenario: "random", seed });
    for (const kind of Object.keys(befallen)) met.get(kind)?.push(seed);
    const again = `npx caye sim --scenario random --seed ${seed}`;
    expect(
      invariants.filter(({ held }) => !held),
      again,
    ).toEqual([]);
    expect(complete, again).toBe(true);
  });

  test(`every kind of trouble came to pass in the villages from seed ${first} on`, () => {
    console.log([...met].map(([kind, villages]) => lineOf(kind, villages)).join("\n"));
    const rare = [...met].filter(([, villages]) => villages.length * 100 < runs * LEAST_IN_A_HUNDRED);
    expect(rare.map(([kind, villages]) => lineOf(kind, villages))).toEqual([]);
  });
}

function lineOf(kind: string, villages: readonly number[]): string {
  const more = villages.length > NAMED ? " …" : "";
  return `${kind.padEnd(12)} ${String(villages.length).padStart(3)} villages: ${villages.slice(0, NAMED).join(" ")}${more}`;
}
