/** Every file here that is rendered from code, by its path. @module */
import { dashboardJson } from "./dashboard.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { rules, ruleTests } from "./rules.ts";

export function rendered(): ReadonlyMap<string, string> {
  const dashboards = DASHBOARDS.map((board) => [`grafana/dashboards/${board.uid}.json`, dashboardJson(board)] as const);
  return new Map([["prometheus/rules.yml", rules()], ["prometheus/rules_test.yml", ruleTests()], ...dashboards]);
}
