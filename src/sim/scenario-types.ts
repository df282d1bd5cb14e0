/** What a scenario is given, and what it gives. @module */
import type { AirCount } from "./sim-village.ts";

export interface ScenarioOptions {
  /** Agents, 2 … 200. */
  readonly nodes: number;
  /** New entries, 1 … 10,000. */
  readonly entries: number;
  /** Share of frames that each receiver loses beside collisions, 0 … 0.9. */
  readonly lossRatio: number;
  /** Packets that the file of a file scenario needs, 1 … 64. */
  readonly symbols: number;
  readonly seed: number;
  /** Virtual time after which a run is given up. */
  readonly limitMs: number;
}

export interface InvariantReport {
  readonly name: string;
  readonly held: boolean;
  /** What was looked at; where it did not hold, what was found. */
  readonly detail: string;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly entries: number;
  readonly lossRatio: number;
  /** Time on air of all packets of all agents, from the event that the scenario measures. */
  readonly airMs: number;
  /** What an all-knowing sender needs; see `bound.ts`. 0 where the scenario has no bound. */
  readonly boundMs: number;
  /** `airMs` / `boundMs`; 0 where there is no bound. */
  readonly ratio: number;
  readonly packets: number;
  /** True when the scenario's goal was reached within the limit of virtual time. */
  readonly complete: boolean;
  readonly invariants: readonly InvariantReport[];
  /** Virtual time from the event to the goal. */
  readonly virtualMs: number;
  readonly byMessage: Readonly<Record<string, AirCount>>;
  /** Receptions that were spoiled by another frame. */
  readonly collisions: number;
}

export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly defaults: ScenarioOptions;
  run(options: ScenarioOptions): Promise<ScenarioResult>;
}
