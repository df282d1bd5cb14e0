/** The four dashboards: the village at a glance, one node, trust and entropy, radio and airtime. @module */
import type { Dashboard, Panel } from "./dashboard.ts";

const I = '{instance=~"$instance"}';
const NODE = "{{instance}}";

/** One line or number for each series of a figure. */
function show(kind: Panel["kind"], title: string, unit: Panel["unit"], expr: string, legend = NODE): Panel {
  return { kind, title, unit, queries: [[expr, legend]] };
}

function number(title: string, unit: Panel["unit"], expr: string, thresholds?: Panel["thresholds"]): Panel {
  const panel = { ...show("stat", title, unit, expr), width: 4 };
  return thresholds === undefined ? panel : { ...panel, thresholds };
}

const VILLAGE: Dashboard = {
  uid: "caye-village",
  title: "Caye: the village",
  description: "All nodes at a glance: who answers, who is well, and what fires.",
  oneNode: false,
  rows: [
    {
      title: "Now",
      panels: [
        number("Nodes that answer", "short", `sum(caye_up${I})`),
        number("Nodes that do not", "short", 'count(up{job="caye"} == 0) or vector(0)', { orange: 1, red: 1 }),
        number("In quarantine", "short", 'sum(caye_trust_state{state="quarantine"})', { orange: 1, red: 1 }),
        number("With a warning", "short", 'sum(caye_trust_state{state="warned"})', { orange: 1, red: 100 }),
        number("Alarms that fire", "short", 'count(ALERTS{alertstate="firing",alertname=~"Caye.*"}) or vector(0)', {
          orange: 1,
          red: 3,
        }),
        number("Village alerts that hold", "short", `max(caye_alerts_active${I})`, { orange: 1, red: 5 }),
        show("table", "Alarms", "none", 'ALERTS{alertstate="firing",alertname=~"Caye.*"}'),
        show("table", "Versions", "none", `caye_info${I}`),
      ],
    },
    {
      title: "Air and machines",
      panels: [
        show(
          "timeseries",
          "Airtime used of the budget",
          "percentunit",
          `caye_air_used_seconds${I} / caye_air_budget_seconds${I}`,
        ),
        show("timeseries", "Use of the channel", "percentunit", `caye_channel_use${I}`),
        show("timeseries", "Neighbours heard", "short", `caye_neighbours${I}`),
        show("timeseries", "Radio last heard", "s", `caye_radio_heard_seconds${I}`),
        show("timeseries", "Temperature", "celsius", `max by (instance) (caye_temperature_celsius${I})`),
        show("timeseries", "Disk free", "bytes", `caye_disk_free_bytes${I}`),
        show("timeseries", "Files known", "short", `caye_shard_files${I}`),
        show("table", "Newest backup", "dateTimeAsIso", `caye_backup_timestamp_seconds${I} * 1000`),
        show("table", "Latest update", "none", `caye_update_step${I}`, "{{instance}} {{step}}"),
        show("timeseries", "Clock may be off by", "s", `caye_clock_uncertainty_seconds${I}`),
        show("table", "Who tells the time", "none", `caye_clock_source${I} == 1`, "{{instance}} {{source}}"),
        show(
          "timeseries",
          "Clock against Prometheus",
          "s",
          `caye_clock_seconds${I} - timestamp(caye_clock_seconds${I})`,
        ),
      ],
    },
  ],
};

