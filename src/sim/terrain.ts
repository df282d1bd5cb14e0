/** Where the houses of a story lie: shapes by name, as links between houses. @module */
import type { Random } from "../ports/random.ts";
import { drawBelow } from "./seeded-random.ts";

/**
 * `cell`: everybody hears everybody. `line`: each its two neighbours. `star`: all hear the first house alone.
 * `scattered`: at random, connected. `two-villages`: two cells that don't hear each other; the last house moves between.
 */
export type TerrainName = "cell" | "line" | "star" | "scattered" | "two-villages";

/** Two houses, by index, that hear each other. */
export type Road = readonly [a: number, b: number];

/** Chance of a road beside those that join all, in `scattered`. */
const MORE_ROADS = 0.3;

export function roadsOf(terrain: TerrainName, houses: number, random: Random): Road[] {
  switch (terrain) {
    case "cell":
      return pairs(range(0, houses));
    case "line":
      return range(1, houses).map((house) => [house - 1, house]);
    case "star":
      return range(1, houses).map((house) => [0, house]);
    case "scattered":
      return scattered(houses, random);
    case "two-villages":
      break;
  }
  return twoVillages(houses, 0);
}

/**
 * Two cells of about equal size, and the last house in one of them.
 * @param side 0 or 1: where the last house is
 */
export function twoVillages(houses: number, side: 0 | 1): Road[] {
  const carrier = houses - 1;
  const half = Math.ceil(carrier / 2);
  const villages = [range(0, half), range(half, carrier)];
  return villages.flatMap((village, i) => pairs(i === side ? [...village, carrier] : village));
}

/** In which of the {@link twoVillages} each house lives; undefined for the one that moves. */
export function sidesOf(houses: number): readonly (0 | 1 | undefined)[] {
  const carrier = houses - 1;
  return range(0, houses).map((house) => (house === carrier ? undefined : house < Math.ceil(carrier / 2) ? 0 : 1));
}

/** Roads that a packet takes from each house to each other; Infinity where there is no way. */
export function distances(roads: readonly Road[], houses: number): readonly (readonly number[])[] {
  const neighbours = range(0, houses).map((): number[] => []);
  for (const [a, b] of roads) {
    neighbours[a]?.push(b);
    neighbours[b]?.push(a);
  }
  return range(0, houses).map((from) => {
    const far = range(0, houses).map(() => Number.POSITIVE_INFINITY);
    far[from] = 0;
    // Grows while it is walked through: first come the nearest.
    const reached = [from];
    for (const house of reached) {
      for (const next of neighbours[house] ?? []) {
        if (far[next] !== Number.POSITIVE_INFINITY) continue;
        far[next] = (far[house] ?? 0) + 1;
        reached.push(next);
      }
    }
    return far;
  });
}

/** A random tree, so that all are joined, and some roads more. */
function scattered(houses: number, random: Random): Road[] {
  const roads: Road[] = range(1, houses).map((house) => [drawBelow(random, house), house]);
  const known = new Set(roads.map(String));
  for (const road of pairs(range(0, houses))) {
    if (!known.has(String(road)) && drawBelow(random, 1000) < MORE_ROADS * 1000) roads.push(road);
  }
  return roads;
}

function pairs(houses: readonly number[]): Road[] {
  return houses.flatMap((a, i) => houses.slice(i + 1).map((b): Road => [a, b]));
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i);
}
