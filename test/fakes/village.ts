/** Agents and relays on a simulated air under a virtual clock. @module */
import { expect } from "vitest";
import { rootOf } from "../../src/dag/block-ref.ts";
import { sha256 } from "../../src/dag/cid.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { runAll } from "../../src/kernel/service.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { openSimNode, type SimNode, type SimNodeOptions } from "../../src/sim/sim-node.ts";
import { nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { silentLog } from "./log.ts";

const LONGEST_MS = 120 * 60_000;

export interface Village extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  readonly nodes: readonly SimNode[];
}

type NodeExtras = Partial<SimNodeOptions>;

export function openNode(
  clock: VirtualClock,
  ether: Ether,
  index: number,
  seed: string,
  extras: NodeExtras = {},
): Promise<SimNode> {
  const random = seededRandom(`${seed}/${index}`);
  const modem = openEtherModem({ ether, nodeNumber: nodeNumber(index), random, region: "US", preset: "LongFast" });
  const wishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };
  return openSimNode({ name: `node-${index}`, modem, clock, random, log: silentLog, wishes, ...extras });
}

/** Agents at the radios of those indices; the others relay only. */
export async function openVillage(
  seed: number,
  links: AirLink[],
  agents: readonly number[],
  extras?: (index: number) => NodeExtras,
): Promise<Village> {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const ether = openEther({ clock, random, modulation: PRESETS.LongFast, links });
  const nodes: SimNode[] = [];
  for (const index of agents) {
    nodes.push(await openNode(clock, ether, index, `${seed}`, extras?.(index)));
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

/** Fetches by name and runs the clock until the transfer ends. */
export async function fetchFile(
  village: Village,
  node: SimNode,
  name: string,
): Promise<{ hash: string; state: string; packets: number }> {
  const [row] = await node.shard.resolve(name);
  expect(row, `${name} is announced`).toBeDefined();
  const transfer = await node.exchange.fetch(row!);
  await village.clock.runUntil(() => transfer!.ended, LONGEST_MS);
  const content = await node.shard.readFile(rootOf(row!));
  const { state, packets } = transfer!.report();
  return { hash: content === undefined ? "" : toHex(sha256(content)), state, packets };
}
