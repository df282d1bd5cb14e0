/** What an agent answers about attestation, in memory: for tests of the API and of the commands. @module */
import type { AttestView } from "../../src/api/attest.ts";
import { AgentError } from "../../src/kernel/errors.ts";

export interface FakeAttest extends AttestView {
  /** What was asked, in order. */
  readonly asked: unknown[];
}

export const EVIDENCE = {
  "ak.pem": "QUs=",
  "quote.msg": "AAEC",
  "quote.sig": "AwQ=",
  "quote.pcrs": "BQ==",
  "ak.pub": "Bg==",
};

export function fakeAttest(): FakeAttest {
  const asked: unknown[] = [];
  return {
    asked,
    request: async () => ({ id: "3f9a1c20b4d5e6f7", name: "clinic", request: "caye-attest-request 1\nAAAA\n" }),
    answer: async (challenge) => {
      asked.push(Buffer.from(challenge).toString());
      if (challenge.length < 10) throw new AgentError("CHALLENGE_INVALID", "this is no challenge");
      return { answer: "caye-attest-answer 1\nBBBB\n" };
    },
    quote: async (nonce, key) => {
      asked.push({ nonce: Buffer.from(nonce).toString("hex"), key });
      return { nonce: Buffer.from(nonce).toString("hex"), pcrs: [14], files: EVIDENCE };
    },
    verify: async (request) => {
      asked.push(request);
      const counters = { reset_count: 3, restart_count: 0, clock: "18446744073709551615" };
      return { ok: true, name: "clinic", reason: "", detail: "", fix: "", warnings: [], counters, enrolment: "AA==" };
    },
    reference: async (planned) => {
      asked.push(planned);
      const digest = (n: number): string => n.toString(16).padStart(2, "0").repeat(32);
      return { runtime: digest(1), code: digest(2), config: digest(3), policy: digest(4) };
    },
    watch: async (enrolment) => {
      asked.push(Buffer.from(enrolment).toString());
      return { author: "0102030405060708", name: "school" };
    },
  };
}
