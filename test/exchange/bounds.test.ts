/** What strangers may cost: a node's airtime is bounded, whatever they ask and claim. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../src/dag/cid.ts";
import type { Modem } from "../../src/ports/modem.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { fullMesh, nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import { silentLog } from "../fakes/log.ts";

const MINUTE_MS = 60_000;
const random = seededRandom("bounds");
const region = { region: "US", preset: "LongFast" };

describe("a node beside a stranger", () => {
  let clock: VirtualClock;
  let ether: Ether;
  let node: SimNode;
  let stranger: Modem;
  let heard: Message[];
  let stop: AbortController;
  let lives: Promise<unknown>[];

  beforeEach(async () => {
    clock = new VirtualClock();
    ether = openEther({ clock, random, modulation: PRESETS.ShortFast, links: fullMesh(2) });
    const modem = openEtherModem({ ether, nodeNumber: nodeNumber(0), random, ...region });
    stranger = openEtherModem({ ether, nodeNumber: nodeNumber(1), random, ...region });
    const wishes = { preset: "ShortFast", region: "auto", hopLimit: 3, share: 1 };
    node = await openSimNode({ name: "node", modem, clock, random, log: silentLog, wishes });
    stop = new AbortController();
    heard = [];
    lives = [node.run(stop.signal), stranger.run(stop.signal), listen()];
  });

  afterEach(async () => {
    stop.abort();
    await clock.advance(1);
    await Promise.all(lives);
    await ether[Symbol.asyncDispose]();
  });

  async function listen(): Promise<void> {
    for (;;) {
      const packet = await stranger.receive(stop.signal);
      if (packet === undefined) return;
      const message = decodeMessage(packet.payload);
      if (message.ok) heard.push(message.value);
    }
  }

  async function say(message: Message): Promise<void> {
    const packet = { to: BROADCAST, port: PRIVATE_APP, payload: encodeMessage(message), hopLimit: 0 };
    await stranger.send(packet, stop.signal);
  }

  const count = (type: Message["type"]): number => heard.filter((message) => message.type === type).length;

  test("who asks for a block for an hour on end gets a bounded number of symbols, then none, and later some again", async () => {
    const content = random.bytes(1_000);
    await node.put("file", content);
    const get: Message = { type: "get", prefix: sha256(content).subarray(0, 8), symbols: 255 };
    for (let second = 0; second < 3_000; second += 10) {
      await say(get);
      await clock.advance(10_000);
    }
    const inAnHour = count("coded");
    // 5 symbols are the file: 12 times that, and 24.
    expect(inAnHour).toBeGreaterThan(20);
    expect(inAnHour).toBeLessThanOrEqual(12 * 5 + 24);
    expect(node.exchange.counters()["gets_refused_budget"]).toBeGreaterThan(0);
    await clock.advance(60 * MINUTE_MS);
    await say(get);
    await clock.advance(MINUTE_MS);
    expect(count("coded")).toBeGreaterThan(inAnHour);
  });

  test("who asks for entries for hours on end gets a bounded number of packets in each", async () => {
    await node.put("file", random.bytes(100));
    const { id: author } = node.shard.author;
    for (let second = 0; second < 3_000; second += 10) {
      await say({ type: "want", author, first: 1, count: 2 });
      await clock.advance(10_000);
    }
    expect(count("update")).toBeGreaterThan(20);
    expect(count("update")).toBeLessThanOrEqual(12 + 24);
    expect(node.exchange.counters()["wants_refused_budget"]).toBeGreaterThan(0);
  });

  test("claims about authors whom nobody knows are asked after in small numbers, and given up", async () => {
    for (let i = 0; i < 40; i++) {
      const vector = Array.from({ length: 16 }, () => ({ author: random.bytes(8), count: 0xffff_fff0 }));
      await say({ type: "beacon", sender: random.bytes(8), partial: true, vector });
      await clock.advance(5_000);
    }
    await clock.advance(24 * 60 * MINUTE_MS);
    const asked = new Set(heard.flatMap((message) => (message.type === "want" ? [String(message.author)] : [])));
    expect(asked.size).toBeGreaterThan(0);
    expect(asked.size).toBeLessThan(100);
    expect(count("want")).toBeLessThan(100 * 20);
    expect(node.exchange.counters()["wants_given_up"]).toBeGreaterThan(0);
    expect(node.exchange.neighbours().length).toBeLessThanOrEqual(256);
  });

  test("symbols that lie about a block's length or content do not keep it from arriving", async () => {
    const content = random.bytes(900);
    const prefix = sha256(content).subarray(0, 8);
    const other = await neighbour();
    await other.put("wanted.bin", content);
    await clock.runUntil(() => node.shard.stats().files === 1, 30 * MINUTE_MS);
    const [row] = await node.shard.resolve("wanted.bin");
    const transfer = await node.exchange.fetch(row!);
    for (let i = 0; i < 6; i++) {
      await say({ type: "coded", prefix, blockBytes: 900 + i, index: i, symbol: random.bytes(180 + (i % 3)) });
      await say({ type: "coded", prefix, blockBytes: 900, index: 200 + i, symbol: random.bytes(180) });
      await clock.advance(1_000);
    }
    await clock.runUntil(() => transfer!.ended, 300 * MINUTE_MS);
    expect(transfer!.report().state).toBe("done");
    expect(await node.shard.readFile(row!.cid)).toEqual(content);
  });

  async function neighbour(): Promise<SimNode> {
    for (const other of [0, 1]) ether.setLink({ a: nodeNumber(other), b: nodeNumber(2), loss: 0 });
    const modem = openEtherModem({ ether, nodeNumber: nodeNumber(2), random, ...region });
    const wishes = { preset: "ShortFast", region: "auto", hopLimit: 3, share: 1 };
    const other = await openSimNode({ name: "other", modem, clock, random, log: silentLog, wishes });
    lives.push(other.run(stop.signal));
    return other;
  }
});
