/** The scenarios `file-20` and `file-900`. @module */
import type { ScenarioOptions, ScenarioReport } from "../../kernel/simulation.ts";
import { payloadAirtimeUs } from "../../radio/airtime.ts";
import { MAX_SYMBOL_BYTES } from "../../wire/packing.ts";
import { packetsUntilAllHave, SharedLosses } from "../bound.ts";
import { reportOf, type Scenario, type Watcher } from "../scenario-types.ts";
import { seededRandom } from "../seeded-random.ts";
import { SimVillage } from "../sim-village.ts";
import { fullMesh, nodeNumber } from "../topology.ts";

/** The village has been in step, and quiet, for so long when all ask. */
const QUIET_MS = 600_000;
const NAME = "storm-plan.txt";

const LIMIT_MS = 24 * 3_600_000;

export const FILE_20: Scenario = {
  name: "file-20",
  about: "One house holds a file of so many packets, all others ask for it at the same moment; until all hold it.",
  takes: ["nodes", "lossRatio", "symbols"],
  defaults: { nodes: 21, entries: 1, lossRatio: 0.3, symbols: 16, seed: 1, limitMs: LIMIT_MS },
  run: (options, watcher) => run("file-20", options.symbols * MAX_SYMBOL_BYTES, options, watcher),
};

export const FILE_900: Scenario = {
  name: "file-900",
  about: "One house fetches a file of 900 bytes from another; until it holds it.",
  takes: ["nodes", "lossRatio"],
  defaults: { nodes: 2, entries: 1, lossRatio: 0.3, symbols: 5, seed: 1, limitMs: LIMIT_MS },
  run: (options, watcher) => run("file-900", 900, options, watcher),
};

async function run(
  scenario: string,
  bytes: number,
  options: ScenarioOptions,
  watcher: Watcher,
): Promise<ScenarioReport> {
  const { nodes: count, lossRatio, seed, limitMs } = options;
  const symbols = Math.ceil(bytes / MAX_SYMBOL_BYTES);
  const links = fullMesh(count, lossRatio);
  const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 1 } as const;
  const losses = new SharedLosses(seed, lossRatio);
  await using village = await SimVillage.open({ seed, count, links, losesBy: losses.loses, ...cell });
  village.onSent(watcher);
  const [holder, ...receivers] = village.nodes;
  if (holder === undefined) throw new Error("a village has at least one house");
  // Random bytes don't pack: the file needs exactly so many symbols.
  const content = seededRandom(`${seed}/file`).bytes(bytes);
  await holder.shard.putFile(NAME, content);
  await village.bringInStep();
  village.start();
  await village.clock.advance(QUIET_MS);
  village.countFromNow();
  const startMs = village.clock.monotonicMs();
  let dataBytes = 0;
  village.onSent(({ type, payload }) => {
    if (type !== "coded") return;
    losses.note(payload);
    dataBytes = Math.max(dataBytes, payload.length);
  });
  const transfers = await Promise.all(
    receivers.map(async ({ shard, exchange }) => {
      const [row] = await shard.resolve(NAME);
      return row === undefined ? undefined : exchange.fetch(row);
    }),
  );
  const complete = await village.runUntil(
    () => transfers.every((transfer) => transfer?.state.kind === "done"),
    limitMs,
  );
  const hears = (receiver: number, ordinal: number): boolean => !losses.losesData(nodeNumber(1 + receiver), ordinal);
  const least = packetsUntilAllHave(symbols, count - 1, hears);
  const boundMs = (least * payloadAirtimeUs(dataBytes, village.modulation)) / 1000;
  const done = transfers.filter((transfer) => transfer?.state.kind === "done").length;
  const invariants = [{ name: "converged", held: complete, detail: `${done} of ${count - 1} receivers hold the file` }];
  return reportOf(village, { scenario, options, startMs, boundMs, complete, invariants });
}
