/** The scenario `idle`. @module */
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh } from "../topology.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** What idling may cost a node, of the channel. */
const MOST = 0.003;

export const IDLE: Scenario = {
  name: "idle",
  about:
    "Houses of one cell that are in step have nothing new to say for a day, the first hour apart; what their beacons cost.",
  takes: ["nodes", "lossRatio"],
  defaults: { nodes: 20, entries: 1, lossRatio: 0.1, symbols: 1, seed: 1, limitMs: (HOURS + 1) * HOUR_MS },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, lossRatio, seed } = options;
  const links = fullMesh(count, lossRatio);
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 1 } as const;
  await using village = await SimVillage.open({ seed, count, links, ...cell });
  village.onSent(watcher);
  await village.bringInStep();
  village.start();
  await village.clock.advance(HOUR_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  await village.clock.advance(HOURS * HOUR_MS);
  village.check();
  const share = village.total().airMs / (count * HOURS * HOUR_MS);
  const detail = `${(share * 100).toFixed(3)} % of the channel a node`;
  const invariants = [{ name: "idles quietly", held: share <= MOST, detail }];
  return reportOf(village, { scenario: IDLE.name, options, startMs, boundMs: null, complete: true, invariants });
}
