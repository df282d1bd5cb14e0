/** What the agent says once it answers. @module */
import { expect, test } from "vitest";
import { upBanner } from "../../src/cli/banner.ts";
import type { UpReport } from "../../src/kernel/reports.ts";

const UP: UpReport = {
  state: "running",
  reason: "",
  warnings: [],
  api: "http://127.0.0.1:8420",
  metrics: "http://127.0.0.1:9427",
  simulated: false,
};

test("an agent that is well says where it answers, and what to try", () => {
  expect(upBanner(UP, "/state").split("\n")).toEqual([
    "caye is up: http://127.0.0.1:8420 (metrics http://127.0.0.1:9427/metrics), state in /state",
    "try: npx caye ls · npx caye get NAME · npx caye status",
    "",
  ]);
});

test("a simulated village is named as such", () => {
  expect(upBanner({ ...UP, simulated: true }, "/state")).toContain("no radio is attached: this is a simulated village");
});

test("an agent that goes on without a TPM says aloud that its key lies open", () => {
  const key = "the store's key lies unsealed in store.key: whoever has the disk can read the store";
  const said = upBanner({ ...UP, state: "warned", warnings: ["the software TPM is not installed", key] }, "/state");
  expect(said).toContain("with WARNINGS: `npx caye doctor`");
  expect(said).toContain(`\n  ! the software TPM is not installed\n  ! ${key}\n`);
});

test("a node in quarantine says why, and proposes nothing that it would refuse", () => {
  const said = upBanner({ ...UP, state: "quarantine", reason: "PCR 14 differs", warnings: ["PCR 14 differs"] }, "/s");
  expect(said).toContain("in QUARANTINE, data and radio are shut: PCR 14 differs; see `npx caye doctor`");
  expect(said).not.toContain("try:");
  expect(said).not.toContain("WARNINGS");
});
