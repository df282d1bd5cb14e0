/**
 * Plays a story: opens its village, lets people do what they do and troubles come, waits until all is well again, and
 * looks whether the laws hold. The same story and seed give the same run.
 * @module
 */
import { DEFAULT_POLICY } from "../exchange/files/policy.ts";
import type { ScenarioOptions, ScenarioReport } from "../kernel/simulation.ts";
import { LinkedAbort } from "../kernel/service.ts";
import type { Random } from "../ports/random.ts";
import { regionNamed } from "../radio/region.ts";
import { befallenIn } from "./befallen.ts";
import { openEtherModem } from "./ether-modem.ts";
import { invariantsOf, watchGrowth } from "./invariants.ts";
import { fileName } from "./scenario-files.ts";
import { randomStory } from "./random-story.ts";
import { reportOf, type Scenario, type Watcher } from "./scenario-types.ts";
import { drawBelow, seededRandom } from "./seeded-random.ts";
import { SimVillage } from "./sim-village.ts";
import { Sky } from "./sky.ts";
import { StoryVillage } from "./story-village.ts";
import type { Story } from "./story.ts";
import { Stranger } from "./stranger.ts";
import { distances, roadsOf, sidesOf, twoVillages } from "./terrain.ts";
import { nodeNumber } from "./topology.ts";
import { boot, happeningsOf, type Happening } from "./troubles.ts";

const MINUTE_MS = 60_000;
/** How often it is looked whether all is well. */
const LOOK_MS = 30_000;
const SYNC_MS = 8;
/** The machine that moves between two villages takes along what it can. */
const CARRIER = { ...DEFAULT_POLICY, carryBytes: 1_000_000 };

/** A story as one of the simulator's scenarios; the caller's options win over what the story says. */
export function storyScenario(story: Story): Scenario {
  const limitMs = (story.minutes / 60 + story.patienceHours) * 3_600_000;
  return {
    name: story.name,
    about: story.about,
    takes: ["nodes", "entries", "lossRatio"],
    defaults: {
      nodes: story.houses,
      entries: story.puts,
      lossRatio: story.lossRatio,
      symbols: 16,
      seed: 1,
      limitMs,
    },
    run: ({ nodes: houses, entries: puts, lossRatio, seed, ...rest }, watcher) =>
      playStory(
        { ...story, houses, puts, lossRatio },
        { nodes: houses, entries: puts, lossRatio, seed, ...rest },
        watcher,
      ),
  };
}

/** A story drawn from the seed itself. Of the options, only seed and limit count. */
export const RANDOM: Scenario = {
  ...storyScenario(randomStory(1)),
  name: "random",
  takes: [],
  run: (options, watcher) => {
    const story = randomStory(options.seed);
    return storyScenario(story).run({ ...storyScenario(story).defaults, seed: options.seed }, watcher);
  },
};

async function playStory(story: Story, options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const random = seededRandom(`${options.seed}/story`);
  const { houses, terrain, lossRatio, strangers, minutes, patienceHours } = story;
  const village = await openVillage(story, options.seed);
  await using closing = new AsyncDisposableStack();
  closing.use(village);
  village.onSent(watcher);
  const all = houses + strangers.length;
  const roads = roadsOf(terrain, houses, random);
  const strangersRoads = strangers.flatMap((_, i) => village.houses.map(({ index }) => [index, houses + i] as const));
  const sky = new Sky(village.ether, { houses: all, roads: [...roads, ...strangersRoads], lossRatio });
  sky.lay([...roads, ...strangersRoads]);
  const far = distances(roads, houses);
  const told = new StoryVillage(
    village,
    sky,
    (a, b) => story.carries || (far[a]?.[b] ?? Number.POSITIVE_INFINITY) <= story.hopLimit + 1,
  );
  if (terrain === "two-villages") told.sides = sidesOf(houses);
  // Whose clock is a day ahead rightly takes an alert for over.
  told.alertsCount = !story.troubles.some(({ kind }) => kind === "clock-jump");
  if (story.inStep) await village.bringInStep();
  for (const house of village.houses) if (house.node !== undefined) house.start();
  using stop = new LinkedAbort(new AbortController().signal);
  const lives = story.strangers.map((_, i) => stranger(told, story, i, options.seed).run(stop.signal));
  const startMs = village.clock.monotonicMs();
  village.countFromNow();
  await happen(told, [...happeningsOf(story, random), ...deedsOf(story, random), ...journeysOf(story)], startMs);
  if (!story.staying) stop.abort();
  const well = await untilWell(told, story, startMs + minutes * MINUTE_MS + patienceHours * 60 * MINUTE_MS);
  stop.abort();
  await told.drive(Promise.all(lives));
  const law = { dutyCycle: regionNamed(story.region).dutyCycle, share: story.share };
  const invariants = await told.drive(invariantsOf(told, well, law));
  const befallen = befallenIn(told);
  return reportOf(village, {
    scenario: story.name,
    options,
    startMs,
    boundMs: null,
    complete: well,
    invariants,
    befallen,
  });
}

