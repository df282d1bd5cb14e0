/** Dashboards without Grafana: their form, and that every expression parses and names what the agent really exports. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fullPage, labelsOnPage } from "./full-page.ts";
import { missingPrometheus, OBSERVABILITY, promtool, withCopy } from "./promtool.ts";
import { namesIn } from "./promql.ts";

interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly datasource: { readonly uid: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}

interface Board {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly Panel[];
}

const FOLDER = join(OBSERVABILITY, "grafana/dashboards");
const boards = readdirSync(FOLDER).map((file) => {
  const board: Board = JSON.parse(readFileSync(join(FOLDER, file), "utf8"));
  return { file, board };
});
const asked = boards.flatMap(({ file, board }) =>
  board.panels.flatMap(({ title, targets = [] }) =>
    targets.map((target) => ({ where: `${file}: ${title}`, ...target })),
  ),
);
const promql = asked.filter(({ datasource }) => datasource.uid === "prometheus");

/** As Grafana fills in its variables. */
const filled = (expr: string): string => expr.replaceAll(/\$__(?:rate_)?interval/g, "5m").replaceAll(/\$(\w+)/g, "$1");

test("there are four, with panels enough", () => {
  expect(boards.map(({ board }) => board.uid)).toEqual(["caye-node", "caye-radio", "caye-trust", "caye-village"]);
  expect(promql.length).toBeGreaterThan(60);
});

test.each(boards)("$file is a dashboard: unique ids, titles, units, nothing overlaps", ({ file, board }) => {
  expect(file).toBe(`${board.uid}.json`);
  expect(board.schemaVersion).toBeGreaterThanOrEqual(36);
  expect(board.title).not.toBe("");
  const ids = board.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const taken = new Set<string>();
  for (const { type, title, gridPos, fieldConfig, targets } of board.panels) {
    expect(title).not.toBe("");
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x},${y}`), `${title} overlaps`).toBe(false);
        taken.add(`${x},${y}`);
      }
    }
    if (type === "row") continue;
    expect(fieldConfig?.defaults.unit, title).toBeDefined();
    expect(targets?.length, title).toBeGreaterThan(0);
  }
});

test("every expression parses", (context) => {
  const missing = missingPrometheus("promtool");
  if (missing !== undefined) context.skip(missing);
  const check = (exprs: readonly string[]) => {
    const rules = exprs.map((expr, index) => ({ record: `panel:${index}`, expr: filled(expr) }));
    const file = JSON.stringify({ groups: [{ name: "panels", rules }] });
    return withCopy({ "panels.yml": file }, (folder) => promtool(["check", "rules", join(folder, "panels.yml")]));
  };
  expect(check(promql.map(({ expr }) => expr))).toMatchObject({ ok: true });
  expect(check(["sum(caye_up"])).toMatchObject({ ok: false });
});

test("every expression names a figure that the agent exports, with labels that it has", async () => {
  const page = labelsOnPage(await fullPage());
  for (const { where, expr, legendFormat = "" } of promql) {
    const names = namesIn(expr);
    if (!expr.startsWith("ALERTS{") && !expr.startsWith("count(ALERTS{"))
      expect(names.length, where).toBeGreaterThan(0);
    const labels = new Set(["instance", "job"]);
    for (const { metric, labels: selected } of names) {
      expect(metric === "up" || page.has(metric), `${where}: ${metric}`).toBe(true);
      for (const label of page.get(metric) ?? []) labels.add(label);
      for (const label of selected) expect(labels, `${where}: ${label}`).toContain(label);
    }
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels, where).toContain(label);
  }
});

test("every figure that the agent exports is on a dashboard or rings an alarm", async () => {
  const shown = new Set(promql.flatMap(({ expr }) => namesIn(expr).map(({ metric }) => metric)));
  const rules = readFileSync(join(OBSERVABILITY, "prometheus/rules.yml"), "utf8");
  for (const metric of labelsOnPage(await fullPage()).keys()) {
    expect(shown.has(metric) || rules.includes(metric), metric).toBe(true);
  }
});

test("panels ask the sources that are provisioned, and choose nodes by a figure that there is", () => {
  const sources = readFileSync(join(OBSERVABILITY, "grafana/provisioning/datasources/caye.yml"), "utf8");
  for (const uid of new Set(asked.map(({ datasource }) => datasource.uid))) expect(sources).toContain(`uid: ${uid}\n`);
  for (const { board } of boards) {
    expect(board.templating.list).toMatchObject([{ name: "instance", query: "label_values(caye_up, instance)" }]);
  }
});
