/** The scenario `attest`. @module */
import { toHex } from "../../kernel/bytes.ts";
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { ChippedVillage } from "../scenario-attest.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import type { SimNode } from "../sim-node.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh } from "../topology.ts";

const HOUR_MS = 3_600_000;
/** The agents have heard each other by then. */
const QUIET_MS = 600_000;
/** Between two questions: what a node asks and answers in an hour is bounded. */
const PAUSE_MS = HOUR_MS / 4;
/** The longest that one attestation may take. */
const PATIENCE_MS = 6 * HOUR_MS;
/** At 30 % loss, of all attestations of a run. */
const MEDIAN_PACKETS = 4;

export const ATTEST: Scenario = {
  name: "attest",
  about: "Neighbours with TPMs ask each other for quotes, one after another; how many packets each attestation takes.",
  takes: ["nodes", "entries", "lossRatio"],
  defaults: { nodes: 4, entries: 24, lossRatio: 0.3, symbols: 1, seed: 1, limitMs: 7 * 24 * HOUR_MS },
  run,
};

async function run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport> {
  const { nodes: count, entries, lossRatio, seed } = options;
  const chips = new ChippedVillage(String(seed), count, { everyMs: 0, unattested: "serve" });
  await using village = await SimVillage.open({
    seed,
    count,
    links: fullMesh(count, lossRatio),
    preset: "LongFast",
    region: "US",
    hopLimit: 0,
    share: 0.5,
    extras: async (index, ports) => ({ attestation: await chips.wishesOf(index, ports) }),
  });
  village.onSent(watcher);
  let packets = 0;
  village.onSent(({ type }) => {
    if (type === "probe" || type === "proof") packets++;
  });
  await village.bringInStep();
  village.start();
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  const each: number[] = [];
  for (const [asker, asked] of pairs(village.nodes, entries)) {
    await village.clock.advance(PAUSE_MS);
    packets = 0;
    if (!(await attest(village, asker, toHex(asked.shard.author.id)))) break;
    each.push(packets);
  }
  village.check();
  const complete = each.length === entries;
  const middle = each.toSorted((a, b) => a - b)[Math.floor(each.length / 2)] ?? Number.POSITIVE_INFINITY;
  const invariants = [
    { name: "attested", held: complete, detail: `${each.length} of ${entries} questions ended in a good verdict` },
    {
      name: "few packets",
      held: lossRatio > 0.3 || middle <= MEDIAN_PACKETS,
      detail: `${middle} at the median, at most ${MEDIAN_PACKETS} up to a loss of 0.3`,
    },
  ];
  const report = reportOf(village, { scenario: ATTEST.name, options, startMs, boundMs: null, complete, invariants });
  return { ...report, measured: { "packets an attestation": each } };
}

/** Who asks whom: all ordered pairs in turn. */
function pairs(nodes: readonly SimNode[], count: number): readonly (readonly [SimNode, SimNode])[] {
  const all = nodes.flatMap((asker) =>
    nodes.filter((asked) => asked !== asker).map((asked) => [asker, asked] as const),
  );
  return Array.from({ length: count }, (_, i) => all[i % all.length]).filter((pair) => pair !== undefined);
}

/** False when it took too long. Whoever got no answer asks again. */
async function attest(village: SimVillage, { exchange }: SimNode, author: string): Promise<boolean> {
  const good = (): number => exchange.counters()["attested"] ?? 0;
  const vain = (): number => exchange.counters()["probes_unanswered"] ?? 0;
  const before = good();
  const untilMs = village.clock.monotonicMs() + PATIENCE_MS;
  while (village.clock.monotonicMs() < untilMs) {
    const given = vain();
    exchange.attest(author);
    await village.runUntil(() => good() > before || vain() > given, PATIENCE_MS);
    if (good() > before) return true;
    await village.clock.advance(PAUSE_MS);
  }
  return false;
}
