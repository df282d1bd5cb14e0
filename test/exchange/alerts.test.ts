/** Alerts between whole agents on a simulated air: they reach everybody, and nobody can make a storm of them. */
import { describe, expect, test } from "vitest";
import type { HeldAlert } from "../../src/alert/held-alert.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { fullMesh, line, nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { authorNumber, noticeWith, signedBy } from "../fakes/alerts.ts";
import { silentLog } from "../fakes/log.ts";
import { openStranger } from "../fakes/stranger.ts";
import { seeded } from "../fakes/seeded.ts";

const MINUTE_MS = 60_000;

interface Village extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  readonly nodes: SimNode[];
  /** A machine at that radio, running from now on. */
  add(index: number, store?: Store): Promise<SimNode>;
  stop(node: SimNode): Promise<void>;
}

async function openVillage(seed: number, links: AirLink[], agents: readonly number[]): Promise<Village> {
  const clock = new VirtualClock();
  const ether = openEther({ clock, random: seededRandom(seed), modulation: PRESETS.LongFast, links });
  const lives = new Map<SimNode, { readonly stop: AbortController; readonly ended: Promise<void> }>();
  const village: Village = {
    clock,
    ether,
    nodes: [],
    add: async (index, store) => {
      const random = seededRandom(`${seed}/${index}/${lives.size}`);
      const modem = openEtherModem({ ether, nodeNumber: nodeNumber(index), random, region: "US", preset: "LongFast" });
      const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
      const disk = store === undefined ? {} : { store };
      const node = await openSimNode({ name: `node-${index}`, modem, clock, random, log: silentLog, wishes, ...disk });
      const stop = new AbortController();
      lives.set(node, { stop, ended: node.run(stop.signal) });
      village.nodes.push(node);
      return node;
    },
    stop: async (node) => {
      lives.get(node)?.stop.abort();
      await clock.advance(1);
      await lives.get(node)?.ended;
    },
    [Symbol.asyncDispose]: async () => {
      for (const node of lives.keys()) await village.stop(node);
      await ether[Symbol.asyncDispose]();
    },
  };
  for (const index of agents) await village.add(index);
  return village;
}

async function send(
  village: Village,
  node: SimNode,
  changes: Parameters<typeof noticeWith>[0] = {},
): Promise<HeldAlert> {
  const sentUnixS = Math.floor(village.clock.nowMs() / 1000);
  const held = await node.alerts.issue(noticeWith({ sentUnixS, ...changes }));
  node.exchange.alerts.publish(held);
  return held;
}

function holds(node: SimNode, { id }: HeldAlert): boolean {
  return node.alerts.find(id) !== undefined;
}

