/** The page of an exporter that has all there is to tell: every figure that exists stands on it. @module */
import { renderMetrics } from "../../src/api/metrics.ts";
import type { BoardReport } from "../../src/kernel/board-reports.ts";
import type { StatusReport } from "../../src/kernel/reports.ts";
import type { TimeReport } from "../../src/kernel/time.ts";
import { statusReport } from "../fakes/agent-view.ts";
import { entropyReport } from "../fakes/entropy-view.ts";
import { machineFigures } from "../fakes/machine-figures.ts";

export const BOARD: BoardReport = {
  lines: [{ name: "siren", wire: "gpiochip0:GPIO17", state: "idle", detail: "", fix: "" }],
  lamp: "running",
  siren_alerts: [],
  tamper: { opened: false, at: "" },
  radio_resets: 0,
};

export const TIME: TimeReport = {
  set: true,
  source: "network",
  machine_s: 1_790_000_000,
  estimate_s: 1_790_000_000,
  uncertainty_s: 1,
  bound_s: 1_780_000_000,
  bound_by: "the log",
  refused: [],
  detail: "",
  fix: "",
};

/** A node that knows of everything, good and bad. */
export function fullStatus(): StatusReport {
  const plain = statusReport();
  const failed = { state: "failed", reason: "drift", ago_s: 60 } as const;
  return {
    ...plain,
    trust: {
      ...plain.trust,
      words: [{ author: "a (01)", about: "b (02)", kind: "entropy", at: "", open: true }],
    },
    radio: { ...plain.radio, heard_s_ago: 12 },
    neighbours: [{ author: "school (00112233aabbccdd)", heard_s_ago: 12, entries: 5, attestation: failed }],
    counters: { modem_frames_in: 1_000, radio_dropped: 2, shard_pending: 1 },
    entropy: entropyReport(),
    board: BOARD,
    time: TIME,
    tunnels: [{ kind: "mqtt", peer: "b", up: true }],
  };
}

export function fullPage(): Promise<string> {
  return renderMetrics(fullStatus(), machineFigures());
}

/** The labels of each figure on a page. */
export function labelsOnPage(page: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of page.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}
