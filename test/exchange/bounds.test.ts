/** What strangers may cost: a node's airtime is bounded, whatever they ask and claim. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { Message } from "../../src/wire/messages.ts";
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

  test("who asks for entries for hours on end gets a bounded number of packets in each", async () => {
    await rig.node.put("file", random.bytes(100));
    const { id: author } = rig.node.shard.author;
    for (let second = 0; second < 3_000; second += 10) {
      await rig.say({ type: "want", author, first: 1, count: 2 });
      await rig.clock.advance(10_000);
    }
    expect(count("update")).toBeGreaterThan(20);
    expect(count("update")).toBeLessThanOrEqual(12 + 24);
    expect(rig.node.exchange.counters()["wants_refused_budget"]).toBeGreaterThan(0);
  });

  test("claims about authors whom nobody knows are asked after in small numbers, and given up", async () => {
    for (let i = 0; i < 40; i++) {
      const vector = Array.from({ length: 16 }, () => ({ author: random.bytes(8), count: 0xffff_fff0 }));
      await rig.say({ type: "beacon", sender: random.bytes(8), partial: true, vector });
      await rig.clock.advance(5_000);
    }
    await rig.clock.advance(24 * 60 * MINUTE_MS);
    const asked = new Set(rig.heard.flatMap((message) => (message.type === "want" ? [String(message.author)] : [])));
    expect(asked.size).toBeGreaterThan(0);
    expect(asked.size).toBeLessThan(100);
    expect(count("want")).toBeLessThan(100 * 20);
    expect(rig.node.exchange.counters()["wants_given_up"]).toBeGreaterThan(0);
    expect(rig.node.exchange.neighbours().length).toBeLessThanOrEqual(256);
  });
});
