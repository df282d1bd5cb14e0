/** How nodes booted, how neighbours' attestation stands, and what the sources of entropy are worth. @module */
import type { Dashboard } from "./dashboard.ts";
import { I, show } from "./panels.ts";

export const TRUST: Dashboard = {
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
