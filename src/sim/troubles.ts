/**
 * What befalls a village, as events on the virtual clock. Each kind says in `story.ts` what it is.
 * @module
 */
import type { Change } from "../ports/store.ts";
import type { Random } from "../ports/random.ts";
import { toHex } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { drawBelow } from "./seeded-random.ts";
import type { Story, Trouble } from "./story.ts";
import type { StoryVillage } from "./story-village.ts";

/** Something that happens at a moment of the virtual clock. */
export interface Happening {
  readonly atMs: number;
  readonly what: string;
  readonly happen: (village: StoryVillage) => void | Promise<void>;
}

type End = () => void | Promise<void>;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Bad times of half a minute, as much as good ones. */
const BURSTS = { goodMs: 30_000, badMs: 30_000, badLoss: 0.95 };
/** Of the packets, in each of the troubles that befall single ones. */
const SHARE = 0.1;
/** A backup is so much older than the moment in which the machine comes back from it, at most. */
const BACKUP_AGE_MS = 30 * MINUTE_MS;

/** Each trouble begins within the story and is over when it is; two of one kind at one house may overlap. */
export function happeningsOf({ troubles, houses, minutes }: Story, random: Random): Happening[] {
  return troubles.flatMap((trouble) =>
    Array.from({ length: trouble.times }, () => {
      const house = trouble.house ?? drawBelow(random, houses);
      const lastMs = Math.min(trouble.minutes, minutes) * MINUTE_MS;
      const atMs = (trouble.at ?? drawBelow(random, Math.max(minutes, 1))) * MINUTE_MS;
      const endMs = Math.min(atMs + lastMs, minutes * MINUTE_MS);
      return happening(trouble, { house, atMs, endMs, draw: drawBelow(random, 2 ** 31) });
    }).flat(),
  );
}

interface Fate {
  readonly house: number;
  readonly atMs: number;
  readonly endMs: number;
  readonly draw: number;
}

function happening({ kind }: Trouble, fate: Fate): Happening[] {
  const what = `${kind} at house ${fate.house}`;
  let end: End | undefined;
  const begin = async (village: StoryVillage): Promise<void> => {
    end = await BEGIN[kind](village, fate);
  };
  const finish = async (): Promise<void> => end?.();
  if (kind === "backup") {
    return [
      { atMs: Math.max(fate.atMs - (fate.draw % BACKUP_AGE_MS), 0), what: `${what}: taken`, happen: begin },
      { atMs: fate.atMs, what: `${what}: restored`, happen: finish },
    ];
  }
  return [
    { atMs: fate.atMs, what, happen: begin },
    { atMs: fate.endMs, what: `${what} ends`, happen: finish },
  ];
}

/** What begins each kind; what it gives ends it. */
const BEGIN: Readonly<Record<Trouble["kind"], (village: StoryVillage, fate: Fate) => Promise<End>>> = {
  crash: async (village, { house }) => {
    await crash(village, house);
    return () => boot(village, house);
  },
  "radio-reboot": (village, { house }) => {
    const radio = village.village.ether.radio(village.house(house).number);
    if (radio.powered) village.note("radio-reboot");
    radio.power(false);
    return Promise.resolve(() => radio.power(true));
  },
  partition: (village, { draw }) => {
    village.note("partition");
    return Promise.resolve(village.sky.wall(someOf(village.village.houses.length, draw)));
  },
  burst: ({ sky }, { house }) => Promise.resolve(sky.impair(house, { burst: BURSTS })),
  garbled: ({ sky }, { house }) => Promise.resolve(sky.impair(house, { corruption: SHARE })),
  twice: ({ sky }, { house }) => Promise.resolve(sky.impair(house, { duplication: SHARE })),
  late: ({ sky }, { house }) => Promise.resolve(sky.impair(house, { reordering: SHARE })),
  "clock-jump": (village, { house, draw }) => {
    village.troubled.add(house);
    village.note("clock-jump");
    village.house(house).clock.wallOffsetMs += (draw % (2 * DAY_MS)) - DAY_MS;
    return Promise.resolve(() => undefined);
  },
  "disk-full": (village, { house }) => {
    const { disk } = village.house(house);
    disk.full = true;
    village.wasFull.add(house);
    village.troubled.add(house);
    return Promise.resolve(() => {
      disk.full = false;
    });
  },
  "duty-cycle": (village, { house }) => {
    village.village.ether.radio(village.house(house).number).useUpHour();
    return Promise.resolve(() => undefined);
  },
  backup: async (village, { house }) => {
    const backup = await village.house(house).disk.backup();
    return () => comeBack(village, house, backup);
  },
};

/** A machine that is down already stays down. */
async function crash(village: StoryVillage, index: number): Promise<void> {
  const house = village.house(index);
  if (house.node === undefined) return;
  village.note("crash");
  await village.drive(house.crash());
}

/** At least one of so many, and not all. */
function someOf(houses: number, draw: number): number[] {
  const all = Array.from({ length: houses }, (_, index) => index);
  const drawn = all.filter((index) => ((draw >> (index % 31)) & 1) === 1);
  return drawn.length === 0 || drawn.length === houses ? [draw % houses] : drawn;
}

/** A machine that is up already stays up; one that can't start stays down until the next try. */
export async function boot(village: StoryVillage, index: number): Promise<void> {
  const house = village.house(index);
  if (house.node !== undefined) return;
  try {
    await village.drive(house.open());
    house.start();
  } catch (error) {
    if (!isAgentError(error, "DISK_FULL")) throw error;
    // Who has no identity yet can't make one on a full disk; whoever has one must serve what is there.
    if (house.hasLived) village.mishaps.push(`house ${index} does not start while its disk is full`);
  }
}

async function comeBack(village: StoryVillage, index: number, backup: readonly Change[]): Promise<void> {
  // Nothing was on the disk yet: that is a new machine, and none that contradicts itself.
  if (backup.length === 0) return;
  const house = village.house(index);
  await crash(village, index);
  await house.disk.restore(backup);
  await boot(village, index);
  const author = house.node?.shard.author.id;
  if (author !== undefined) village.restored.add(toHex(author));
  village.note("backup");
  village.troubled.add(index);
}
