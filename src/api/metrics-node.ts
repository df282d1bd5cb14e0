/** The figures of the node, its radio and what it holds. @module */
import type { StatusReport } from "../kernel/reports.ts";
import type { Page } from "./metrics-page.ts";

const LINKS: readonly string[] = ["connecting", "configuring", "ready", "down"];
/** Counters of the status that tell of a full queue, and the queue. */
const QUEUES: ReadonlyMap<string, string> = new Map([
  ["radio_dropped", "to_send"],
  ["modem_dropped_packets", "received"],
  ["shard_pending_dropped", "entries_pending"],
]);
/** These can fall: no counters. */
const LEVELS: ReadonlySet<string> = new Set(["shard_pending"]);

export function addNode(page: Page, status: StatusReport): void {
  const { node, author, version, alerts, counters } = status;
  page.gauge("caye_info", "Who this is; always 1", 1, { node, author, version });
  page.gauge("caye_uptime_seconds", "Seconds since the agent started", status.uptime_s);
  for (const [name, count] of Object.entries(counters)) {
    const queue = QUEUES.get(name);
    if (queue !== undefined) {
      page.counter("caye_queue_dropped_total", "What a full queue had no room for", count, { queue });
    } else if (!LEVELS.has(name)) {
      page.counter("caye_events_total", "Events counted since the start, by name", count, { event: name });
    }
  }
  page.gauge("caye_alerts_active", "Alerts that hold now", alerts.active);
  page.gauge("caye_alerts_unread", "Alerts that hold now and that nobody here has read", alerts.unread);
  page.gauge("caye_alerts_unverified", "Alerts of strangers that hold now", alerts.unverified);
}

export function addRadio(page: Page, { radio, uptime_s: uptimeS, tunnels = [] }: StatusReport): void {
  for (const link of new Set([...LINKS, radio.link])) {
    page.gauge("caye_radio_link", "1 for the state of the link to the radio", Number(link === radio.link), { link });
  }
  page.gauge("caye_radio_simulated", "1 when the radio is the simulated village", Number(radio.simulated));
  page.gauge(
    "caye_radio_heard_seconds",
    "Seconds since the radio gave a packet of anybody, or since the start",
    radio.heard_s_ago ?? uptimeS,
  );
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
  for (const { kind, peer, up } of tunnels) {
    page.gauge("caye_tunnel_up", "1 while a link to the online world stands", Number(up), { kind, peer });
  }
}

export function addShard(page: Page, { shard, counters }: StatusReport): void {
  page.gauge("caye_shard_blocks", "Blocks held", shard.blocks);
  page.gauge("caye_shard_bytes", "Bytes of the blocks held", shard.bytes);
  page.gauge("caye_shard_files", "Files known", shard.files);
  page.gauge("caye_shard_authors", "Authors known", shard.authors);
  const pending = counters["shard_pending"];
  if (pending !== undefined) page.gauge("caye_shard_pending", "Entries that wait for the ones before them", pending);
}
