/** Neighbours that lie about the index: what is true comes all the same, and lies cost little. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../../src/sim/topology.ts";
import type { Message } from "../../../src/wire/messages.ts";
import { openStranger, type StrangerRig } from "../../fakes/stranger.ts";

const MINUTE_MS = 60_000;
const random = seededRandom("index liars");

describe("a node beside a liar", () => {
  let rig: StrangerRig;

  beforeEach(async () => {
    rig = await openStranger(random);
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const count = (type: Message["type"]): number => rig.heard.filter((message) => message.type === type).length;

  test("that makes up authors without end, and slots of them, still asks for the log that another has", async () => {
    const other = await rig.neighbour();
    await other.put("first", random.bytes(100));
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 1, 30 * MINUTE_MS);
    const lying = new AbortController();
    rig.onHeard = async (message) => {
      if (!lying.signal.aborted && message.type === "want") await rig.say(madeUp("repair"));
    };
    const lie = async (): Promise<void> => {
      while (!lying.signal.aborted) {
        await rig.say(madeUp("beacon"));
        await rig.clock.sleep(4_000, lying.signal);
      }
    };
    const lies = lie();
    await rig.clock.advance(20 * MINUTE_MS);
    // Its push goes unheard: the node has to ask.
    for (const index of [0, 1]) rig.ether.setLink({ a: nodeNumber(index), b: nodeNumber(2), loss: 1 });
    for (let i = 0; i < 12; i++) await other.put(`second ${i}`, random.bytes(100));
    await rig.clock.advance(MINUTE_MS);
    for (const index of [0, 1]) rig.ether.setLink({ a: nodeNumber(index), b: nodeNumber(2), loss: 0 });
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 13, 10 * MINUTE_MS);
    expect(rig.node.shard.stats().files).toBe(13);
    lying.abort();
    await rig.clock.advance(1);
    await lies;
  });

  test("that makes up authors without end asks it a bounded number of times an hour", async () => {
    rig.onHeard = async (message) => {
      if (message.type === "want" || message.type === "pull") await rig.say(madeUp("repair"));
    };
    for (let second = 0; second < 3 * 3_600; second += 20) {
      await rig.say(madeUp("beacon"));
      await rig.clock.advance(20_000);
    }
    const asked = count("want") + count("pull");
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(3 * 160);
  });

  test("that mixes false slots among true ones is found out, and the log comes all the same", async () => {
    const other = await rig.neighbour();
    await other.put("first", random.bytes(100));
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 1, 30 * MINUTE_MS);
    for (const index of [0, 1]) rig.ether.setLink({ a: nodeNumber(index), b: nodeNumber(2), loss: 1 });
    for (let i = 0; i < 30; i++) await other.put(`second ${i}`, random.bytes(100));
    await rig.clock.advance(MINUTE_MS);
    for (const index of [0, 1]) rig.ether.setLink({ a: nodeNumber(index), b: nodeNumber(2), loss: 0.7 });
    rig.onHeard = async (message) => {
      // About the same as the truth, before and after it.
      if (message.type !== "beacon" && message.type !== "repair") return;
      const { holdings } = message;
      if (holdings.rows.length + holdings.strangers.length === 0) return;
      await rig.say({ type: "repair", holdings, seed: random.bytes(1)[0] ?? 0, left: 0, coded: random.bytes(96) });
    };
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 31, 30 * MINUTE_MS);
    expect(rig.node.shard.stats().files).toBe(31);
    expect(rig.node.exchange.counters()["slots_false"]).toBe(1);
    expect(rig.node.exchange.liars()).toMatchObject([{ radio: nodeNumber(1) }]);
  });

  test("that speaks of bases that do not exist makes it ask for everything ten times an hour at most", async () => {
    await rig.node.put("first", random.bytes(100));
    for (let second = 0; second < 3 * 3_600; second += 20) {
      const holdings = { base: 1 + (second % 0xffff), partial: false, rows: [], strangers: [] };
      await rig.say({ type: "beacon", sender: random.bytes(4), holdings });
      await rig.clock.advance(20_000);
    }
    expect(count("pull")).toBeGreaterThan(0);
    expect(count("pull")).toBeLessThanOrEqual(4 * 10);
    // Nor does the node repeat without end what it holds.
    expect(count("beacon")).toBeLessThan(200);
  });
});

/** Forty authors that do not exist, with all the slots that there is room for. */
function madeUp(type: "beacon" | "repair"): Message {
  const strangers = Array.from({ length: type === "beacon" ? 32 : 8 }, () => ({
    author: random.bytes(4),
    from: 0,
    delta: 14,
    slots: 32,
  })).sort((a, b) => Buffer.compare(a.author, b.author));
  const holdings = { base: 0, partial: true, rows: [], strangers };
  if (type === "beacon") return { type, sender: random.bytes(4), holdings };
  return { type, seed: 7, left: 0, holdings, coded: random.bytes(16 * 3) };
}
