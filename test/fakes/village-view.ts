/** Who belongs to the village, in memory: for tests of the API and of the commands. @module */
import type { VillageView } from "../../src/api/village.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { RosterReport } from "../../src/kernel/village.ts";

export const ROSTER: RosterReport = {
  authority: "ab".repeat(64),
  strangers: "show-unverified",
  members: [
    {
      id: "3f9a1c20b4d5e6f7",
      name: "clinic",
      radio: 0x3f9a1c20,
      serial: 1_777_593_600,
      from: "2026-05-01T00:00:00.000Z",
      until: "2027-05-01T00:00:00.000Z",
      standing: "enrolled",
      post_quantum: true,
      attestation_key: `03${"6b".repeat(32)}`,
      entries: 12,
      checkpointed: 8,
      contradicted: false,
    },
  ],
  others: ["who (0102030405060708)"],
  handovers: [],
  revocations: 0,
  revoked: [],
};

export interface FakeVillage extends VillageView {
  readonly brought: Uint8Array[];
}

export function fakeVillage(): FakeVillage {
  const brought: Uint8Array[] = [];
  return {
    brought,
    roster: async () => ROSTER,
    request: async () => ({ id: "3f9a1c20b4d5e6f7", name: "clinic", request: "caye-request 1\nAAAA\nBBBB\n" }),
    join: async (file) => {
      if (file.length < 10) throw new AgentError("STATEMENT_INVALID", "this is no certificate");
      brought.push(file);
      return { verdict: "new" };
    },
  };
}
