/** The Prometheus page, parsed as Prometheus would. @module */
import { expect, test } from "vitest";
import { createMetrics, renderMetrics } from "../../src/api/metrics.ts";
import { statusReport } from "../fakes/agent-view.ts";
import { machineFigures } from "../fakes/machine-figures.ts";
import { TIME } from "../observability/full-page.ts";

const URL_OF_PAGE = "http://127.0.0.1:9427/metrics";

/** Every sample by name and labels, after checking the grammar of the text format line by line. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("#")) {
      expect(line).toMatch(/^# (?:HELP [a-z_]+ \S.*|TYPE [a-z_]+ (?:gauge|counter))$/);
      continue;
    }
    const parts = /^([a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (-?[\d.e+-]+)$/.exec(line);
    expect(parts, line).not.toBeNull();
    expect(found.has(parts?.[1] ?? "")).toBe(false);
    found.set(parts?.[1] ?? "", Number(parts?.[2]));
  }
  return found;
}

test("a scrape gives every figure of the status report", async () => {
  const response = await createMetrics(
    { status: () => Promise.resolve(statusReport()) },
    { host: "127.0.0.1" },
  )(new Request(URL_OF_PAGE));
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(Object.fromEntries(samples(await response.text()))).toEqual({
    caye_up: 1,
    caye_alerts_active: 2,
    caye_alerts_unread: 1,
    caye_alerts_unverified: 0,
    'caye_info{node="clinic-roof",author="clinic-roof (3f9a1c20b4d5e6f7)",version="0.1.0"}': 1,
    caye_uptime_seconds: 7_380,
    'caye_trust_state{state="running"}': 0,
    'caye_trust_state{state="warned"}': 1,
    'caye_trust_state{state="quarantine"}': 0,
    'caye_boot_step_seconds{step="measure"}': 0.012,
    'caye_boot_step_seconds{step="attest"}': 0.08,
    'caye_boot_step_ok{step="measure",state="measured"}': 1,
    'caye_boot_step_ok{step="attest",state="mismatch"}': 0,
    'caye_events_total{event="bad_frames"}': 3,
    'caye_events_total{event="frames_in"}': 1_000,
    'caye_radio_link{link="connecting"}': 0,
    'caye_radio_link{link="configuring"}': 0,
    'caye_radio_link{link="ready"}': 1,
    'caye_radio_link{link="down"}': 0,
    caye_radio_simulated: 1,
    caye_radio_queued: 2,
    caye_air_used_seconds: 12.345,
    caye_air_budget_seconds: 1_800,
    caye_air_law_seconds: 3_600,
    caye_air_others_seconds: 4,
    caye_air_duty_cycle: 1,
    caye_air_duty_share: 0.5,
    caye_channel_use: 0.125,
    caye_radio_silent_seconds: 0,
    'caye_air_holds_total{reason="channel"}': 3,
    'caye_air_held_seconds_total{reason="channel"}': 4.5,
    caye_shard_blocks: 33,
    caye_shard_bytes: 120_000,
    caye_shard_files: 12,
    caye_shard_authors: 4,
    caye_neighbours: 1,
    'caye_neighbours_attestation{state="attested"}': 0,
    'caye_neighbours_attestation{state="failed"}': 0,
    'caye_neighbours_attestation{state="no-answer"}': 0,
    'caye_neighbours_attestation{state="unattested"}': 0,
    'caye_neighbours_attestation{state="unknown"}': 1,
    caye_radio_heard_seconds: 7_380,
    'caye_neighbour_heard_seconds{author="school \\"A\\" (00112233aabbccdd)"}': 12,
  });
});

test("an agent that can't tell its status is down, and the page says only that", async () => {
  const page = createMetrics({ status: () => Promise.reject(new Error("x")) }, { host: "127.0.0.1" });
  expect(Object.fromEntries(samples(await (await page(new Request(URL_OF_PAGE))).text()))).toEqual({ caye_up: 0 });
});

test("a name from the air breaks no line, and a crowd of neighbours no Prometheus", async () => {
  const neighbours = Array.from({ length: 500 }, (_, i) => ({ author: `x"\n\\ ${i}`, heard_s_ago: i, entries: 1 }));
  const found = samples(await renderMetrics(statusReport({ neighbours })));
  expect(found.get("caye_neighbours")).toBe(500);
  expect([...found.keys()].filter((key) => key.startsWith("caye_neighbour_heard_seconds"))).toHaveLength(50);
});

test("scrapes at the same time do not disturb one another", async () => {
  const pages = await Promise.all(Array.from({ length: 10 }, () => renderMetrics(statusReport())));
  expect(new Set(pages).size).toBe(1);
});

test("nothing but the page is there, and only for this host", async () => {
  const page = createMetrics({ status: () => Promise.resolve(statusReport()) }, { host: "127.0.0.1" });
  expect((await page(new Request("http://127.0.0.1:9427/"))).status).toBe(404);
  expect((await page(new Request(URL_OF_PAGE, { method: "POST" }))).status).toBe(404);
  expect((await page(new Request(URL_OF_PAGE, { headers: { host: "evil.example" } }))).status).toBe(403);
});

test("the agent's own word on the time goes before the machine's clock, and a backup counts for who made it", async () => {
  const of = async (...parts: Parameters<typeof renderMetrics>) => samples(await renderMetrics(...parts));
  const early = machineFigures({ unixS: 3_600, backups: new Map([["00112233aabbccdd", 1_790_000_000]]) });
  const author = "3f9a1c20b4d5e6f7";
  const alone = await of(statusReport({ author }), early);
  expect([alone.get("caye_clock_set"), alone.get("caye_backup_timestamp_seconds")]).toEqual([0, 0]);
  expect(alone.has('caye_clock_source{source="radio"}')).toBe(false);
  const time = { ...TIME, source: "radio", uncertainty_s: null } as const;
  const told = await of(statusReport({ author: "00112233aabbccdd", time }), early);
  expect([told.get("caye_clock_set"), told.get("caye_backup_timestamp_seconds")]).toEqual([1, 1_790_000_000]);
  expect([told.get('caye_clock_source{source="radio"}'), told.get('caye_clock_source{source="network"}')]).toEqual([
    1, 0,
  ]);
  expect(told.has("caye_clock_uncertainty_seconds")).toBe(false);
  const shut = await of(statusReport({ author: "" }), machineFigures({ backups: undefined, updateStep: undefined }));
  expect([...shut.keys()].filter((name) => /backup|update/.test(name))).toEqual([]);
});
