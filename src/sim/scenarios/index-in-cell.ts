/** The scenario `index`. @module */
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import type { Random } from "../../ports/random.ts";
import { indexBound } from "../bound.ts";
import { fileName } from "../scenario-files.ts";
import { heldBy, writtenBy } from "../scenario-logs.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { drawBelow, seededRandom } from "../seeded-random.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh } from "../topology.ts";

/** The village has been in step, and quiet, for so long when the news come. */
const QUIET_MS = 600_000;

export const INDEX: Scenario = {
  name: "index",
  about:
    "New small files appear at random houses of one cell, all at the same moment; until every house knows of all of them.",
  takes: ["nodes", "entries", "lossRatio"],
  defaults: { nodes: 10, entries: 100, lossRatio: 0.3, symbols: 16, seed: 1, limitMs: 24 * 3_600_000 },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, entries, lossRatio, seed, limitMs } = options;
  const random = seededRandom(`${seed}/index`);
  const links = fullMesh(count, lossRatio);
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 1 } as const;
  await using village = await SimVillage.open({ seed, count, links, ...cell });
  village.onSent(watcher);
  await village.bringInStep();
  village.start();
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  await Promise.all(Array.from({ length: entries }, (_, i) => putSmallFile(village, random, i)));
  const news = await writtenBy(
    village.nodes.map(({ shard }) => shard),
    2,
  );
  const total = news.entries + count;
  const behind = new Set(village.nodes);
  const complete = await village.runUntil(() => {
    for (const node of behind) {
      if (heldBy(node.shard) < total) return false;
      behind.delete(node);
    }
    return true;
  }, limitMs);
  const bound = indexBound({
    entryBytes: news.bytes,
    authors: news.authors,
    receivers: count - 1,
    lossRatio,
    modulation: village.modulation,
    random: seededRandom(`${seed}/bound`),
  });
  const detail = complete ? `${count} equal vectors` : `${behind.size} of ${count} houses lack entries`;
  const invariants = [{ name: "converged", held: complete, detail }];
  return reportOf(village, { scenario: INDEX.name, options, startMs, boundMs: bound.airMs, complete, invariants });
}

async function putSmallFile(village: SimVillage, random: Random, i: number): Promise<void> {
  const node = village.nodes[drawBelow(random, village.nodes.length)];
  // Random bytes: nothing that packs so small that it would ride inside its entry.
  await node?.put(fileName(random, i), random.bytes(100 + drawBelow(random, 801)));
}
