/** Scenarios: they reach their goals, replay exactly, and their laws can be broken. */
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/kernel/bytes.ts";
import { stormNotice } from "../../src/sim/scenario-alerts.ts";
import { invariantsOf } from "../../src/sim/invariants.ts";
import { runScenario, SIMULATOR } from "../../src/sim/scenario.ts";
import { SimVillage } from "../../src/sim/sim-village.ts";
import { Sky } from "../../src/sim/sky.ts";
import { StoryVillage } from "../../src/sim/story-village.ts";
import { roadsOf } from "../../src/sim/terrain.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";

const LAW = { dutyCycle: 1, share: 0.5 };

describe("a scenario", () => {
  test("index ends with everybody knowing everything, and costs more than the bound", async () => {
    const report = await runScenario({ scenario: "index", nodes: 4, entries: 12, lossRatio: 0.3 });
    expect(report).toMatchObject({ scenario: "index", complete: true, seed: 1, nodes: 4, entries: 12, lossRatio: 0.3 });
    expect(report.ratio).toBeGreaterThan(1);
    expect(report.airMs).toBeCloseTo((report.ratio ?? 0) * (report.boundMs ?? 0), 3);
    const counted = Object.values(report.byMessage);
    expect(counted.reduce((all, { packets }) => all + packets, 0)).toBe(report.packets);
    expect(counted.reduce((all, { airMs }) => all + airMs, 0)).toBeCloseTo(report.airMs, 3);
  });

  test("file-20 without loss sends each of its symbols about once", async () => {
    const report = await runScenario({ scenario: "file-20", nodes: 4, symbols: 5, lossRatio: 0 });
    expect(report.complete).toBe(true);
    const coded = report.byMessage["coded"]?.packets ?? 0;
    expect(coded).toBeGreaterThanOrEqual(5);
    expect(coded).toBeLessThan(8);
  });

  test.each([
    // More authors than one PULL can name.
    { scenario: "newcomer-60", nodes: 3, entries: 70 },
    { scenario: "cold-start", nodes: 6 },
    { scenario: "private-village", nodes: 4 },
    { scenario: "phone-asks" },
    { scenario: "attest", nodes: 3 },
  ])("$scenario ends well", async (options) => {
    const { complete, invariants } = await runScenario({ seed: 1, ...options });
    expect(invariants.filter(({ held }) => !held)).toEqual([]);
    expect(complete).toBe(true);
  });

  test.each(["index", "hurricane", "random", "attest"])(
    "%s replays exactly from its seed, and only from that",
    async (scenario) => {
      const small = { scenario, nodes: 4, entries: 6 };
      const [once, again, other] = [
        await runScenario({ ...small, seed: 3 }),
        await runScenario({ ...small, seed: 3 }),
        await runScenario({ ...small, seed: 4 }),
      ];
      expect(again).toEqual(once);
      expect(other.traceHash).not.toBe(once.traceHash);
    },
  );

  test("attest tells the packets of each attestation: two where nothing is lost", async () => {
    const { measured, byMessage } = await runScenario({ scenario: "attest", nodes: 3, entries: 6, lossRatio: 0 });
    expect(measured).toEqual({ "packets an attestation": [2, 2, 2, 2, 2, 2] });
    expect([byMessage["probe"]?.packets, byMessage["proof"]?.packets]).toEqual([6, 6]);
  });

  test("that nobody knows is an error that names those that there are", async () => {
    await expect(runScenario({ scenario: "flood" })).rejects.toMatchObject({ code: "SCENARIO_UNKNOWN" });
  });

  test("has a name of its own and a sentence", () => {
    const names = SIMULATOR.scenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(12);
    for (const { about } of SIMULATOR.scenarios) expect(about).toMatch(/^[A-Z].+\.$/);
  });
});

const MEASURED = new Set([
  "index",
  "file-20",
  "file-900",
  "alert-30",
  "idle",
  "cold-start",
  "newcomer-60",
  "private-village",
  "phone-asks",
  "attest",
  "random",
]);
const STORIES = SIMULATOR.scenarios.map(({ name }) => name).filter((name) => !MEASURED.has(name));

describe("every law holds in", () => {
  test.each(STORIES)("%s", async (scenario) => {
    const { invariants, complete } = await runScenario({ scenario, seed: 11, ...smaller(scenario) });
    expect(invariants.filter(({ held }) => !held)).toEqual([]);
    expect(invariants.length).toBeGreaterThan(5);
    expect(complete).toBe(true);
  });
});

/** Thirty houses take half a minute: that is for the bench. */
function smaller(scenario: string): { nodes?: number; entries?: number } {
  return scenario === "village-of-30" ? { nodes: 10, entries: 10 } : {};
}

function isIn(value: Uint8Array | undefined, part: Uint8Array): boolean {
  return value !== undefined && Buffer.from(value).includes(Buffer.from(part));
}

