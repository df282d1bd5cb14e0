/** Prometheus' rules, and promtool's unit tests in which each alert fires and resolves. @module */
import { ALERT_GROUPS, ALERTS } from "./alerts.ts";
import type { Alert, Course } from "./drill.ts";
import { toYaml, type Yaml } from "./yaml.ts";

const NOTE = "Written by provisioning/observability/write.ts from alerts-*.ts: change it there.";
const RUNBOOK = "docs/runbook-alarms.md";
/** Well for so many minutes first; and again at the end. */
const WELL_MINUTES = 10;
/** Ill for longer than `for` by so much; the longest look back of a rule passes in it. */
const MORE_MINUTES = 20;
const TARGET = { job: "caye", instance: "clinic-roof" } as const;

/**
 * @param duration how so many minutes are written; shorter for rehearsals against a real Prometheus
 * @param only the alert of that name; all when left out
 */
export function rules(duration = (minutes: number) => `${minutes}m`, only?: string): string {
  const groups = Object.entries(ALERT_GROUPS).map(([name, alerts]) => ({
    name,
    rules: chosen(alerts, only).map(({ name: alert, expr, forMinutes, severity, summary, description }) => ({
      alert,
      expr: expr.replaceAll(/\[(\d+)m\]/g, (_, minutes: string) => `[${duration(Number(minutes))}]`),
      for: duration(forMinutes),
      labels: { severity },
      annotations: { summary, description, runbook_url: runbookUrl(alert) },
    })),
  }));
  return toYaml({ groups }, NOTE);
}

export function runbookUrl(alert: string): string {
  return `${RUNBOOK}#${alert.toLowerCase()}`;
}

/** @param only of the alert of that name, against a file of its own: `NAME.yml` */
export function ruleTests(only?: string): string {
  const tests = chosen(ALERTS, only).map((alert) => testOf(alert));
  return toYaml({ rule_files: [`${only ?? "rules"}.yml`], evaluation_interval: "1m", tests }, NOTE);
}

function chosen(alerts: readonly Alert[], only: string | undefined): readonly Alert[] {
  return only === undefined ? alerts : alerts.filter(({ name }) => name === only);
}

function testOf(alert: Alert): Yaml {
  const { name, forMinutes, severity, summary, description, drill } = alert;
  const illUntil = WELL_MINUTES + forMinutes + MORE_MINUTES;
  const labels = { ...TARGET, severity, ...drill.labels };
  const fired = {
    exp_labels: labels,
    exp_annotations: {
      summary: filled(summary, labels),
      description: filled(description, labels),
      runbook_url: runbookUrl(name),
    },
  };
  const at = (minute: number, fires: boolean): Yaml => ({
    eval_time: `${minute}m`,
    alertname: name,
    exp_alerts: fires ? [fired] : [],
  });
  return {
    name: `${name} fires and resolves`,
    interval: "1m",
    input_series: drill.series.map(({ metric, labels: own = {}, well, ill }) => ({
      series: seriesName(metric, { ...TARGET, ...own }),
      values: values(well, ill, illUntil),
    })),
    // Well; ill, but not for long enough; firing; and well again for long enough that no rule looks back at the fault.
    alert_rule_test: [
      at(WELL_MINUTES - 1, false),
      at(WELL_MINUTES + forMinutes - 1, false),
      at(illUntil - 1, true),
      at(illUntil + MORE_MINUTES, false),
    ],
  };
}

function seriesName(metric: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `${metric}{${pairs.join(",")}}`;
}

/** One value a minute; what ends is marked as ended, as a scrape without it would. */
function values(well: Course, ill: Course, illUntil: number): string {
  const words: string[] = [];
  for (let minute = 0; minute <= illUntil + MORE_MINUTES; minute++) {
    const course = minute < WELL_MINUTES || minute >= illUntil ? well : ill;
    const value = course(minute);
    const last = words.at(-1);
    words.push(
      value === undefined ? (last === undefined || last === "_" || last === "stale" ? "_" : "stale") : String(value),
    );
  }
  return words.join(" ");
}

function filled(text: string, labels: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? "");
}
