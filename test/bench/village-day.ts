/**
 * How long a village's day takes under the virtual clock: fifty whole agents on LongFast, forty in one cell and two roads
 * of five out of it, a hundred files put and thirty fetched. The day must fit into a minute of one core.
 * @module
 */
import { cpuUsage, hrtime } from "node:process";
import { toHex } from "../../src/kernel/bytes.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { drawBelow, seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode } from "../../src/sim/sim-node.ts";
import { nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { runAll } from "../../src/kernel/service.ts";
import type { Random } from "../../src/ports/random.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { silentLog } from "../fakes/log.ts";
import { round, type Bench, type Row } from "./table.ts";

const SEEDS = [1, 2];
const DAY_MS = 86_400_000;
const CELL = 40;
const ROADS = 2;
const ROAD_LENGTH = 5;
const LOSS = 0.1;
const PUTS = 100;
const GETS = 30;
const FILE_BYTES = { least: 40, most: 2000 };
const PRESET = "LongFast";

export const bench: Bench = {
  name: "village-day",
  run: async () => {
    const rows: Row[] = [];
    for (const seed of SEEDS) rows.push(await day(seed));
    return rows;
  },
};

type Deed = (nodes: readonly SimNode[], random: Random) => Promise<void>;

async function day(seed: number): Promise<Row> {
  const clock = new VirtualClock();
  const random = seededRandom(`village-day/${seed}`);
  const ether = openEther({ clock, random, modulation: PRESETS[PRESET], links: roads() });
  const nodes = await Promise.all(ether.nodes().map((number, i) => openNode(clock, ether, number, `${seed}/${i}`)));
  const stop = new AbortController();
  const running = runAll(nodes, stop.signal);
  const { deeds, done } = schedule(random);
  const [startNs, startCpu] = [hrtime.bigint(), cpuUsage()];
  for (const { atMs, deed } of deeds) {
    await clock.advance(atMs - clock.monotonicMs());
    await deed(nodes, random);
  }
  await clock.advance(DAY_MS - clock.monotonicMs());
  const seconds = Number(hrtime.bigint() - startNs) / 1e9;
  const { user, system } = cpuUsage(startCpu);
  stop.abort();
  await clock.advance(1);
  await running;
  await ether[Symbol.asyncDispose]();
  const { frames, heard, airtimeUs, relayed, collisions } = ether.stats();
  return {
    seed,
    nodes: nodes.length,
    "wall s": round(seconds),
    "CPU s": round((user + system) / 1e6),
    "simulated s per s": round(DAY_MS / 1000 / seconds),
    "wake-ups": clock.wakeups,
    frames,
    relayed,
    heard,
    collisions,
    "air s": round(airtimeUs / 1e6),
    put: done.put,
    got: done.got,
    "entries lacking": lacking(nodes),
  };
}

/** What nodes lack of what somebody holds, counted at each. */
function lacking(nodes: readonly SimNode[]): number {
  const most = new Map<string, number>();
  for (const { shard } of nodes) {
    for (const { author, count } of shard.vector()) {
      most.set(toHex(author), Math.max(count, most.get(toHex(author)) ?? 0));
    }
  }
  const total = [...most.values()].reduce((all, count) => all + count, 0);
  const held = ({ shard }: SimNode): number => shard.vector().reduce((sum, { count }) => sum + count, 0);
  return nodes.reduce((all, node) => all + total - held(node), 0);
}

function openNode(clock: VirtualClock, ether: Ether, number: number, seed: string): Promise<SimNode> {
  const random = seededRandom(`village-day/${seed}`);
  const modem = openEtherModem({ ether, nodeNumber: number, random, region: "US", preset: PRESET });
  const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
  return openSimNode({ name: `node-${number.toString(16)}`, modem, clock, random, log: silentLog, wishes });
}

/** The cell, then the roads, each of which begins at a house of the cell. */
function roads(): AirLink[] {
  const links: AirLink[] = [];
  const link = (a: number, b: number): void => void links.push({ a: nodeNumber(a), b: nodeNumber(b), loss: LOSS });
  for (let a = 0; a < CELL; a++) for (let b = a + 1; b < CELL; b++) link(a, b);
  for (let road = 0; road < ROADS; road++) {
    const first = CELL + road * ROAD_LENGTH;
    link(road, first);
    for (let step = 1; step < ROAD_LENGTH; step++) link(first + step - 1, first + step);
  }
  return links;
}

/** Puts and gets at random moments between six and twenty-two o'clock. */
function schedule(random: Random): {
  readonly deeds: readonly { readonly atMs: number; readonly deed: Deed }[];
  readonly done: { put: number; got: number };
} {
  const done = { put: 0, got: 0 };
  const put =
    (i: number): Deed =>
    async (nodes, random) => {
      const bytes = FILE_BYTES.least + drawBelow(random, FILE_BYTES.most - FILE_BYTES.least);
      await nodes[drawBelow(random, nodes.length)]?.put(`file-${i}`, random.bytes(bytes));
      done.put++;
    };
  const get: Deed = async (nodes, random) => {
    const node = nodes[drawBelow(random, nodes.length)];
    if (node === undefined) return;
    const absent = (await Array.fromAsync(node.shard.files())).filter(({ held }) => !held);
    const wanted = absent[drawBelow(random, Math.max(absent.length, 1))];
    const transfer = wanted === undefined ? undefined : await node.exchange.fetch(wanted);
    if (transfer !== undefined) done.got++;
  };
  const dayTime = (): number => DAY_MS / 4 + drawBelow(random, (DAY_MS * 16) / 24);
  const deeds = [
    ...Array.from({ length: PUTS }, (_, i) => ({ atMs: dayTime(), deed: put(i) })),
    ...Array.from({ length: GETS }, () => ({ atMs: dayTime(), deed: get })),
  ].toSorted((a, b) => a.atMs - b.atMs);
  return { deeds, done };
}
