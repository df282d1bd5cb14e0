/** Whole exchanges on a simulated air under a virtual clock: what neighbours offer and ask reaches them. */
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/dag/cid.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { fullMesh, line, nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { runAll } from "../../src/kernel/service.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { silentLog } from "../fakes/log.ts";

const MINUTE_MS = 60_000;

interface Village extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  readonly nodes: readonly SimNode[];
}

function openNode(clock: VirtualClock, ether: Ether, index: number, seed: string): Promise<SimNode> {
  const random = seededRandom(`${seed}/${index}`);
  const modem = openEtherModem({ ether, nodeNumber: nodeNumber(index), random, region: "US", preset: "LongFast" });
  const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
  return openSimNode({ name: `node-${index}`, modem, clock, random, log: silentLog, wishes });
}

/** Agents at the radios of those indices; the others relay only. */
async function openVillage(seed: number, links: AirLink[], agents: readonly number[]): Promise<Village> {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const ether = openEther({ clock, random, modulation: PRESETS.LongFast, links });
  const nodes: SimNode[] = [];
  for (const index of agents) {
    nodes.push(await openNode(clock, ether, index, `${seed}`));
  }
  const stop = new AbortController();
  const running = runAll(nodes, stop.signal);
  return {
    clock,
    ether,
    nodes,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await clock.advance(1);
      await running;
      await ether[Symbol.asyncDispose]();
    },
  };
}

async function names(node: SimNode): Promise<string[]> {
  return (await Array.fromAsync(node.shard.files())).map(({ name }) => name).toSorted();
}

/** Fetches by name and runs the clock until the transfer ends. */
async function fetch(
  village: Village,
  node: SimNode,
  name: string,
): Promise<{ hash: string; state: string; packets: number }> {
  const [row] = await node.shard.resolve(name);
  expect(row, `${name} is announced`).toBeDefined();
  const transfer = await node.exchange.fetch(row!);
  await village.clock.runUntil(() => transfer!.ended, 120 * MINUTE_MS);
  const content = await node.shard.readFile(row!.cid);
  const { state, packets } = transfer!.report();
  return { hash: content === undefined ? "" : toHex(sha256(content)), state, packets };
}

const content = (bytes: number, seed: string): Uint8Array => seededRandom(seed).bytes(bytes);

