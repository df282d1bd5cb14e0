/** `caye sim`: plays a scenario in the simulator. Needs no agent. @module */
import { AgentError } from "../../kernel/errors.ts";
import type {
  ScenarioChoice,
  ScenarioReport,
  SimulationRequest,
  Simulator,
  TraceFormat,
} from "../../kernel/simulation.ts";
import type { CliIo } from "../io.ts";
import { type Place, placeFor, save, type WantedPlace } from "../local-files.ts";
import { formatMs, table } from "../text.ts";

export interface SimOptions {
  readonly scenario?: string;
  readonly nodes?: number;
  readonly entries?: number;
  readonly loss?: number;
  readonly symbols?: number;
  readonly seed?: number;
  readonly seeds?: SeedRange;
  readonly trace?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

const PROGRESS_AFTER_MS = 1_000;
const CLEAR_LINE = "\r\u001b[K";

export async function sim(io: CliIo, options: SimOptions): Promise<void> {
  const simulator = await io.simulator();
  if (options.list === true) {
    demandAlone(options);
    return list(io, simulator, options);
  }
  const request = requestOf(simulator, options);
  tellUnused(io, simulator, options);
  // Before hours are played for a file that can't be written.
  const trace = options.trace === undefined ? undefined : await placeFor(io, traceOf(request, options.trace));
  const reports: ScenarioReport[] = [];
  for (const seed of seedsOf(options)) {
    reports.push(await play(io, simulator, seed === undefined ? request : { ...request, seed }, trace));
  }
  const [only] = reports;
  if (options.seeds === undefined && only !== undefined) say(io, options, only, () => reportText(only));
  else say(io, options, { summary: summaryOf(reports), runs: reports }, () => summaryText(reports));
  if (!reports.every(isWell)) io.setExitCode(1);
}

/** Undefined: the scenario's own. */
function seedsOf({ seed, seeds }: SimOptions): readonly (number | undefined)[] {
  if (seeds === undefined) return [seed];
  return Array.from({ length: seeds.last - seeds.first + 1 }, (_, i) => seeds.first + i);
}

function list(io: CliIo, { scenarios }: Simulator, options: SimOptions): void {
  say(io, options, { scenarios }, () => table(scenarios.map(({ name, about }) => [name, about])));
}

function say(io: CliIo, { json }: SimOptions, value: unknown, text: () => string): void {
  io.stdout(json === true ? `${JSON.stringify(value, null, 2)}\n` : text());
}

function requestOf({ scenarios }: Simulator, options: SimOptions): SimulationRequest {
  const names = scenarios.map(({ name }) => name).join(", ");
  const { scenario, nodes, entries, loss, symbols, seed, seeds, trace } = options;
  const fix = "caye sim --list says what each of them is";
  if (scenario === undefined) throw new AgentError("USAGE", `--scenario is missing; there are: ${names}`, { fix });
  if (!scenarios.some(({ name }) => name === scenario)) {
    throw new AgentError("USAGE", `there is no scenario called ${scenario}; there are: ${names}`, { fix });
  }
  if (seed !== undefined && seeds !== undefined) throw new AgentError("USAGE", "either --seed or --seeds, not both");
  if (trace !== undefined && seeds !== undefined) {
    throw new AgentError("USAGE", "--trace goes with one run", { fix: "name its --seed" });
  }
  return {
    scenario,
    ...(nodes === undefined ? {} : { nodes }),
    ...(entries === undefined ? {} : { entries }),
    ...(loss === undefined ? {} : { lossRatio: loss }),
    ...(symbols === undefined ? {} : { symbols }),
    ...(trace === undefined ? {} : { trace: formatOf(trace) }),
  };
}

/** Each choice as it is typed. */
const TYPED: Readonly<Record<ScenarioChoice, keyof SimOptions>> = {
  nodes: "nodes",
  entries: "entries",
  lossRatio: "loss",
  symbols: "symbols",
};

/**
 * What changes nothing is said. Nodes, entries and loss are not refused: with them every scenario is called in one form,
 * by scripts, too.
 * @throws AgentError "USAGE" for `--symbols` where nothing has symbols
 */
function tellUnused(io: CliIo, { scenarios }: Simulator, options: SimOptions): void {
  const scenario = scenarios.find(({ name }) => name === options.scenario);
  if (scenario === undefined) return;
  const { name, takes, defaults } = scenario;
  for (const choice of ["nodes", "entries", "lossRatio", "symbols"] as const) {
    const typed = options[TYPED[choice]];
    if (typed === undefined || takes.includes(choice) || typed === defaults[choice]) continue;
    const heeded = takes.length === 0 ? "its seed alone" : takes.map((taken) => `--${TYPED[taken]}`).join(", ");
    const what = `--${TYPED[choice]} changes nothing in ${name}, which takes ${heeded}`;
    if (choice === "symbols") throw new AgentError("USAGE", what);
    io.stderr(`caye: ${what}\n`);
  }
}

function demandAlone({ list: _list, json: _json, ...others }: SimOptions): void {
  const [other] = Object.keys(others);
  if (other !== undefined) throw new AgentError("USAGE", `--list lists all scenarios, and goes without --${other}`);
}

function traceOf({ scenario, trace }: SimulationRequest, output: string): WantedPlace {
  return { name: `${scenario}.${trace ?? "jsonl"}`, output, command: `caye sim --scenario ${scenario}` };
}

function formatOf(path: string): TraceFormat {
  return path.endsWith(".pcap") ? "pcap" : "jsonl";
}

async function play(
  io: CliIo,
  simulator: Simulator,
  request: SimulationRequest,
  place: Place | undefined,
): Promise<ScenarioReport> {
  const progress = new SimProgress(io, request);
  const { report, trace } = await simulator.run(request, (virtualMs, packets) => progress.show(virtualMs, packets));
  progress.end();
  if (place !== undefined && trace !== undefined) await save(io, { ...place, file: io.resolve(place.file) }, trace);
  return report;
}

/** On standard error, once a run takes longer than a second; then a line each second. */
class SimProgress {
  readonly #io: CliIo;
  readonly #what: string;
  #nextMs: number;
  #shown = false;

