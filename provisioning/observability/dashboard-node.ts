/** What one node does, how its machine is, and what it writes to its log. @module */
import type { Dashboard } from "./dashboard.ts";
import { I, number, show } from "./panels.ts";

export const ONE_NODE: Dashboard = {
  uid: "caye-node",
  title: "Caye: one node",
  description: "What one node does, how its machine is, and what it writes to its log.",
  oneNode: true,
  rows: [
    {
      title: "Now",
      panels: [
        number("Up for", "s", `caye_uptime_seconds${I}`),
        { ...show("stat", "State", "none", `caye_trust_state${I} == 1`, "{{state}}"), width: 4 },
        { ...show("stat", "Radio", "none", `caye_radio_link${I} == 1`, "{{link}}"), width: 4 },
        number("Temperature", "celsius", `max(caye_temperature_celsius${I})`, { orange: 75, red: 80 }),
        number("Disk free", "bytes", `caye_disk_free_bytes${I}`, { orange: 1e9, red: 268_435_456 }),
        number("Alerts unread", "short", `caye_alerts_unread${I}`, { orange: 1, red: 5 }),
      ],
    },
    {
      title: "The agent",
      panels: [
        {
          kind: "timeseries",
          title: "Memory",
          unit: "bytes",
          queries: [
            [`process_resident_memory_bytes${I}`, "in RAM"],
            [`caye_heap_used_bytes${I}`, "JavaScript"],
          ],
        },
        show(
          "timeseries",
          "Processor",
          "percentunit",
          `rate(process_cpu_seconds_total${I}[$__rate_interval])`,
          "of one core",
        ),
        show("timeseries", "Event loop late by", "s", `caye_event_loop_lag_seconds${I}`, "late"),
        show(
          "timeseries",
          "Signs of life for systemd",
          "ops",
          `rate(caye_watchdog_beats_total${I}[$__rate_interval])`,
          "beats",
        ),
        show(
          "timeseries",
          "Dropped by full queues",
          "ops",
          `rate(caye_queue_dropped_total${I}[$__rate_interval])`,
          "{{queue}}",
        ),
        show("timeseries", "Events", "ops", `topk(12, rate(caye_events_total${I}[$__rate_interval]))`, "{{event}}"),
      ],
    },
    {
      title: "What it holds",
      panels: [
        {
          kind: "timeseries",
          title: "Blocks, files, authors",
          unit: "short",
          queries: [
            [`caye_shard_blocks${I}`, "blocks"],
            [`caye_shard_files${I}`, "files"],
            [`caye_shard_authors${I}`, "authors"],
            [`caye_shard_pending${I}`, "entries that wait"],
          ],
        },
        {
          kind: "timeseries",
          title: "Bytes",
          unit: "bytes",
          queries: [
            [`caye_shard_bytes${I}`, "blocks"],
            [`caye_disk_size_bytes${I} - caye_disk_free_bytes${I}`, "disk in use"],
          ],
        },
        {
          kind: "timeseries",
          title: "Alerts of the village",
          unit: "short",
          queries: [
            [`caye_alerts_active${I}`, "hold"],
            [`caye_alerts_unread${I}`, "unread"],
            [`caye_alerts_unverified${I}`, "of strangers"],
          ],
        },
        show(
          "timeseries",
          "Clock against Prometheus",
          "s",
          `caye_clock_seconds${I} - timestamp(caye_clock_seconds${I})`,
          "off by",
        ),
      ],
    },
    {
      title: "The board",
      panels: [
        show("timeseries", "Lines that can be used", "bool", `caye_board_line_ok${I}`, "{{line}}"),
        {
          kind: "timeseries",
          title: "Case, siren, resets of the radio",
          unit: "short",
          queries: [
            [`caye_board_tamper_opened${I}`, "case opened"],
            [`caye_board_siren_alerts${I}`, "alerts that sound"],
            [`increase(caye_board_radio_resets_total${I}[1h])`, "resets in an hour"],
          ],
        },
      ],
    },
    {
      title: "Traces",
      panels: [show("timeseries", "Spans", "ops", `rate(caye_spans_total${I}[$__rate_interval])`, "{{outcome}}")],
    },
    { title: "Log", panels: [{ kind: "logs", title: "Log", query: '{job="caye",instance=~"$instance"} | json' }] },
  ],
};
