/** The law's hour, our share of it, what waits, and who is heard. @module */
import type { Dashboard } from "./dashboard.ts";
import { I, show } from "./panels.ts";

export const RADIO: Dashboard = {
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
