/** All scenarios by name, and how one is run. @module */
import { AgentError } from "../kernel/errors.ts";
import type { Scenario, ScenarioOptions, ScenarioResult } from "./scenario-types.ts";
import { FILE_20 } from "./scenarios/file-20.ts";
import { INDEX } from "./scenarios/index.ts";

export const SCENARIOS: readonly Scenario[] = [INDEX, FILE_20];

export interface RunScenarioOptions extends Partial<ScenarioOptions> {
  readonly scenario: string;
}

/**
 * Plays one scenario from its seed; what is left out is as the scenario has it.
 * @throws AgentError "SCENARIO_UNKNOWN"
 */
export async function runScenario({ scenario: name, ...options }: RunScenarioOptions): Promise<ScenarioResult> {
  const scenario = SCENARIOS.find((known) => known.name === name);
  if (scenario === undefined) {
    const names = SCENARIOS.map((known) => known.name).join(", ");
    throw new AgentError("SCENARIO_UNKNOWN", `there is no scenario called ${name}`, { fix: `choose one of: ${names}` });
  }
  return scenario.run({ ...scenario.defaults, ...options });
}