describe("an alert", () => {
  test.each([
    ["three hops in a row", line(4), [0, 1, 2, 3]],
    ["three hops in a row, half of all lost", line(4, 0.5), [0, 1, 2, 3]],
    ["a cell", fullMesh(6, 0.3), [0, 1, 2, 3, 4, 5]],
    ["over two radios without an agent", line(4, 0.3), [0, 3]],
  ])("reaches everybody: %s", async (_, links, agents) => {
    await using village = await openVillage(1, links, agents);
    await village.clock.advance(2 * MINUTE_MS);
    const held = await send(village, village.nodes[0]!);
    const all = (): boolean => village.nodes.every((node) => holds(node, held));
    expect(await village.clock.runUntil(all, 60 * MINUTE_MS)).toBe(true);
  });

  test("reaches who comes later, who was down, and who was out of reach", async () => {
    await using village = await openVillage(2, fullMesh(3), [0]);
    const store = openMemoryStore();
    const sleeper = await village.add(1, store);
    await village.clock.advance(2 * MINUTE_MS);
    await village.stop(sleeper);
    const held = await send(village, village.nodes[0]!);
    await village.clock.advance(30 * MINUTE_MS);
    const again = await village.add(1, store);
    const newcomer = await village.add(2);
    const both = (): boolean => holds(again, held) && holds(newcomer, held);
    expect(await village.clock.runUntil(both, 30 * MINUTE_MS)).toBe(true);
  });

  test("that was cancelled is over everywhere, and does not come back to a newcomer", async () => {
    await using village = await openVillage(3, fullMesh(3, 0.2), [0, 1]);
    const [sender, other] = village.nodes;
    const held = await send(village, sender!);
    await village.clock.runUntil(() => holds(other!, held), 30 * MINUTE_MS);
    const cancel = await send(village, sender!, { msgType: "Cancel", references: [held.number], expiresS: 86_400 });
    await village.clock.runUntil(() => holds(other!, cancel), 30 * MINUTE_MS);
    expect(other!.alerts.stateOf(other!.alerts.find(held.id)!)).toBe("cancelled");
    // Until the last relays have fallen silent.
    await village.clock.advance(10 * MINUTE_MS);
    const newcomer = await village.add(2);
    await village.clock.runUntil(() => holds(newcomer, cancel), 60 * MINUTE_MS);
    await village.clock.advance(60 * MINUTE_MS);
    expect([holds(newcomer, cancel), holds(newcomer, held)]).toEqual([true, false]);
  });

  test("is said less and less once all have it, and not at all once it is over", async () => {
    await using village = await openVillage(4, fullMesh(5, 0.1), [0, 1, 2, 3, 4]);
    await village.clock.advance(2 * MINUTE_MS);
    await send(village, village.nodes[0]!, { expiresS: 4 * 3600 });
    const lists = (): number =>
      village.nodes.reduce((all, { exchange }) => all + (exchange.counters()["alerts_lists"] ?? 0), 0);
    await village.clock.advance(60 * MINUTE_MS);
    const first = lists();
    await village.clock.advance(60 * MINUTE_MS);
    const second = lists() - first;
    expect(first).toBeLessThan(5 * 25);
    expect(second).toBeLessThan(5 * 8);
    await village.clock.advance(140 * MINUTE_MS);
    const over = lists();
    await village.clock.advance(120 * MINUTE_MS);
    expect(lists() - over).toBe(0);
  });

  test("that nobody sent costs nothing", async () => {
    await using village = await openVillage(5, fullMesh(3), [0, 1, 2]);
    await village.clock.advance(180 * MINUTE_MS);
    for (const { exchange } of village.nodes) expect(exchange.counters()).not.toHaveProperty("alerts_lists");
  });

  test("is known to be seen, and read, by its sender over three hops", async () => {
    await using village = await openVillage(6, line(4, 0.2), [0, 1, 2, 3]);
    const [sender, , , last] = village.nodes;
    await village.clock.advance(2 * MINUTE_MS);
    const held = await send(village, sender!);
    const seen = (): number => sender!.exchange.alerts.seenBy(held).length;
    expect(await village.clock.runUntil(() => seen() === 4, 90 * MINUTE_MS)).toBe(true);
    last!.exchange.alerts.acknowledged(await last!.alerts.acknowledge(held.id));
    const read = (): boolean => sender!.exchange.alerts.seenBy(held).some(({ read }) => read);
    expect(await village.clock.runUntil(read, 90 * MINUTE_MS)).toBe(true);
  });
});

describe("a hostile neighbour", () => {
  test("who forges, floods and lies about alerts causes no failure, no false alert, and little air", async () => {
    const { random, below } = seeded(3);
    await using rig = await openStranger(random);
    const nowS = Math.floor(rig.clock.nowMs() / 1000);
    const true1 = signedBy(authorNumber(7), 1, noticeWith({ sentUnixS: nowS }));
    await rig.say({ type: "alert", ...true1 });
    await rig.clock.advance(5_000);
    for (let i = 0; i < 400; i++) {
      const tags = Array.from({ length: below(20) }, () => below(2 ** 24)).toSorted((a, b) => a - b);
      const forged = { ...true1, number: 2 + below(50), signature: random.bytes(64) };
      if (i % 3 === 0) await rig.say({ type: "alerts", salt: below(65_536), tags: [...new Set(tags)] });
      else if (i % 3 === 1) await rig.say({ type: "alert", ...forged });
      else await rig.say({ type: "seen", alert: random.bytes(4), read: [], held: [below(2 ** 24)] });
      await rig.clock.advance(9_000);
    }
    const { alerts, exchange } = rig.node;
    expect(alerts.list().map(({ number }) => number)).toEqual([1]);
    const counters = exchange.counters();
    expect(counters["alerts_forged"]).toBeGreaterThan(100);
    expect(counters["failures"]).toBeUndefined();
    // An hour of lies: forty repairs and some dozens of lists at most, whatever is said.
    expect(rig.heard.filter(({ type }) => type === "alert").length).toBeLessThanOrEqual(45);
    expect(rig.heard.filter(({ type }) => type === "alerts").length).toBeLessThanOrEqual(80);
  });

  test("who repeats an alert that is over is not heard", async () => {
    const { random } = seeded(4);
    await using rig = await openStranger(random);
    const nowS = Math.floor(rig.clock.nowMs() / 1000);
    const old = signedBy(authorNumber(7), 1, noticeWith({ sentUnixS: nowS, expiresS: 600 }));
    await rig.say({ type: "alert", ...old });
    await rig.clock.advance(30 * 3_600_000);
    expect(rig.node.alerts.list()).toEqual([]);
    await rig.say({ type: "alert", ...old });
    await rig.clock.advance(5_000);
    expect(rig.node.alerts.list()).toEqual([]);
    expect(rig.node.exchange.counters()["alerts_stale"]).toBe(1);
  });
});
