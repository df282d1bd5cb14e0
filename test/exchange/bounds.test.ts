/** What strangers may cost: a node's airtime is bounded, whatever they ask and claim. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { referenceToPush } from "../../src/exchange/index/reference.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import type { Message } from "../../src/wire/messages.ts";
import { beaconOf } from "../fakes/beacon.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { openStranger, type StrangerRig } from "../fakes/stranger.ts";

const MINUTE_MS = 60_000;
const random = seededRandom("bounds");

describe("a node beside a stranger", () => {
  let rig: StrangerRig;

  beforeEach(async () => {
    rig = await openStranger(random);
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const count = (type: Message["type"]): number => rig.heard.filter((message) => message.type === type).length;

  test("who asks for slots for hours on end gets a bounded number of packets in each", async () => {
    await rig.node.put("file", random.bytes(100));
    for (let second = 0; second < 3_000; second += 10) {
      await rig.say({ type: "want", re: referenceToPush(rig.node.shard.author.id, 2), slots: 1_023, tries: 2 });
      await rig.clock.advance(10_000);
    }
    expect(count("repair")).toBeGreaterThan(0);
    expect(count("repair")).toBeLessThanOrEqual(12 * 86 + 24);
    expect(rig.node.exchange.counters()["wants_refused_budget"]).toBeGreaterThan(0);
  });

  test("who asks for everything for hours on end gets a bounded number of packets in each", async () => {
    await rig.node.put("file", random.bytes(100));
    for (let second = 0; second < 3_000; second += 10) {
      await rig.say({ type: "pull", tries: 3, bases: [], partial: false, vector: [] });
      await rig.clock.advance(10_000);
    }
    expect(count("repair")).toBeGreaterThan(0);
    expect(count("repair")).toBeLessThanOrEqual(12 * 10 + 24);
    expect(rig.node.exchange.counters()["wants_refused_budget"]).toBeGreaterThan(0);
  });

  test("claims about authors whom nobody knows are asked after in small numbers, and given up", async () => {
    for (let i = 0; i < 40; i++) {
      const vector = Array.from({ length: 16 }, () => ({ author: random.bytes(8), count: 0xfff0 }));
      await rig.say(beaconOf(random.bytes(8), vector));
      await rig.clock.advance(5_000);
    }
    for (let i = 0; i < 5; i++) {
      await rig.say(beaconOf(random.bytes(8), [{ author: random.bytes(8), count: 3 }]));
      await rig.clock.advance(5_000);
    }
    await rig.clock.advance(24 * 60 * MINUTE_MS);
    expect(count("want")).toBeGreaterThan(0);
    expect(count("want")).toBeLessThan(200);
    expect(rig.node.exchange.counters()["wants_given_up"]).toBeGreaterThan(0);
    expect(rig.node.exchange.neighbours().length).toBeLessThanOrEqual(256);
  });

  test("two packets that announce a long, slow burst don't keep others silent for hours", async () => {
    const other = await rig.neighbour();
    await other.put("first", random.bytes(100));
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 1, 30 * MINUTE_MS);
    for (const left of [63, 62]) {
      await rig.say(burstPacket(other.shard.author.id, left));
      await rig.clock.advance(9 * MINUTE_MS);
    }
    await misses(() => other.put("second", random.bytes(100)));
    const before = rig.clock.monotonicMs();
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 2, 30 * 60 * MINUTE_MS);
    expect(rig.clock.monotonicMs() - before).toBeLessThan(30 * MINUTE_MS);
  });

  test("sixty authors whom one node alone knows come to its neighbour, though they don't fit one packet's list", async () => {
    for (let i = 0; i < 60; i++) {
      await rig.say(introductionOf(authorFromSeed(random.bytes(32))));
      await rig.clock.advance(2_000);
    }
    expect(rig.node.shard.authors()).toHaveLength(61);
    const other = await rig.neighbour();
    await other.put("first", random.bytes(100));
    await rig.clock.runUntil(() => other.shard.authors().length === 62, 12 * 60 * MINUTE_MS);
    expect(other.shard.authors()).toHaveLength(62);
  });

  test("a log that is too long for one offer comes to a newcomer all the same, part after part", async () => {
    for (let i = 0; i < 160; i++) await rig.node.put(Buffer.from(random.bytes(32)).toString("hex"), random.bytes(100));
    const other = await rig.neighbour();
    await rig.clock.runUntil(() => other.shard.stats().files === 160, 3 * 60 * MINUTE_MS);
    expect(other.shard.stats().files).toBe(160);
  });

  /** What is said meanwhile does not reach the node, by relays neither. */
  async function misses(what: () => Promise<unknown>): Promise<void> {
    const link = (loss: number): void => {
      for (const other of [1, 2]) rig.ether.setLink({ a: nodeNumber(0), b: nodeNumber(other), loss });
    };
    link(1);
    await what();
    await rig.clock.advance(MINUTE_MS);
    link(0);
  }
});

/** One slot of a stream that everybody has. */
function burstPacket(author: Uint8Array, left: number): Message {
  const strangers = [{ author: author.subarray(0, 4), from: 0, delta: 1, slots: 7 }];
  const holdings = { base: 0, partial: true, rows: [], strangers };
  return { type: "repair", seed: 7, left, holdings, coded: random.bytes(16) };
}
