/** Questions for everything: what the asker names, base and counts, decides what it gets. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { overFor } from "../../../src/exchange/index/offers.ts";
import { NOTHING, tagPart } from "../../../src/exchange/index/vector.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../../src/sim/topology.ts";
import type { Pull } from "../../../src/wire/pull.ts";
import { openStranger, type StrangerRig } from "../../fakes/stranger.ts";

const MINUTE_MS = 60_000;
const random = seededRandom("pulls");
let rig: StrangerRig;

beforeEach(async () => {
  rig = await openStranger(random);
  // Two entries lasted, and are a base; the third is news beyond it.
  await rig.node.put("first", random.bytes(100));
  await rig.clock.advance(10 * MINUTE_MS);
  await rig.node.put("second", random.bytes(100));
  await rig.clock.advance(10 * MINUTE_MS);
  rig.heard.length = 0;
});

afterEach(() => rig[Symbol.asyncDispose]());

/** What a node with so many entries of the log is told, who says that it knows the base of two. */
async function toldTo(count: number): Promise<unknown[]> {
  const { id } = rig.node.shard.author;
  const vector = count === 0 ? [] : [{ author: id.subarray(0, 4), count }];
  const pull: Pull = { type: "pull", tries: 0, bases: [tagPart(id, 2)], partial: false, vector };
  await rig.say(pull);
  await rig.clock.advance(MINUTE_MS);
  return rig.heard.flatMap((message) => (message.type === "repair" ? [message.holdings] : []));
}

test("who holds the base and no more gets what came since, over that base", async () => {
  const [told] = await toldTo(2);
  expect(told).toMatchObject({ base: tagPart(rig.node.shard.author.id, 2), rows: [{ number: 0, delta: 1 }] });
});

test("who holds all that came since the base gets nothing", async () => {
  expect(await toldTo(3)).toEqual([]);
});

test("who names a base, and less than is in it, hears what there is, and can ask for the less by name", async () => {
  expect(await toldTo(1)).toEqual([]);
  const told = rig.heard.flatMap((message) => (message.type === "beacon" ? [message.holdings] : []));
  expect(told[0]).toMatchObject({ base: 0, strangers: [{ from: 0, delta: 3 }] });
});

test("of a log that is too long for one offer over the base, who holds the beginning is told the rest alone", () => {
  const lack = (count: number, from: number) => [{ member: { hex: "00", id: new Uint8Array(8), count }, from }];
  expect(overFor(NOTHING, lack(400, 315))).toEqual({ base: NOTHING, lacks: lack(400, 315) });
  expect(overFor(NOTHING, lack(400, 0))).toBe(NOTHING);
  expect(overFor(NOTHING, lack(40, 31))).toBe(NOTHING);
});

test("who asks by name for a log that it lacks gets that one, whole, and nothing else", async () => {
  const other = await rig.neighbour();
  await other.put("theirs", random.bytes(100));
  await rig.clock.runUntil(() => rig.node.shard.authors().length === 2, 30 * MINUTE_MS);
  await rig.clock.advance(30 * MINUTE_MS);
  rig.ether.setLink({ a: nodeNumber(1), b: nodeNumber(2), loss: 1 });
  rig.heard.length = 0;
  const { id } = other.shard.author;
  await rig.say({
    type: "pull",
    tries: 0,
    bases: [],
    partial: true,
    vector: [{ author: id.subarray(0, 4), count: 0 }],
  });
  await rig.clock.advance(10_000);
  const told = rig.heard.flatMap((message) => (message.type === "repair" ? [message] : []));
  expect(told.length).toBeGreaterThan(0);
  for (const { holdings } of told)
    expect(holdings).toMatchObject({ base: 0, rows: [], strangers: [{ from: 0, delta: 2 }] });
  const slots = told[0]?.holdings.strangers[0]?.slots ?? 0;
  const coded = told.reduce((sum, message) => sum + message.coded.length / 16, 0);
  expect(coded).toBeGreaterThanOrEqual(slots);
});

test("who asks what there is hears a list of it, and no slots", async () => {
  await rig.say({ type: "pull", tries: 0, bases: [], partial: true, vector: [] });
  await rig.clock.advance(10_000);
  expect(rig.heard.filter(({ type }) => type === "repair")).toEqual([]);
  const [told] = rig.heard.flatMap((message) => (message.type === "beacon" ? [message.holdings] : []));
  expect(told).toMatchObject({ base: 0, strangers: [{ from: 0, delta: 3 }] });
});