const ONE_NODE: Dashboard = {
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

const TRUST: Dashboard = {
  uid: "caye-trust",
  title: "Caye: trust and entropy",
  description: "How nodes booted, how neighbours' attestation stands, and what the sources of entropy are worth.",
  oneNode: false,
  rows: [
    {
      title: "Boot",
      panels: [
        show("table", "Steps that failed", "none", `caye_boot_step_ok${I} == 0`, "{{instance}} {{step}}: {{state}}"),
        show("timeseries", "Time of the boot's steps", "s", `caye_boot_step_seconds${I}`, "{{instance}} {{step}}"),
        show("timeseries", "State", "bool", `caye_trust_state${I}`, "{{instance}} {{state}}"),
        show(
          "timeseries",
          "Warnings on trust that stand",
          "short",
          `caye_trust_words_open${I}`,
          "{{instance}} {{kind}}",
        ),
      ],
    },
    {
      title: "Neighbours",
      panels: [
        show(
          "timeseries",
          "Attestation of neighbours",
          "short",
          `caye_neighbours_attestation${I}`,
          "{{instance}} {{state}}",
        ),
        show(
          "table",
          "Whose attestation fails",
          "none",
          `caye_neighbour_attestation_failed${I}`,
          "{{author}} {{reason}}",
        ),
      ],
    },
    {
      title: "Entropy",
      panels: [
        {
          kind: "timeseries",
          title: "Assessed, and the least it must be",
          unit: "bits",
          description: "Bits a sample, of the latest 10,000 samples.",
          queries: [
            [`caye_entropy_assessed${I}`, "{{instance}} {{source}}"],
            [`caye_entropy_threshold${I}`, "{{instance}} {{source}}: least"],
          ],
        },
        show(
          "timeseries",
          "Sources that are well",
          "bool",
          `caye_entropy_source_ok${I}`,
          "{{instance}} {{source}}: {{state}}",
        ),
        show(
          "timeseries",
          "Samples tested",
          "ops",
          `rate(caye_entropy_samples_total${I}[$__rate_interval])`,
          "{{instance}} {{source}}",
        ),
        {
          kind: "timeseries",
          title: "Failures and reseeds in an hour",
          unit: "short",
          queries: [
            [`increase(caye_entropy_failures_total${I}[1h])`, "{{instance}} {{source}} failed"],
            [`increase(caye_entropy_reseeds_total${I}[1h])`, "{{instance}} reseeds"],
          ],
        },
        show("timeseries", "Generator degraded", "bool", `caye_entropy_degraded${I}`),
      ],
    },
  ],
};

const RADIO: Dashboard = {
  uid: "caye-radio",
  title: "Caye: radio and airtime",
  description: "The law's hour, our share of it, what waits, and who is heard.",
  oneNode: false,
  rows: [
    {
      title: "Airtime of the rolling hour",
      panels: [
        {
          kind: "timeseries",
          title: "Used, budget, law",
          unit: "s",
          queries: [
            [`caye_air_used_seconds${I}`, "{{instance}} used"],
            [`caye_air_budget_seconds${I}`, "{{instance}} budget"],
            [`caye_air_others_seconds${I}`, "{{instance}} for others"],
            [`caye_air_law_seconds${I}`, "{{instance}} law"],
          ],
        },
        {
          kind: "timeseries",
          title: "Shares",
          unit: "percentunit",
          queries: [
            [`caye_air_duty_cycle${I}`, "{{instance}} duty cycle"],
            [`caye_air_duty_share${I}`, "{{instance}} our share"],
          ],
        },
        show("timeseries", "Use of the channel", "percentunit", `caye_channel_use${I}`),
        show("timeseries", "Silence that the law demands", "s", `caye_radio_silent_seconds${I}`),
      ],
    },
    {
      title: "What waits",
      panels: [
        show("timeseries", "Packets that wait", "short", `caye_radio_queued${I}`),
        show(
          "timeseries",
          "Waits, by what for",
          "ops",
          `rate(caye_air_holds_total${I}[$__rate_interval])`,
          "{{instance}} {{reason}}",
        ),
        show(
          "timeseries",
          "Time spent waiting, by what for",
          "percentunit",
          `rate(caye_air_held_seconds_total${I}[$__rate_interval])`,
          "{{instance}} {{reason}}",
        ),
        show(
          "timeseries",
          "Dropped by full queues",
          "ops",
          `rate(caye_queue_dropped_total${I}[$__rate_interval])`,
          "{{instance}} {{queue}}",
        ),
      ],
    },
    {
      title: "Who is heard",
      panels: [
        show("timeseries", "Link to the radio", "bool", `caye_radio_link{instance=~"$instance",link="ready"}`),
        show("timeseries", "Radio last heard", "s", `caye_radio_heard_seconds${I}`),
        show(
          "timeseries",
          "Neighbours last heard",
          "s",
          `caye_neighbour_heard_seconds${I}`,
          "{{instance}} heard {{author}}",
        ),
        show("timeseries", "Simulated radio", "bool", `caye_radio_simulated${I}`),
        show("timeseries", "Links to the online world", "bool", `caye_tunnel_up${I}`, "{{instance}} {{kind}} {{peer}}"),
      ],
    },
  ],
};

export const DASHBOARDS: readonly Dashboard[] = [VILLAGE, ONE_NODE, TRUST, RADIO];
