/** The agent's figures in Prometheus' text format, drawn from the status report at each scrape. @module */
import { Counter, Gauge, Registry } from "prom-client";
import type { EntropyReport } from "../kernel/entropy-reports.ts";
import type { StatusReport } from "../kernel/reports.ts";
import { COMMON_HEADERS, failureOf } from "./failure.ts";
import { checkHost } from "./guard.ts";
import type { AgentView } from "./view.ts";
import { AgentError } from "../kernel/errors.ts";

const TRUST_STATES = ["running", "warned", "quarantine"] as const;
const LINKS: readonly string[] = ["connecting", "configuring", "ready", "down"];
/** A crowd of neighbours must not become a crowd of time series. */
const MAX_NEIGHBOUR_SERIES = 50;

/** Answers `GET /metrics`; never rejects. When the agent can't tell its status, the page says `caye_up 0`. */
export function createMetrics(
  view: Pick<AgentView, "status">,
  options: { readonly host: string },
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      checkHost(request, options.host);
      if (new URL(request.url).pathname !== "/metrics" || !["GET", "HEAD"].includes(request.method)) {
        throw new AgentError("NOT_FOUND", "the figures are at GET /metrics");
      }
      const status = await view.status().catch(() => undefined);
      const headers = { ...COMMON_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8" };
      return new Response(await renderMetrics(status), { headers });
    } catch (error) {
      return failureOf(error);
    }
  };
}

/** A registry of its own for each page: nothing of an older status can stay behind, and scrapes may overlap. */
export async function renderMetrics(status: StatusReport | undefined): Promise<string> {
  const page = new Page();
  page.gauge("caye_up", "1 when the agent answers", status === undefined ? 0 : 1);
  if (status !== undefined) {
    addNode(page, status);
    addRadio(page, status.radio);
    addShard(page, status);
    if (status.entropy !== undefined) addEntropy(page, status.entropy);
    page.gauge("caye_alerts_active", "Alerts that hold now", status.alerts.active);
    page.gauge("caye_alerts_unread", "Alerts that hold now and that nobody here has read", status.alerts.unread);
    page.gauge("caye_alerts_unverified", "Alerts of strangers that hold now", status.alerts.unverified);
  }
  return page.text();
}

function addNode(page: Page, status: StatusReport): void {
  page.gauge("caye_info", "Who this is; always 1", 1, {
    node: status.node,
    author: status.author,
    version: status.version,
  });
  page.gauge("caye_uptime_seconds", "Seconds since the agent started", status.uptime_s);
  for (const state of TRUST_STATES) {
    page.gauge("caye_trust_state", "1 for the state that the boot ended in", Number(state === status.state), { state });
  }
  for (const { step, state, ok, ms } of status.trust.steps) {
    page.gauge("caye_boot_step_ms", "Milliseconds that a boot step took", ms, { step });
    page.gauge("caye_boot_step_ok", "1 when a boot step ended well; its named outcome is the label", Number(ok), {
      step,
      state,
    });
  }
  for (const [name, count] of Object.entries(status.counters)) {
    page.counter("caye_counter_total", "Events counted since the start, by name", count, { name });
  }
}

function addEntropy(page: Page, { state, sources, reseeds }: EntropyReport): void {
  page.gauge(
    "caye_entropy_degraded",
    "1 while a source of entropy that was asked for fails",
    Number(state !== "healthy"),
  );
  page.counter("caye_entropy_reseeds_total", "Reseeds of the generator from all sources since the start", reseeds, {});
  for (const { source, state: standing, ok, samples, failures, assessed, threshold } of sources) {
    page.gauge("caye_entropy_source_ok", "1 while the source is well; its named state is the label", Number(ok), {
      source,
      state: standing,
    });
    page.counter("caye_entropy_samples_total", "Samples of the source that were tested", samples, { source });
    page.counter("caye_entropy_failures_total", "How often the source failed", failures, { source });
    if (assessed === null || threshold === null) continue;
    page.gauge("caye_entropy_assessed_bits", "Bits a sample, of the latest 10000 samples", assessed, { source });
    page.gauge("caye_entropy_threshold_bits", "Bits a sample that 10000 samples must reach", threshold, { source });
  }
}

function addRadio(page: Page, radio: StatusReport["radio"]): void {
  for (const link of new Set([...LINKS, radio.link])) {
    page.gauge("caye_radio_link", "1 for the state of the link to the radio", Number(link === radio.link), { link });
  }
  page.gauge("caye_radio_simulated", "1 when the radio is the simulated village", Number(radio.simulated));
  page.gauge("caye_radio_queued", "Packets that wait for air time", radio.queued);
  page.gauge("caye_air_used_seconds", "Time on air in the rolling hour", radio.air_used_ms / 1000);
  page.gauge("caye_air_budget_seconds", "Time on air that may be used in an hour", radio.air_budget_ms / 1000);
  page.gauge("caye_air_law_seconds", "Time on air that the law allows in an hour", radio.air_law_ms / 1000);
  page.gauge("caye_air_others_seconds", "Time on air of the radio in the hour for others", radio.air_others_ms / 1000);
  page.gauge("caye_air_duty_cycle", "The law's part of an hour, 0 to 1", radio.duty_cycle);
  page.gauge("caye_air_duty_share", "Our part of the law's time, 0 to 1", radio.duty_share);
  page.gauge("caye_channel_use", "Use of the channel in the last minute, 0 to 1", radio.channel_use);
  page.gauge("caye_radio_silent_seconds", "Seconds for which the radio still keeps silence", radio.silent_s);
  for (const [reason, { times, ms }] of Object.entries(radio.holds)) {
    page.counter("caye_air_holds_total", "Waits of packets, by what they waited for", times, { reason });
    page.counter("caye_air_held_seconds_total", "Seconds that packets waited, by what for", ms / 1000, { reason });
  }
}

function addShard(page: Page, { shard, neighbours }: StatusReport): void {
  page.gauge("caye_shard_blocks", "Blocks held", shard.blocks);
  page.gauge("caye_shard_bytes", "Bytes of the blocks held", shard.bytes);
  page.gauge("caye_shard_files", "Files known", shard.files);
  page.gauge("caye_shard_authors", "Authors known", shard.authors);
  page.gauge("caye_neighbours", "Neighbours heard since the start", neighbours.length);
  for (const { author, heard_s_ago } of neighbours.slice(0, MAX_NEIGHBOUR_SERIES)) {
    page.gauge("caye_neighbour_heard_seconds", "Seconds since a neighbour was last heard", heard_s_ago, { author });
  }
}

type Labels = Readonly<Record<string, string>>;

class Page {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    const gauge = this.#gauges.get(name) ?? new Gauge({ ...this.#options(name, help, labels) });
    this.#gauges.set(name, gauge);
    gauge.set({ ...labels }, value);
  }

  counter(name: string, help: string, value: number, labels: Labels): void {
    const counter = this.#counters.get(name) ?? new Counter({ ...this.#options(name, help, labels) });
    this.#counters.set(name, counter);
    counter.inc({ ...labels }, value);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #options(name: string, help: string, labels: Labels) {
    return { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
  }
}
