/** The alarms: each fires and resolves in a rehearsal that could fail, names figures that exist, and has its page in the runbook. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ALERTS } from "../../provisioning/observability/alerts.ts";
import { rendered } from "../../provisioning/observability/rendered.ts";
import { rules, runbookUrl, ruleTests } from "../../provisioning/observability/rules.ts";
import { fullPage, labelsOnPage } from "./full-page.ts";
import { missingPrometheus, OBSERVABILITY, promtool, withCopy } from "./promtool.ts";
import { namesIn } from "./promql.ts";

const missing = missingPrometheus("promtool");
const ROOT = join(OBSERVABILITY, "../..");

test("the rendered files are what the code renders: node provisioning/observability/write.ts", () => {
  for (const [name, text] of rendered()) expect(readFileSync(join(OBSERVABILITY, name), "utf8"), name).toBe(text);
});

describe.skipIf(missing !== undefined)(`promtool${missing === undefined ? "" : `: ${missing}`}`, () => {
  test("takes the configuration with its rules", () => {
    expect(promtool(["check", "config", "prometheus.yml"])).toMatchObject({ ok: true });
    expect(promtool(["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"])).toMatchObject({ ok: true });
  });

  test("finds nothing to say against the figures of an exporter that tells all", async () => {
    expect(promtool(["check", "metrics"], await fullPage())).toEqual({ ok: true, text: "" });
  });

  test("sees every alarm fire and resolve", { timeout: 120_000 }, () => {
    expect(promtool(["test", "rules", "rules_test.yml"])).toMatchObject({ ok: true });
  });

  test.each([
    ["never fires", "vector(0) == 1"],
    ["never resolves", "vector(1) == 1"],
  ])("would see each of them if it %s", (_, expr) => {
    // Each by itself: all rules over all rehearsals take promtool a minute on a busy machine.
    const files: Record<string, string> = {};
    for (const { name } of ALERTS) {
      files[`${name}.yml`] = rules(undefined, name).replaceAll(/expr: ".*"$/gm, `expr: "${expr}"`);
      files[`${name}_test.yml`] = ruleTests(name);
    }
    const said = withCopy(files, (folder) =>
      promtool(["test", "rules", ...ALERTS.map(({ name }) => join(folder, `${name}_test.yml`))]),
    );
    expect(said.ok).toBe(false);
    for (const { name } of ALERTS) expect(said.text).toContain(`alertname: ${name}`);
  });
});

test("each has a rehearsal in which it is well, not ill for long enough, fires, and resolves", () => {
  const text = ruleTests();
  for (const { name } of ALERTS) {
    const own = text.split("\n  - name: ").filter((part) => part.startsWith(`"${name} `));
    expect(own, name).toHaveLength(1);
    expect(own[0]?.match(/exp_alerts: \[\]/g), name).toHaveLength(3);
    expect(own[0]?.match(/exp_labels:/g), name).toHaveLength(1);
  }
});

test("each names figures and labels that the exporter has", async () => {
  const page = labelsOnPage(await fullPage());
  const own = new Set(["job", "instance", "severity"]);
  for (const { name, expr, summary, drill } of ALERTS) {
    for (const { metric, labels } of namesIn(expr)) {
      if (metric === "up") continue;
      expect(page.has(metric), `${name}: ${metric}`).toBe(true);
      for (const label of labels)
        expect(own.has(label) || page.get(metric)?.has(label), `${name}: ${label}`).toBe(true);
    }
    for (const { metric, labels = {} } of drill.series) {
      if (metric === "up") continue;
      expect([...(page.get(metric) ?? [])].toSorted(), `${name}: ${metric}`).toEqual(Object.keys(labels).toSorted());
    }
    const told = new Set([...own, ...Object.keys(drill.labels ?? {})]);
    for (const [, label = ""] of summary.matchAll(/\$labels\.(\w+)/g))
      expect(told, `${name}: ${label}`).toContain(label);
  }
});

test("each has a time, words, and its page in the runbook; and the runbook has no other", () => {
  const page = readFileSync(join(ROOT, "docs/runbook-alarms.md"), "utf8");
  const headings = [...page.matchAll(/^## (Caye\w+)$/gm)].map(([, heading = ""]) => heading);
  expect(headings.toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted());
  for (const { name, forMinutes, summary, description } of ALERTS) {
    expect(forMinutes, name).toBeGreaterThan(0);
    expect(summary, name).toContain("{{ $labels.instance }}");
    expect(description, name).toMatch(/\.$/);
    const [, body = ""] = page.split(`## ${name}\n`);
    expect(body.split("\n## ")[0]?.trim().length, name).toBeGreaterThan(80);
    expect(runbookUrl(name)).toBe(`docs/runbook-alarms.md#${name.toLowerCase()}`);
  }
});
