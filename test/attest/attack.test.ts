/** Rows of the attack table that a remote verifier must see, against a real software TPM: given bytes and the enrolment only. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { bareEnrolment, remember, type Enrolment } from "../../src/attest/enrolment.ts";
import { encodeEventLog, eventsOf } from "../../src/attest/logs/own.ts";
import { verifyEvidence } from "../../src/attest/verify.ts";
import { systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { openTpm } from "../../src/drivers/tpm/open.ts";
import type { Evidence } from "../../src/kernel/attest.ts";
import { silentLog } from "../fakes/log.ts";
import { missingFor, startSwtpmServer, type SwtpmServer } from "../fakes/swtpm-server.ts";
import { evidenceOf, OWN_PCR, ownDigests, reasonOf, ZEROS } from "./rig.ts";

const LOGS = {
  own: encodeEventLog({ pcr: OWN_PCR, base: ZEROS, events: eventsOf(ownDigests()) }),
  tcg: undefined,
  ima: undefined,
  cel: undefined,
};

interface Asked {
  readonly evidence: Evidence;
  readonly nonce: Uint8Array;
}

/** Extends what the agent measures where it is asked to, then quotes. */
async function ask(
  { uri, directory }: SwtpmServer,
  measures: boolean,
  pcrs: readonly number[] = [OWN_PCR],
): Promise<Asked> {
  await using tpm = await openTpm(uri, {
    stateDir: directory,
    clock: systemClock(),
    random: systemRandom(),
    log: silentLog,
  });
  if (measures) for (const { digest } of eventsOf(ownDigests())) await tpm.pcrExtend(OWN_PCR, digest);
  const nonce = new Uint8Array(randomBytes(32));
  return { evidence: await evidenceOf(tpm, nonce, pcrs, LOGS), nonce };
}

/** The verifier's memory after a first good quote. */
function enrolled({ evidence, nonce }: Asked): Enrolment {
  const state = { own: ownDigests(), ownPcr: OWN_PCR, ownBase: ZEROS, values: new Map() };
  const fresh: Enrolment = { ...bareEnrolment(new Uint8Array(evidence.akPublic), "clinic"), pcrs: [OWN_PCR], state };
  const verdict = verifyEvidence(evidence, { nonce, enrolment: fresh, reboots: 0 });
  if (!verdict.ok) throw new Error(verdict.detail);
  return remember(fresh, verdict.counters);
}

const judge = ({ evidence, nonce }: Asked, enrolment: Enrolment, reboots = 0): string =>
  reasonOf(verifyEvidence(evidence, { nonce, enrolment, reboots }));

test("TPM reset and replay: the registers are golden, and only the count of resets tells", async (context) => {
  const missing = missingFor("swtpm");
  if (missing !== undefined) context.skip(missing);
  await using first = await startSwtpmServer("tcp");
  const before = await ask(first, true);
  const enrolment = enrolled(before);
  expect(judge(await ask(first, false), enrolment)).toBe("good");
  // The reset line is pulled while the machine runs, and the golden digests are extended again.
  await first.kill();
  await using second = await startSwtpmServer("tcp", { directory: first.directory });
  const after = await ask(second, true);
  expect(after.evidence.values).toEqual(before.evidence.values);
  expect(judge(after, enrolment)).toBe("unknown-reset");
  expect(judge(after, enrolment, 1)).toBe("good");
  expect(judge(after, enrolment, 2)).toBe("reset-missing");
});

test("an older quote after a newer one; a replayed quote with an old nonce", async (context) => {
  const missing = missingFor("swtpm");
  if (missing !== undefined) context.skip(missing);
  await using tpm = await startSwtpmServer("tcp");
  const older = await ask(tpm, true);
  const enrolment = enrolled(older);
  await using again = await startedAgain(tpm);
  const newer = await ask(again, true);
  const verdict = verifyEvidence(newer.evidence, { nonce: newer.nonce, enrolment, reboots: 1 });
  if (!verdict.ok) throw new Error(verdict.detail);
  expect(judge(older, remember(enrolment, verdict.counters))).toBe("counters-backward");
  expect(judge({ ...older, nonce: newer.nonce }, enrolment)).toBe("nonce");
});

async function startedAgain(tpm: SwtpmServer): Promise<SwtpmServer> {
  await tpm.kill();
  return startSwtpmServer("tcp", { directory: tpm.directory });
}

test("cleared counters: the same key, and counters that began anew", async (context) => {
  const missing = missingFor("swtpm", "tpm2_clear");
  if (missing !== undefined) context.skip(missing);
  await using tpm = await startSwtpmServer("tcp");
  const enrolment = enrolled(await ask(tpm, true));
  tpm.tools("tpm2_clear");
  const cleared = await ask(tpm, false);
  expect(cleared.evidence.akPublic).toEqual(enrolment.akPublic);
  expect(judge(cleared, enrolment)).toBe("counters-backward");
});

test("another TPM's quote; an empty register; a register that any program may reset", async (context) => {
  const missing = missingFor("swtpm");
  if (missing !== undefined) context.skip(missing);
  await using tpm = await startSwtpmServer("tcp");
  await using other = await startSwtpmServer("tcp");
  const enrolment = enrolled(await ask(tpm, true));
  expect(judge(await ask(other, true), enrolment)).toBe("other-key");
  for (const pcr of [0, 16, 17, 23]) {
    const pcrs = [OWN_PCR, pcr].toSorted((a, b) => a - b);
    expect(judge(await ask(tpm, false, pcrs), enrolment)).toBe("selection");
    expect(judge(await ask(tpm, false, pcrs), { ...enrolment, pcrs })).toBe("not-measured");
  }
});
