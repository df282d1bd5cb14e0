/** The village at a glance: who answers, who is well, and what fires. @module */
import type { Dashboard } from "./dashboard.ts";
import { I, number, show } from "./panels.ts";

export const VILLAGE: Dashboard = {
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