  constructor(io: CliIo, { scenario, seed }: SimulationRequest) {
    this.#io = io;
    this.#what = seed === undefined ? scenario : `${scenario}, seed ${seed}`;
    this.#nextMs = io.monotonicMs() + PROGRESS_AFTER_MS;
  }

  show(virtualMs: number, packets: number): void {
    const nowMs = this.#io.monotonicMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + PROGRESS_AFTER_MS;
    const line = `${this.#what}: ${formatMs(virtualMs)} of virtual time, ${counted(packets, "packet")}`;
    this.#io.stderr(this.#io.isTty ? CLEAR_LINE + line : `${line}\n`);
    this.#shown = true;
  }

  end(): void {
    if (this.#shown && this.#io.isTty) this.#io.stderr(CLEAR_LINE);
  }
}

function isWell({ complete, invariants }: ScenarioReport): boolean {
  return complete && invariants.every(({ held }) => held);
}

function reportText(report: ScenarioReport): string {
  const { scenario, seed, nodes, lossRatio, airMs, boundMs, ratio, packets, complete, virtualMs, byMessage } = report;
  const goal = complete ? "reached" : "NOT reached";
  const bound = boundMs === null || ratio === null ? "" : `, ${ratio.toFixed(2)} × the bound of ${seconds(boundMs)}`;
  const messages = Object.entries(byMessage).map(([type, count]) => [
    `  ${type}`,
    String(count.packets),
    seconds(count.airMs),
  ]);
  return [
    `${scenario}: ${counted(nodes, "node")}, loss ${lossRatio}, seed ${seed}\n`,
    `goal ${goal} after ${formatMs(virtualMs)} of virtual time\n`,
    `air: ${seconds(airMs)} in ${counted(packets, "packet")}${bound}\n`,
    table(messages, [1, 2]),
    measuredText([report]),
    table(report.invariants.map(({ name, held, detail }) => [held ? "  ✓" : "  ✗", name, detail])),
  ].join("");
}

interface Summary {
  readonly runs: number;
  readonly complete: number;
  /** Seeds whose goal was not reached, or in which a law did not hold. */
  readonly failed: readonly number[];
  readonly ratio: Spread | null;
  readonly airMs: Spread;
}

interface Spread {
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

function summaryOf(reports: readonly ScenarioReport[]): Summary {
  const ratios = reports.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
  return {
    runs: reports.length,
    complete: reports.filter(({ complete }) => complete).length,
    failed: reports.filter((report) => !isWell(report)).map(({ seed }) => seed),
    ratio: ratios.length === 0 ? null : spreadOf(ratios),
    airMs: spreadOf(reports.map(({ airMs }) => airMs)),
  };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  const sum = sorted.reduce((all, value) => all + value, 0);
  return { mean: sum / sorted.length, median: at(0.5), p95: at(0.95), max: at(1) };
}

function summaryText(reports: readonly ScenarioReport[]): string {
  const { runs, complete, failed, ratio, airMs } = summaryOf(reports);
  const rows = reports.map(({ seed, ratio: own, airMs: air, packets, complete: done, virtualMs }) => [
    `seed ${seed}`,
    own === null ? "–" : own.toFixed(2),
    seconds(air),
    String(packets),
    formatMs(virtualMs),
    done ? "" : "not complete",
  ]);
  const all =
    ratio === null
      ? ""
      : `, ratio ${ratio.mean.toFixed(3)} (median ${ratio.median.toFixed(2)}, p95 ${ratio.p95.toFixed(2)}, max ${ratio.max.toFixed(2)})`;
  return [
    table([["", "ratio", "air", "packets", "virtual time"], ...rows], [1, 2, 3, 4]),
    `${counted(runs, "run")}, ${complete} complete, mean air ${seconds(airMs.mean)}${all}\n`,
    measuredText(reports),
    failed.length === 0 ? "" : `failed seeds: ${failed.join(", ")}\n`,
  ].join("");
}

/** Of all runs together: a line for each thing that was measured. */
function measuredText(reports: readonly ScenarioReport[]): string {
  const names = new Set(reports.flatMap(({ measured = {} }) => Object.keys(measured)));
  return [...names]
    .map((name) => {
      const values = reports.flatMap(({ measured = {} }) => measured[name] ?? []);
      const { mean, median, p95, max } = spreadOf(values);
      return `${name}: median ${median}, p95 ${p95}, max ${max}, mean ${mean.toFixed(2)} (of ${values.length})\n`;
    })
    .join("");
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