async function openVillage(story: Story, seed: number): Promise<SimVillage> {
  const { houses: count, preset, region, hopLimit, share, skewPpm, newcomers, firmware } = story;
  return SimVillage.open({
    seed,
    count,
    links: [],
    preset,
    region,
    hopLimit,
    share,
    firmware,
    skewPpm,
    syncMs: SYNC_MS,
    closed: newcomers,
    extras: (index) => Promise.resolve(story.carries && index === count - 1 ? { policy: CARRIER } : {}),
  });
}

function stranger(
  told: StoryVillage,
  { houses, strangers, preset, region, hopLimit }: Story,
  i: number,
  seed: number,
): Stranger {
  const { village } = told;
  const number = nodeNumber(houses + i);
  const random = seededRandom(`${seed}/stranger/${i}`);
  const modem = openEtherModem({ ether: village.ether, nodeNumber: number, random, region, preset });
  return new Stranger({ modem, clock: village.clock, random, habit: strangers[i] ?? "garbage", hopLimit });
}

/** In the order of time, and of the list where times are equal. */
async function happen(told: StoryVillage, happenings: readonly Happening[], startMs: number): Promise<void> {
  const { clock } = told.village;
  for (const { atMs, happen: begin } of happenings.toSorted((a, b) => a.atMs - b.atMs)) {
    await clock.advance(Math.max(startMs + atMs - clock.monotonicMs(), 0));
    told.village.check();
    watchGrowth(told);
    await begin(told);
  }
}

async function untilWell(told: StoryVillage, story: Story, limitMs: number): Promise<boolean> {
  const { clock } = told.village;
  const journeys = journeysFrom(story, clock.monotonicMs(), limitMs);
  for (let next = journeys.shift(); !(await told.isWell());) {
    if (clock.monotonicMs() >= limitMs) return false;
    await clock.advance(LOOK_MS);
    told.village.check();
    for (const { index } of told.village.houses) await boot(told, index);
    watchGrowth(told);
    while (next !== undefined && next.atMs <= clock.monotonicMs()) {
      await next.happen(told);
      next = journeys.shift();
    }
  }
  return true;
}

/** Puts, wishes and alerts at random moments; newcomers in the middle. */
function deedsOf({ puts, gets, alerts, houses, minutes, fileBytes, newcomers }: Story, random: Random): Happening[] {
  const moment = (): number => drawBelow(random, minutes * MINUTE_MS);
  const put = (i: number): Happening => {
    const name = fileName(random, i);
    const house = drawBelow(random, houses);
    const content = random.bytes(fileBytes.least + drawBelow(random, fileBytes.most - fileBytes.least + 1));
    return { atMs: moment(), what: `put ${name}`, happen: (told) => told.put(house, name, content) };
  };
  const want = (): Happening => {
    const [house, which] = [drawBelow(random, houses), drawBelow(random, 2 ** 31)];
    return {
      atMs: moment(),
      what: `house ${house} wants a file`,
      happen: (told) => told.wish(house, which),
    };
  };
  const warn = (): Happening => {
    const house = drawBelow(random, houses);
    return { atMs: moment(), what: `house ${house} warns all`, happen: (told) => told.warn(house) };
  };
  const arrive = (i: number): Happening => ({
    atMs: (minutes * MINUTE_MS) / 2,
    what: `house ${houses - 1 - i} is new`,
    happen: (told) => boot(told, houses - 1 - i),
  });
  return [
    ...Array.from({ length: puts }, (_, i) => put(i)),
    ...Array.from({ length: gets }, want),
    ...Array.from({ length: alerts }, warn),
    ...Array.from({ length: newcomers }, (_, i) => arrive(i)),
  ];
}

function journeysOf(story: Story): Happening[] {
  return journeysFrom(story, 0, story.minutes * MINUTE_MS);
}

/** In `two-villages` the last house changes sides every so often. Moments are absolute: `fromMs` … `untilMs`. */
function journeysFrom({ terrain, houses, stayMinutes }: Story, fromMs: number, untilMs: number): Happening[] {
  if (terrain !== "two-villages") return [];
  const stayMs = stayMinutes * MINUTE_MS;
  return Array.from({ length: Math.max(Math.floor((untilMs - fromMs) / stayMs), 0) }, (_, i) => ({
    atMs: fromMs + (i + 1) * stayMs,
    what: "the carrier moves",
    happen: ({ sky }) => sky.lay(twoVillages(houses, i % 2 === 0 ? 1 : 0)),
  }));
}