describe("exchange", () => {
  test.each([0, 0.3])("brings the index of every node to all, in one cell at loss %d", async (loss) => {
    await using village = await openVillage(1, fullMesh(4, loss), [0, 1, 2, 3]);
    for (const [i, node] of village.nodes.entries()) await node.put(`file-${i}.txt`, utf8(`words of ${i}`));
    const all = ["file-0.txt", "file-1.txt", "file-2.txt", "file-3.txt"];
    const level = async (): Promise<boolean> => {
      const lists = await Promise.all(village.nodes.map(names));
      return lists.every((list) => list.join() === all.join());
    };
    for (let minute = 0; minute < 30 && !(await level()); minute++) await village.clock.advance(MINUTE_MS);
    expect(await Promise.all(village.nodes.map(names))).toEqual(village.nodes.map(() => all));
  });

  test("files that were put before a newcomer came reach it", async () => {
    await using village = await openVillage(2, fullMesh(3), [0, 1]);
    const [first] = village.nodes;
    for (let i = 0; i < 12; i++) await first!.put(`old-${i}`, utf8(`old ${i}`));
    await village.clock.advance(10 * MINUTE_MS);
    const newcomer = await openNode(village.clock, village.ether, 2, "new");
    const stop = new AbortController();
    const running = newcomer.run(stop.signal);
    await village.clock.advance(10 * MINUTE_MS);
    expect((await names(newcomer)).length).toBe(12);
    stop.abort();
    await village.clock.advance(1);
    await running;
  });

  test.each([
    ["next door", 1, 0],
    ["next door", 1, 0.3],
    ["three hops away", 3, 0],
    ["three hops away", 3, 0.3],
  ])("fetches 900 bytes from a node %s (%i hops), loss %d on each link, both ways", async (_, hops, loss) => {
    await using village = await openVillage(3, line(hops + 1, loss), [0, hops]);
    const [near, far] = village.nodes;
    await near!.put("near.bin", content(900, "near"));
    await far!.put("far.bin", content(900, "far"));
    await village.clock.runUntil(() => [near!, far!].every(({ shard }) => shard.stats().files === 2), 120 * MINUTE_MS);
    expect(await fetch(village, near!, "far.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(900, "far"))),
    });
    expect(await fetch(village, far!, "near.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(900, "near"))),
    });
  });

  test("fetches a file of several blocks", async () => {
    await using village = await openVillage(4, fullMesh(2, 0.1), [0, 1]);
    await village.nodes[0]!.put("map.bin", content(40_000, "map"));
    await village.clock.advance(5 * MINUTE_MS);
    expect(await fetch(village, village.nodes[1]!, "map.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(40_000, "map"))),
    });
  });

  test("a file that turns out too large for the radio is given up after its manifest, with the reason", async () => {
    await using village = await openVillage(8, fullMesh(2), [0, 1]);
    const [near, far] = village.nodes;
    await far!.put("large.bin", content(200_000, "large"));
    await village.clock.advance(5 * MINUTE_MS);
    const [row] = await near!.shard.resolve("large.bin");
    const transfer = await near!.exchange.fetch({ cid: row!.cid, name: "by its CID", bytes: 0 });
    await village.clock.runUntil(() => transfer!.ended, 60 * MINUTE_MS);
    expect(transfer!.report()).toMatchObject({
      state: "failed",
      detail: expect.stringContaining("too many for the radio"),
    });
  });

  test("an empty file needs no air", async () => {
    await using village = await openVillage(5, fullMesh(2), [0, 1]);
    await village.nodes[0]!.put("empty", new Uint8Array());
    await village.clock.advance(5 * MINUTE_MS);
    expect(await fetch(village, village.nodes[1]!, "empty")).toMatchObject({ state: "done", packets: 0 });
  });

  test("a transfer that nobody answers fails with a sentence, and a second try goes on with the symbols heard", async () => {
    await using village = await openVillage(6, fullMesh(2), [0, 1]);
    const [near, far] = village.nodes;
    await far!.put("far.bin", content(3_000, "far"));
    await village.clock.advance(5 * MINUTE_MS);
    const [row] = await near!.shard.resolve("far.bin");
    const transfer = await near!.exchange.fetch(row!);
    await village.clock.runUntil(() => transfer!.report().packets >= 5, 10 * MINUTE_MS);
    village.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 1 });
    await village.clock.runUntil(() => transfer!.ended, 24 * 60 * MINUTE_MS);
    expect(transfer!.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("nobody in reach") });
    const heard = transfer!.report().packets;
    village.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 0 });
    const second = await fetch(village, near!, "far.bin");
    expect(second.state).toBe("done");
    expect(second.packets).toBeLessThanOrEqual(14 - heard + 1);
  });

  test("garbage on our port is counted, and nothing else happens", async () => {
    await using village = await openVillage(7, fullMesh(3), [0, 1]);
    const random = seededRandom("garbage");
    const ether = village.ether;
    const stranger = openEtherModem({ ether, nodeNumber: nodeNumber(2), random, region: "US", preset: "LongFast" });
    const stop = new AbortController();
    const running = stranger.run(stop.signal);
    for (let i = 0; i < 50; i++) {
      const payload = random.bytes(1 + (i % 231));
      await stranger.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit: 0 }, stop.signal);
      await village.clock.advance(5_000);
    }
    stop.abort();
    await running;
    const { packets_refused: refused = 0, failures = 0 } = village.nodes[0]!.exchange.counters();
    expect(refused).toBeGreaterThan(10);
    expect(failures).toBe(0);
  });
});
