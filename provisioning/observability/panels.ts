/** Panels with one figure each. @module */
import type { Panel } from "./dashboard.ts";

/** The nodes that are chosen. */
export const I = '{instance=~"$instance"}';
const NODE = "{{instance}}";

/** One line or number for each series of a figure. */
export function show(kind: Panel["kind"], title: string, unit: Panel["unit"], expr: string, legend = NODE): Panel {
  return { kind, title, unit, queries: [[expr, legend]] };
}

export function number(title: string, unit: Panel["unit"], expr: string, thresholds?: Panel["thresholds"]): Panel {
  const panel = { ...show("stat", title, unit, expr), width: 4 };
  return thresholds === undefined ? panel : { ...panel, thresholds };
}