describe("a law that is broken is reported", () => {
  async function village(): Promise<StoryVillage> {
    const cell = { preset: "ShortFast", region: "US", hopLimit: 0, share: 0.5 } as const;
    const houses = await SimVillage.open({ seed: 1, count: 2, links: [], ...cell });
    const roads = roadsOf("cell", 2, seededRandom(1));
    const story = new StoryVillage(houses, new Sky(houses.ether, { houses: 2, roads, lossRatio: 0 }), () => true);
    await houses.bringInStep();
    for (const house of houses.houses) house.start();
    await story.put(0, "note.txt", new Uint8Array(100).fill(7));
    return story;
  }

  async function broken(story: StoryVillage, well = true): Promise<string[]> {
    const laws = await invariantsOf(story, well, LAW);
    await story.village[Symbol.asyncDispose]();
    return laws.filter(({ held }) => !held).map(({ name }) => name);
  }

  test("not when all is well", async () => {
    expect(await broken(await village())).toEqual([]);
  });

  test("what was acknowledged and is gone", async () => {
    const story = await village();
    const [file] = story.promised;
    if (file === undefined) throw new Error("nothing was put");
    story.promised.push({ ...file, name: "other.txt", content: new Uint8Array(100).fill(8) });
    expect(await broken(story)).toEqual(["acknowledged"]);
  });

  test("an entry that its author did not write", async () => {
    const story = await village();
    const [file] = story.promised;
    if (file === undefined) throw new Error("nothing was put");
    story.promised[0] = { ...file, entry: new Uint8Array(file.entry.length) };
    expect(await broken(story)).toEqual(["acknowledged"]);
  });

  test("a house that lacks entries, when the time is up", async () => {
    expect(await broken(await village(), false)).toEqual(["converged"]);
  });

  test("an author who does not live here", async () => {
    const story = await village();
    const stranger = await village();
    const shard = stranger.house(0).agent.shard;
    const other = await SimVillage.open({
      seed: 2,
      count: 1,
      links: [],
      preset: "ShortFast",
      region: "US",
      hopLimit: 0,
      share: 0.5,
    });
    const foreign = other.houses[0]?.agent.shard;
    if (foreign === undefined) throw new Error("no house");
    const { entries, signature } = await foreign.entries(foreign.author.id, 1, 1);
    await story.house(1).agent.shard.merge(foreign.author.id, 1, entries, signature);
    expect(toHex(shard.author.id)).toBe(toHex(story.house(0).agent.shard.author.id));
    expect(await broken(story)).toEqual(["nothing forged"]);
    await stranger.village[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  test("a log that goes on otherwise than its author's own, who came back from a backup that nobody knows of", async () => {
    const story = await village();
    const writer = story.house(0);
    const backup = await writer.disk.backup();
    await story.drive(writer.agent.put("first.txt", Uint8Array.of(1)));
    await story.village.bringInStep();
    await story.drive(writer.crash());
    await writer.disk.restore(backup);
    await story.drive(writer.open());
    writer.start();
    await story.drive(writer.agent.put("second.txt", Uint8Array.of(2)));
    expect(await broken(story)).toEqual(["logs are prefixes"]);
  });

  test("a failure inside an agent whose disk is sound", async () => {
    const story = await village();
    const fails = () => Promise.reject(new Error("a fault of ours"));
    Object.defineProperty(story.house(1).agent.shard, "merge", { value: fails });
    story.sky.lay([[0, 1]]);
    await story.village.clock.advance(600_000);
    expect(await broken(story)).toEqual(["no failures"]);
  });

  test("a machine that does not start while its disk is full", async () => {
    const story = await village();
    story.mishaps.push("house 1 does not start while its disk is full");
    expect(await broken(story)).toEqual(["no failures"]);
  });

  test("an alert that did not come to a house", async () => {
    const story = await village();
    const held = await story.house(0).agent.alerts.issue(stormNotice(story.village.clock.nowMs(), 6));
    story.alerts.set(held.id, held.authorHex);
    expect(await broken(story)).toEqual(["alerts are known"]);
  });

  test("an alert that nobody sent", async () => {
    const story = await village();
    await story.house(0).agent.alerts.issue(stormNotice(story.village.clock.nowMs(), 6));
    expect(await broken(story)).toEqual(["alerts are known"]);
  });

  test("a file that counts as held and is not there", async () => {
    const story = await village();
    const gone = () => Promise.resolve(undefined);
    Object.defineProperty(story.house(0).agent.shard, "readFile", { value: gone });
    expect(await broken(story)).toEqual(["acknowledged", "nothing forged"]);
  });

  test("a file whose bytes were spoiled on disk", async () => {
    const story = await village();
    const content = seededRandom("spoiled").bytes(100);
    await story.put(0, "spoiled.csv", content);
    const { disk, agent } = story.house(0);
    const rows = await disk.backup();
    const spoiled = rows.map(({ key, value }) => ({ key, value: isIn(value, content) ? value?.toReversed() : value }));
    await story.drive(story.house(0).crash());
    await disk.restore(spoiled);
    await story.drive(story.house(0).open());
    story.house(0).start();
    expect(story.house(0).agent).not.toBe(agent);
    expect(await broken(story)).toEqual(["acknowledged"]);
  });

  test("an entry that stays in the one of two villages, and a wanted file that does", async () => {
    const story = await village();
    story.sides = [0, 1];
    expect(await broken(story)).toEqual(["reaches"]);
    const other = await village();
    other.sides = [0, 1];
    // Not of a kind that rides inside its entry.
    await other.put(0, "tide.csv", seededRandom("tide").bytes(400));
    await other.village.bringInStep();
    const file = other.promised.at(-1);
    if (file === undefined) throw new Error("nothing was put");
    expect((await invariantsOf(other, true, LAW)).find(({ name }) => name === "reaches")).toMatchObject({ held: true });
    other.wishes.push({ house: 1, file });
    expect(await broken(other)).toEqual(["reaches"]);
  });

  test("an hour with more air than the budget, wherever the hour begins", async () => {
    const story = await village();
    const quarter = { airtimeUs: 500_000_000 };
    story.sent.set(story.house(1).number, [
      { atMs: 3_000_000, ...quarter },
      { atMs: 4_000_000, ...quarter },
      { atMs: 5_000_000, ...quarter },
      { atMs: 6_599_999, ...quarter },
    ]);
    expect(await broken(story)).toEqual(["air is lawful"]);
  });

  test("a queue that has outgrown its bound", async () => {
    const story = await village();
    story.overgrown.push("house 0: 99 frames wait");
    expect(await broken(story)).toEqual(["bounded"]);
  });
});
