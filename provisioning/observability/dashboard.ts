/** Grafana dashboards as code: panels on a grid of 24 columns, each with its unit. @module */

/** Grafana's ids of units. */
export type Unit =
  | "short"
  | "none"
  | "bool"
  | "s"
  | "bytes"
  | "celsius"
  | "percentunit"
  | "ops"
  | "bits"
  | "dateTimeAsIso";

export interface Panel {
  readonly kind: "timeseries" | "stat" | "table";
  readonly title: string;
  readonly unit: Unit;
  /** PromQL, and how its series are named. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Of 24 columns; 12 when left out. */
  readonly width?: number;
  readonly description?: string;
  /** From which value on it is orange, and red. Rising, or falling when `red` is below `orange`. */
  readonly thresholds?: { readonly orange: number; readonly red: number };
}

export interface LogPanel {
  readonly kind: "logs";
  readonly title: string;
  /** LogQL. */
  readonly query: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** True when one node is looked at at a time. */
  readonly oneNode: boolean;
  readonly rows: readonly { readonly title: string; readonly panels: readonly (Panel | LogPanel)[] }[];
}

const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const PANEL_HEIGHT = 8;
const STAT_HEIGHT = 4;
const PROMETHEUS = { type: "prometheus", uid: "prometheus" } as const;
const LOKI = { type: "loki", uid: "loki" } as const;

/** As Grafana reads it from a file. */
export function dashboardJson(dashboard: Dashboard): string {
  const { uid, title, description } = dashboard;
  const model = {
    uid,
    title,
    description,
    tags: ["caye"],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    templating: { list: [instances(dashboard.oneNode)] },
    links: [{ title: "Caye", type: "dashboards", tags: ["caye"], asDropdown: true, keepTime: true, includeVars: true }],
    panels: laidOut(dashboard),
  };
  return `${JSON.stringify(model, undefined, 2)}\n`;
}

function instances(one: boolean): object {
  const query = "label_values(caye_up, instance)";
  const many = one ? {} : { includeAll: true, multi: true, allValue: ".*", current: { text: "All", value: "$__all" } };
  return {
    name: "instance",
    label: "Node",
    type: "query",
    datasource: PROMETHEUS,
    query,
    refresh: 2,
    sort: 1,
    ...many,
  };
}

/** Rows of panels, left to right, wrapped where a row is full. */
function laidOut({ rows }: Dashboard): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    });
    let x = 0;
    let highest = 0;
    for (const panel of row.panels) {
      const w = panel.kind === "logs" ? COLUMNS : (panel.width ?? COLUMNS / 2);
      const h = panel.kind === "stat" ? STAT_HEIGHT : PANEL_HEIGHT;
      if (x + w > COLUMNS) {
        y += highest;
        x = 0;
        highest = 0;
      }
      panels.push({ id: panels.length + 1, gridPos: { x, y, w, h }, ...panelModel(panel) });
      x += w;
      highest = Math.max(highest, h);
    }
    y += highest;
  }
  return panels;
}

function panelModel(panel: Panel | LogPanel): object {
  const { title } = panel;
  if (panel.kind === "logs") {
    return {
      type: "logs",
      title,
      datasource: LOKI,
      fieldConfig: { defaults: { unit: "none" }, overrides: [] },
      options: { showTime: true, sortOrder: "Descending", wrapLogMessage: true, enableLogDetails: true },
      targets: [{ refId: "A", datasource: LOKI, expr: panel.query }],
    };
  }
  const { kind, unit, queries, description, thresholds } = panel;
  const instant = kind !== "timeseries";
  return {
    type: kind,
    title,
    ...(description === undefined ? {} : { description }),
    datasource: PROMETHEUS,
    fieldConfig: {
      defaults: { unit, ...(thresholds === undefined ? {} : { thresholds: steps(thresholds) }) },
      overrides: [],
    },
    options: optionsOf(kind),
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: PROMETHEUS,
      expr,
      legendFormat,
      ...(instant ? { instant: true, range: false } : {}),
      ...(kind === "table" ? { format: "table" } : {}),
    })),
  };
}

function optionsOf(kind: Panel["kind"]): object {
  if (kind === "timeseries")
    return { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } };
  if (kind === "stat") return { reduceOptions: { calcs: ["lastNotNull"] }, colorMode: "value", textMode: "auto" };
  return { showHeader: true };
}

function steps({ orange, red }: { readonly orange: number; readonly red: number }): object {
  const rising = red >= orange;
  const list = rising
    ? [
        { color: "green", value: null },
        { color: "orange", value: orange },
        { color: "red", value: red },
      ]
    : [
        { color: "red", value: null },
        { color: "orange", value: red },
        { color: "green", value: orange },
      ];
  return { mode: "absolute", steps: list };
}
