/** The figures of trust: the boot, the sources of entropy, and how neighbours stand. @module */
import type { EntropyReport } from "../kernel/entropy-reports.ts";
import type { NeighbourAttestation, NeighbourRow, StatusReport } from "../kernel/reports.ts";
import type { Page } from "./metrics-page.ts";

const TRUST_STATES = ["running", "warned", "quarantine"] as const;
const STANDINGS = ["attested", "failed", "unattested", "no-answer", "unknown"] as const;
const WORDS = ["attestation", "entropy", "selftest", "recovered"] as const;
/** A crowd of neighbours must not become a crowd of time series. */
const MAX_NEIGHBOUR_SERIES = 50;

export function addBoot(page: Page, { state: current, trust }: StatusReport): void {
  for (const state of TRUST_STATES) {
    page.gauge("caye_trust_state", "1 for the state that the boot ended in", Number(state === current), { state });
  }
  for (const { step, state, ok, ms } of trust.steps) {
    page.gauge("caye_boot_step_seconds", "Seconds that a boot step took", ms / 1000, { step });
    page.gauge("caye_boot_step_ok", "1 when a boot step ended well; its named outcome is the label", Number(ok), {
      step,
      state,
    });
  }
}

/** What this node and others said, and did not take back. */
export function addTrustWords(page: Page, { trust: { words } }: StatusReport): void {
  if (words === undefined) return;
  for (const kind of WORDS) {
    const open = words.filter((word) => word.open && word.kind === kind).length;
    page.gauge("caye_trust_words_open", "Warnings on trust, of any node, that were not taken back", open, { kind });
  }
}

export function addEntropy(page: Page, { state, sources, reseeds }: EntropyReport): void {
  page.gauge(
    "caye_entropy_degraded",
    "1 while a source of entropy that was asked for fails",
    Number(state !== "healthy"),
  );
  page.counter("caye_entropy_reseeds_total", "Reseeds of the generator from all sources since the start", reseeds);
  for (const { source, state: standing, ok, required, samples, failures, assessed, threshold } of sources) {
    page.gauge("caye_entropy_source_ok", "1 while the source is well; its named state is a label", Number(ok), {
      source,
      state: standing,
      required: String(required),
    });
    page.counter("caye_entropy_samples_total", "Samples of the source that were tested", samples, { source });
    page.counter("caye_entropy_failures_total", "How often the source failed", failures, { source });
    if (assessed === null || threshold === null) continue;
    page.gauge("caye_entropy_assessed", "Bits a sample, of the latest 10000 samples", assessed, { source });
    page.gauge("caye_entropy_threshold", "Bits a sample that 10000 samples must reach", threshold, { source });
  }
}

export function addNeighbours(page: Page, { neighbours }: StatusReport): void {
  page.gauge("caye_neighbours", "Neighbours heard since the start", neighbours.length);
  for (const { author, heard_s_ago } of neighbours.slice(0, MAX_NEIGHBOUR_SERIES)) {
    page.gauge("caye_neighbour_heard_seconds", "Seconds since a neighbour was last heard", heard_s_ago, { author });
  }
  const standingOf = ({ attestation }: NeighbourRow): NeighbourAttestation["state"] => attestation?.state ?? "unknown";
  for (const state of STANDINGS) {
    const count = neighbours.filter((row) => standingOf(row) === state).length;
    page.gauge("caye_neighbours_attestation", "Neighbours by how their attestation stands", count, { state });
  }
  const failed = neighbours.filter((row) => standingOf(row) === "failed");
  for (const { author, attestation } of failed.slice(0, MAX_NEIGHBOUR_SERIES)) {
    const labels = { author, reason: attestation?.reason ?? "unknown" };
    page.gauge("caye_neighbour_attestation_failed", "1 while a neighbour's attestation stands as failed", 1, labels);
  }
}
