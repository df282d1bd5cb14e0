/** What a scenario is, and what its report is made of. @module */
import type { InvariantReport, ScenarioFacts, ScenarioOptions, ScenarioReport } from "../kernel/simulation.ts";
import type { SentPacket, SimVillage } from "./sim-village.ts";

/** Told of each packet that an agent hands to its radio. */
export type Watcher = (packet: SentPacket) => void;

export interface Scenario extends ScenarioFacts {
  run(options: ScenarioOptions, watcher: Watcher): Promise<ScenarioReport>;
}

export interface Outcome {
  readonly scenario: string;
  readonly options: ScenarioOptions;
  /** Of the virtual clock, when the measured event happened. */
  readonly startMs: number;
  readonly boundMs: number | null;
  readonly complete: boolean;
  readonly invariants: readonly InvariantReport[];
  /** Nothing when left out. */
  readonly befallen?: Readonly<Record<string, number>>;
}

/** The report of a run whose village was told at the event to count from there. */
export function reportOf(village: SimVillage, outcome: Outcome): ScenarioReport {
  const { scenario, options, startMs, boundMs, complete, invariants, befallen = {} } = outcome;
  const { seed, nodes, entries, lossRatio } = options;
  const { packets, airMs } = village.total();
  return {
    scenario,
    seed,
    nodes,
    entries,
    lossRatio,
    airMs,
    boundMs,
    ratio: boundMs === null || boundMs === 0 ? null : airMs / boundMs,
    packets,
    complete,
    invariants,
    befallen,
    virtualMs: village.clock.monotonicMs() - startMs,
    byMessage: village.counts(),
    collisions: village.collisions(),
    traceHash: village.traceHash(),
  };
}
