/**
 * What the radio protocol costs on the air, beside what one all-knowing sender needs, and beside Meshtastic's own way for
 * files. Each row names its seeds; each run can be played again: `npx caye sim --scenario S --nodes N … --seed SEED`.
 *
 * With `CAYE_BENCH=full` the row of alerts plays 1,000 seeds at each loss (about an hour), else a few.
 * @module
 */
import type { ScenarioOptions, ScenarioReport } from "../../src/kernel/simulation.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { runScenario } from "../../src/sim/scenario.ts";
import { sendByWantAck } from "../../src/sim/want-ack.ts";
import { MAX_SYMBOL_BYTES } from "../../src/wire/packing.ts";
import { bench as codec } from "./codec.ts";
import { bench as scale } from "./scale.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const MAX_PAYLOAD_BYTES = 231;
const WANT_ACK_SEEDS = 3;
const ALERT_SEEDS = process.env["CAYE_BENCH"] === "full" ? 1000 : 40;

interface Case {
  readonly what: string;
  readonly scenario: string;
  readonly options: Partial<ScenarioOptions>;
  readonly seeds: number;
  /** At most so many times the bound. */
  readonly target: number;
}

const CASES: readonly Case[] = [
  ...[5, 16, 64].map((symbols): Case => ({
    what: `file of ${symbols} packets to 20, loss .3`,
    scenario: "file-20",
    options: { symbols, lossRatio: 0.3 },
    seeds: 20,
    target: 1.1,
  })),
  index(10, 100, 0.3, 1.5, 20),
  index(50, 100, 0.1, 1.7, 10),
  index(50, 100, 0.3, 2, 10),
  index(50, 100, 0.5, 2.2, 10),
  index(10, 10, 0.3, 2, 20),
  index(50, 10, 0.3, 2, 20),
  { what: "file of 900 bytes, 2 nodes, loss .3", scenario: "file-900", options: {}, seeds: 100, target: 1.15 },
];

function index(nodes: number, entries: number, lossRatio: number, target: number, seeds: number): Case {
  const what = `index, n = ${nodes}, D = ${entries}, loss ${lossRatio}`;
  return { what, scenario: "index", options: { nodes, entries, lossRatio }, seeds, target };
}

export const bench: Bench = {
  name: "air",
  run: async () => {
    const rows: Row[] = [];
    const add = (row: Row): void => {
      rows.push(row);
      console.error(`  ${Object.values(row).join(" | ")}`);
    };
    for (const one of CASES) add(await ratioRow(one));
    add(await idleRow());
    for (const lossRatio of [0.1, 0.3, 0.5]) add(await alertRow(lossRatio));
    add(await compressionRow());
    add(await scaleRow());
    console.error("  elsewhere: a village's day is the bench village-day");
    return rows;
  },
};

async function play({ scenario, options, seeds }: Omit<Case, "what" | "target">): Promise<ScenarioReport[]> {
  const reports: ScenarioReport[] = [];
  for (let seed = 1; seed <= seeds; seed++) reports.push(await runScenario({ scenario, ...options, seed }));
  return reports;
}

async function ratioRow({ what, target, ...one }: Case): Promise<Row> {
  const reports = await play(one);
  const ratios = reports.map(({ ratio }) => ratio ?? Number.NaN);
  const complete = reports.filter((report) => report.complete).length;
  const airMs = mean(reports.map((report) => report.airMs));
  return {
    case: what,
    seeds: `1..${one.seeds}`,
    complete,
    "air s": round(airMs / 1000),
    "bound s": round(mean(reports.map(({ boundMs }) => boundMs ?? Number.NaN)) / 1000),
    "× bound, mean": round(mean(ratios)),
    median: round(quantile(ratios, 0.5)),
    p95: round(quantile(ratios, 0.95)),
    target: `≤ ${target}`,
    met: complete === one.seeds && mean(ratios) <= target ? "yes" : "NO",
    ...(one.scenario === "file-20" ? await wantAck(one.options, airMs) : {}),
  };
}

/** The same bytes to the same receivers under the same loss, each packet to each as a direct message. */
async function wantAck({ symbols = 16, lossRatio = 0.3 }: Partial<ScenarioOptions>, ourMs: number): Promise<Row> {
  const bytes = symbols * MAX_SYMBOL_BYTES;
  const packets = Math.ceil(bytes / MAX_PAYLOAD_BYTES);
  const air: number[] = [];
  for (let seed = 1; seed <= WANT_ACK_SEEDS; seed++) {
    const file = { packets, payloadBytes: Math.ceil(bytes / packets), receivers: 20, lossRatio };
    const report = await sendByWantAck({ ...file, seed, modulation: PRESETS.LongFast });
    air.push(report.airtimeUs / 1000);
  }
  return { "want_ack s": round(mean(air) / 1000), "want_ack ÷ ours": round(mean(air) / ourMs) };
}

async function idleRow(): Promise<Row> {
  const reports = await play({ scenario: "idle", options: {}, seeds: 3 });
  const shares = reports.map(({ airMs, nodes, virtualMs }) => (airMs / nodes / virtualMs) * 100);
  return {
    case: "idle village of 20, a node's % of the channel",
    seeds: "1..3",
    complete: reports.length,
    value: round(mean(shares)),
    target: "≤ 0.3",
    met: mean(shares) <= 0.3 ? "yes" : "NO",
  };
}

async function alertRow(lossRatio: number): Promise<Row> {
  const reports = await play({ scenario: "alert-30", options: { lossRatio }, seeds: ALERT_SEEDS });
  const complete = reports.filter((report) => report.complete).length;
  const soon = reports.filter(({ invariants }) => invariants.every(({ held }) => held)).length;
  return {
    case: `alert, 30 nodes, 3 hops, loss ${lossRatio}`,
    seeds: `1..${ALERT_SEEDS}`,
    complete,
    "air s": round(mean(reports.map(({ airMs }) => airMs)) / 1000),
    value: `first hop within two packets in ${soon}`,
    target: "all",
    met: complete === ALERT_SEEDS && soon === ALERT_SEEDS ? "yes" : "NO",
  };
}

async function compressionRow(): Promise<Row> {
  const rows = await codec.run();
  const total = rows.find(({ text }) => text === "total of the held-out texts");
  const percent = Number(total?.["% of raw"]);
  return {
    case: "held-out texts, packed, % of raw (bench codec)",
    value: percent,
    target: "≤ 45",
    met: percent <= 45 ? "yes" : "NO",
  };
}

/** Of the kinds of packets, the dearest counts: what it takes in the middle, until the agent takes the next packet. */
async function scaleRow(): Promise<Row> {
  const rows = await scale.run();
  const numbers = (column: string): number[] => rows.map((row) => Number(row[column])).filter((value) => value >= 0);
  const beaconBytes = Math.max(...numbers("bytes"));
  const moreMb = Number(rows.find(({ what }) => String(what).startsWith("resident memory"))?.["MB"]);
  const cpuMs = Math.max(...numbers("median CPU ms"));
  const value = `beacon ${beaconBytes} bytes; ${moreMb} MB more; dearest packet ${cpuMs} ms`;
  const met = beaconBytes > 0 && beaconBytes <= MAX_PAYLOAD_BYTES && moreMb <= 60 && cpuMs <= 5 ? "yes" : "NO";
  return { case: "500 authors, 100,000 entries (bench scale)", value, target: "≤ 231 bytes; ≤ 60 MB; ≤ 5 ms", met };
}

function mean(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0) / values.length;
}
