/** The scenario `newcomer-60`. @module */
import { openShard } from "../../dag/open-shard.ts";
import type { Shard } from "../../dag/shard.ts";
import { openMemoryStore } from "../../drivers/memory-store.ts";
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import type { Random } from "../../ports/random.ts";
import { indexBound } from "../bound.ts";
import { silentLog } from "../house.ts";
import { fileName } from "../scenario-files.ts";
import { heldBy, writtenBy } from "../scenario-logs.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { drawBelow, seededRandom } from "../seeded-random.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh } from "../topology.ts";

/** Whose logs the village holds; of most the machines are elsewhere, or gone. */
const AUTHORS = 60;
/** The village has been in step, and quiet, for so long when the newcomer is switched on. */
const QUIET_MS = 600_000;

export const NEWCOMER_60: Scenario = {
  name: "newcomer-60",
  about:
    "A new machine with an empty store comes into a cell that holds the logs of sixty authors; until it knows all, and all know it.",
  takes: ["nodes", "entries", "lossRatio"],
  defaults: { nodes: 21, entries: 300, lossRatio: 0.1, symbols: 1, seed: 1, limitMs: 24 * 3_600_000 },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, entries, lossRatio, seed, limitMs } = options;
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 1 } as const;
  await using village = await SimVillage.open({ seed, count, links: fullMesh(count, lossRatio), ...cell, closed: 1 });
  village.onSent(watcher);
  const old = village.nodes.map(({ shard }) => shard);
  const authors = [...old, ...(await shardsElsewhere(Math.max(AUTHORS - old.length, 0), seed))];
  const random = seededRandom(`${seed}/newcomer`);
  // Each has introduced itself already.
  for (let i = 0; i < entries - authors.length; i++) {
    await authors[i % authors.length]?.putFile(fileName(random, i), random.bytes(100 + drawBelow(random, 801)));
  }
  await bringInStep(old, authors);
  const written = await writtenBy(authors, 1);
  for (const house of village.houses) if (house.node !== undefined) house.start();
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  const newcomer = village.houses.at(-1);
  if (newcomer === undefined) throw new Error("a village has at least one house");
  await newcomer.open();
  newcomer.start();
  const shards = village.nodes.map(({ shard }) => shard);
  const behind = (): number => shards.filter((shard) => heldBy(shard) <= written.entries).length;
  const complete = await village.runUntil(() => behind() === 0, limitMs);
  const { modulation } = village;
  const boundRandom = seededRandom(`${seed}/bound`);
  const need = { entryBytes: written.bytes, authors: written.authors, receivers: 1, lossRatio };
  const { airMs: boundMs } = indexBound({ ...need, modulation, random: boundRandom });
  const detail = `${count - behind()} of ${count} houses know all ${written.entries + 1} entries`;
  const invariants = [{ name: "converged", held: complete, detail }];
  return reportOf(village, { scenario: NEWCOMER_60.name, options, startMs, boundMs, complete, invariants });
}

/** Authors without a radio here. */
function shardsElsewhere(count: number, seed: number): Promise<Shard[]> {
  const open = (i: number): Promise<Shard> => {
    const random: Random = seededRandom(`${seed}/elsewhere/${i}`);
    return openShard(openMemoryStore(), { random, nodeName: `elsewhere ${i}`, log: silentLog });
  };
  return Promise.all(Array.from({ length: count }, (_, i) => open(i)));
}

/** Without any air. */
async function bringInStep(houses: readonly Shard[], authors: readonly Shard[]): Promise<void> {
  for (const from of authors) {
    const { id } = from.author;
    const { entries, signature } = await from.entries(id, 1, 65_535);
    await Promise.all(houses.filter((shard) => shard !== from).map((shard) => shard.merge(id, 1, entries, signature)));
  }
}
