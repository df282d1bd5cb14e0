/** The scenario `cold-start`. @module */
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { indexBound } from "../bound.ts";
import { fileName } from "../scenario-files.ts";
import { heldBy, writtenBy } from "../scenario-logs.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { drawBelow, seededRandom } from "../seeded-random.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh } from "../topology.ts";

/** All are switched on in this time, and each puts its file in it. */
const FIRST_MS = 60_000;

export const COLD_START: Scenario = {
  name: "cold-start",
  about:
    "Houses of one cell are switched on with empty stores in the same minute, each puts one file; until every house knows all.",
  takes: ["nodes", "lossRatio"],
  defaults: { nodes: 20, entries: 1, lossRatio: 0.1, symbols: 1, seed: 1, limitMs: 24 * 3_600_000 },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, lossRatio, seed, limitMs } = options;
  const random = seededRandom(`${seed}/cold-start`);
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 1 } as const;
  await using village = await SimVillage.open({ seed, count, links: fullMesh(count, lossRatio), ...cell });
  village.onSent(watcher);
  const startMs = village.clock.monotonicMs();
  const moments = village.houses.map((house) => ({ house, atMs: startMs + drawBelow(random, FIRST_MS) }));
  for (const { house, atMs } of moments.toSorted((a, b) => a.atMs - b.atMs)) {
    await village.clock.advance(atMs - village.clock.monotonicMs());
    house.start();
    await house.agent.put(fileName(random, house.index), random.bytes(100 + drawBelow(random, 801)));
  }
  const shards = village.nodes.map(({ shard }) => shard);
  const { entries, bytes, authors } = await writtenBy(shards, 1);
  const behind = new Set(shards);
  const complete = await village.runUntil(() => {
    for (const shard of behind) {
      if (heldBy(shard) < entries) return false;
      behind.delete(shard);
    }
    return true;
  }, limitMs);
  const { modulation } = village;
  const boundRandom = seededRandom(`${seed}/bound`);
  const need = { entryBytes: bytes, authors, receivers: count - 1, lossRatio, modulation, random: boundRandom };
  const { airMs: boundMs } = indexBound(need);
  const detail = `${count - behind.size} of ${count} houses know all ${entries} entries`;
  const invariants = [{ name: "converged", held: complete, detail }];
  return reportOf(village, { scenario: COLD_START.name, options, startMs, boundMs, complete, invariants });
}
