/** The scenario `alert-30`. @module */
import type { HeldAlert } from "../../alert/held-alert.ts";
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import type { Random } from "../../ports/random.ts";
import { payloadAirtimeUs } from "../../radio/airtime.ts";
import { chance } from "../../radio/chance.ts";
import { stormNotice } from "../scenario-alerts.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { seededRandom } from "../seeded-random.ts";
import type { SimNode } from "../sim-node.ts";
import { SimVillage } from "../sim-village.ts";
import { nodeNumber, type AirLink } from "../topology.ts";

/** The agents have run for so long when the alert is sent. */
const QUIET_MS = 600_000;
/** Houses stand anywhere in a square of side 1, and hear each other up to this distance. */
const REACH = 0.34;
const HOPS = 3;
const FULL_PACKET_BYTES = 231;

export const ALERT_30: Scenario = {
  name: "alert-30",
  about: "One house of a village three hops across sends an alert; until every house holds it.",
  takes: ["nodes", "entries", "lossRatio"],
  defaults: { nodes: 30, entries: 1, lossRatio: 0.3, symbols: 1, seed: 1, limitMs: 4 * 3_600_000 },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, entries, lossRatio, seed, limitMs } = options;
  const links = threeHopVillage(count, lossRatio, seededRandom(`${seed}/places`));
  await using village = await SimVillage.open({
    seed,
    count,
    links,
    preset: "LongFast",
    region: "US",
    hopLimit: HOPS,
    share: 1,
  });
  village.onSent(watcher);
  await village.bringInStep();
  village.start();
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  const [sender, ...others] = village.nodes;
  if (sender === undefined) throw new Error("a village has at least one house");
  const sent: HeldAlert[] = [];
  for (let i = 0; i < entries; i++) sent.push(await send(sender, village.clock.nowMs()));
  const behind = new Set(others);
  let firstMs: number | undefined;
  const complete = await village.runUntil(() => {
    for (const node of behind) {
      if (!sent.every(({ id }) => node.alerts.find(id) !== undefined)) continue;
      firstMs ??= village.clock.monotonicMs() - startMs;
      behind.delete(node);
    }
    return behind.size === 0;
  }, limitMs);
  const twoPacketsMs = (2 * payloadAirtimeUs(FULL_PACKET_BYTES, village.modulation)) / 1000;
  const soon = firstMs !== undefined && firstMs <= twoPacketsMs;
  const invariants = [
    { name: "converged", held: complete, detail: `${count - behind.size} of ${count} houses hold it` },
    { name: "first hop", held: soon, detail: `${Math.round(firstMs ?? limitMs)} of ${Math.round(twoPacketsMs)} ms` },
  ];
  return reportOf(village, { scenario: ALERT_30.name, options, startMs, boundMs: null, complete, invariants });
}

async function send({ alerts, exchange }: SimNode, nowMs: number): Promise<HeldAlert> {
  const held = await alerts.issue(stormNotice(nowMs, 6));
  exchange.alerts.publish(held);
  return held;
}

/** Places drawn until everybody is reached from the first house, the farthest over three hops. */
function threeHopVillage(count: number, loss: number, random: Random): AirLink[] {
  for (;;) {
    const places = Array.from({ length: count }, () => ({ x: chance(random), y: chance(random) }));
    const links = places.flatMap((a, i) =>
      places
        .map((b, j) => ({ j, distance: Math.hypot(a.x - b.x, a.y - b.y) }))
        .filter(({ j, distance }) => j > i && distance <= REACH)
        .map(({ j }) => ({ a: nodeNumber(i), b: nodeNumber(j), loss })),
    );
    if (farthest(links, count) === HOPS) return links;
  }
}

/** Hops to the farthest house from the first; undefined when one can't be reached. */
function farthest(links: readonly AirLink[], count: number): number | undefined {
  const reached = new Set([nodeNumber(0)]);
  let hops = 0;
  for (; reached.size < count; hops++) {
    const before = reached.size;
    const edge = links.filter(({ a, b }) => reached.has(a) !== reached.has(b));
    for (const { a, b } of edge) reached.add(a).add(b);
    if (reached.size === before) return undefined;
  }
  return hops;
}
