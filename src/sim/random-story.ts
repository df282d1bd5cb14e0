/**
 * A small village with troubles by chance, from a seed: one of the thousands that `npm run soak` plays.
 * @module
 */
import type { Random } from "../ports/random.ts";
import type { PresetName } from "../radio/airtime.ts";
import { drawBelow, seededRandom } from "./seeded-random.ts";
import { PLAIN, TROUBLE_KINDS, type Story, type Trouble, type TroubleKind } from "./story.ts";
import { HABITS, type Habit } from "./stranger.ts";
import type { TerrainName } from "./terrain.ts";

const TERRAINS: readonly TerrainName[] = ["cell", "cell", "line", "star", "scattered", "scattered", "two-villages"];
const PRESETS: readonly PresetName[] = ["LongFast", "LongFast", "MediumFast", "ShortFast"];
const REGIONS: readonly string[] = ["US", "EU_868"];
const LOSSES: readonly number[] = [0, 0.1, 0.1, 0.3, 0.3, 0.5];
const KINDS: readonly TroubleKind[] = ["crash", ...TROUBLE_KINDS];
const FIRMWARES: readonly Story["firmware"][] = ["2.7", "2.7", "2.8", "both"];

export function randomStory(seed: number): Story {
  const random = seededRandom(`random story ${seed}`);
  const minutes = 20 + drawBelow(random, 41);
  const houses = 3 + drawBelow(random, 6);
  const terrain = pick(TERRAINS, random);
  const troubles = Array.from({ length: drawBelow(random, 6) }, () => trouble(minutes, random));
  const lawful = troubles.some(({ kind }) => kind === "duty-cycle");
  return {
    ...PLAIN,
    name: "random",
    about: "A small village, its terrain, its people's doings and its troubles drawn from the seed.",
    houses,
    terrain,
    preset: pick(PRESETS, random),
    // Only where there is a law can its hour be used up.
    region: lawful ? "EU_868" : pick(REGIONS, random),
    hopLimit: drawBelow(random, 4),
    lossRatio: pick(LOSSES, random),
    minutes,
    patienceHours: 48,
    puts: 1 + drawBelow(random, 8),
    gets: drawBelow(random, 5),
    alerts: drawBelow(random, 3),
    fileBytes: { least: 1, most: pick([60, 400, 1500], random) },
    inStep: drawBelow(random, 2) === 0,
    newcomers: terrain !== "two-villages" && drawBelow(random, 4) === 0 ? 1 : 0,
    firmware: pick(FIRMWARES, random),
    skewPpm: pick([0, 50, 500], random),
    stayMinutes: 10 + drawBelow(random, 30),
    carries: terrain === "two-villages" && drawBelow(random, 2) === 0,
    troubles,
    strangers: drawBelow(random, 3) === 0 ? [pick<Habit>(HABITS, random)] : [],
  };
}

function trouble(minutes: number, random: Random): Trouble {
  const kind = pick(KINDS, random);
  return { kind, times: 1 + drawBelow(random, 3), minutes: 1 + drawBelow(random, Math.ceil(minutes / 2)) };
}

function pick<T>(of: readonly [T, ...T[]] | readonly T[], random: Random): T {
  const one = of[drawBelow(random, of.length)];
  if (one === undefined) throw new RangeError("nothing to pick from: a fault of ours");
  return one;
}
