/** All scenarios by name, and how one is run. @module */
import { AgentError } from "../kernel/errors.ts";
import type { ScenarioOptions, ScenarioReport, Simulator } from "../kernel/simulation.ts";
import type { Scenario, Watcher } from "./scenario-types.ts";
import { ALERT_30 } from "./scenarios/alert-30.ts";
import { ATTEST } from "./scenarios/attest.ts";
import { COLD_START } from "./scenarios/cold-start.ts";
import { FILE_20, FILE_900 } from "./scenarios/file-20.ts";
import { IDLE } from "./scenarios/idle.ts";
import { INDEX } from "./scenarios/index-in-cell.ts";
import { NEWCOMER_60 } from "./scenarios/newcomer-60.ts";
import { PHONE_ASKS } from "./scenarios/phone-asks.ts";
import { PRIVATE_VILLAGE } from "./scenarios/private-village.ts";
import { STORIES } from "./scenarios/stories.ts";
import { RANDOM, storyScenario } from "./story-play.ts";
import { Trace } from "./trace.ts";
import { DEFAULT_START_MS } from "./virtual-clock.ts";

const SCENARIOS: readonly Scenario[] = [
  INDEX,
  FILE_20,
  FILE_900,
  ALERT_30,
  IDLE,
  COLD_START,
  NEWCOMER_60,
  PRIVATE_VILLAGE,
  PHONE_ASKS,
  ATTEST,
  ...STORIES.map(storyScenario),
  RANDOM,
];

export interface RunScenarioOptions extends Partial<ScenarioOptions> {
  readonly scenario: string;
}

/**
 * Plays one scenario from its seed; what is left out is as the scenario has it.
 * @throws AgentError "SCENARIO_UNKNOWN"
 */
export async function runScenario(
  { scenario: name, ...options }: RunScenarioOptions,
  watcher: Watcher = () => undefined,
): Promise<ScenarioReport> {
  const scenario = SCENARIOS.find((known) => known.name === name);
  if (scenario === undefined) {
    const names = SCENARIOS.map((known) => known.name).join(", ");
    throw new AgentError("SCENARIO_UNKNOWN", `there is no scenario called ${name}`, { fix: `choose one of: ${names}` });
  }
  return scenario.run({ ...scenario.defaults, ...options }, watcher);
}

export const SIMULATOR: Simulator = {
  scenarios: SCENARIOS,
  run: async ({ trace: format, ...options }, onProgress) => {
    const trace = new Trace();
    let packets = 0;
    const report = await runScenario(options, (packet) => {
      packets++;
      onProgress(packet.atMs, packets);
      if (format !== undefined) trace.add(packet);
    });
    return { report, trace: format === undefined ? undefined : trace.encode(format, DEFAULT_START_MS) };
  },
};
