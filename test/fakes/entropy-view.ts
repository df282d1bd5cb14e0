/** What an agent says of its sources of randomness, from memory: for tests of the API and of the commands. */
import type { EntropyView, EntropyWish } from "../../src/api/entropy.ts";
import type { EntropyReport, EntropySourceReport } from "../../src/kernel/entropy-reports.ts";

export const GOOD_SOURCE: EntropySourceReport = {
  source: "qrng:qcicada:/dev/ttyUSB0",
  required: true,
  state: "healthy",
  ok: true,
  detail: "it gives good samples",
  fix: "",
  raw: true,
  bits_per_sample: 8,
  claimed_bits: 7,
  serial: "QC0000000217",
  firmware: "5.13",
  samples: 61_440,
  failures: 0,
  assessed: 6.01,
  threshold: 3.5,
  enrolment: null,
};

export interface FakeEntropyView extends EntropyView {
  /** One report a call; the last stays. */
  course: EntropyReport[];
  readonly wishes: EntropyWish[];
}

export function entropyReport(changes: Partial<EntropyReport> = {}): EntropyReport {
  return {
    state: "healthy",
    on_failure: "quarantine",
    sources: [GOOD_SOURCE],
    reseeds: 6,
    reseeded_s_ago: 120,
    job: null,
    ...changes,
  };
}

export function fakeEntropyView(): FakeEntropyView {
  const view: FakeEntropyView = {
    course: [entropyReport()],
    wishes: [],
    report: async () => (view.course.length > 1 ? view.course.shift() : view.course[0]) ?? entropyReport(),
    enrol: async (wish) => {
      view.wishes.push(wish);
      return view.report();
    },
  };
  return view;
}
