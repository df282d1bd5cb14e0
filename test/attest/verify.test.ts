/** Why evidence is not believed: each reason alone, the order of the reasons, and that nothing else gets through. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bareEnrolment, type Enrolment } from "../../src/attest/enrolment.ts";
import { encodeEventLog, eventsOf } from "../../src/attest/logs/own.ts";
import { verifyEvidence, type Demands } from "../../src/attest/verify.ts";
import { ATTEST_REASONS, type Evidence } from "../../src/kernel/attest.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { extend } from "../../src/kernel/pcr.ts";
import { OBJECT } from "../../src/kernel/tpm-public.ts";
import { tcgLog } from "../fakes/boot-logs.ts";
import { seeded } from "../fakes/seeded.ts";
import { publicAreaOf, signatureOf } from "../fakes/tpm-keys.ts";
import { sha256, type FakeChip } from "../fakes/tpm.ts";
import {
  evidenceOf,
  FIRMWARE_PCR,
  goodPolicy,
  holdsAsQuote,
  NOW_S,
  OWN_PCR,
  ownDigests,
  reasonOf,
  startedNode,
  ZEROS,
  type Rig,
} from "./rig.ts";

interface Case {
  readonly evidence: Evidence;
  readonly demands: Demands;
}

function enrolled(demands: Demands, changes: Partial<Enrolment>): Demands {
  return { ...demands, enrolment: { ...demands.enrolment, ...changes } };
}

function withoutState(demands: Demands): Demands {
  return enrolled(demands, { state: undefined });
}

/** What an unrestricted key of the same chip signs for whoever asks. */
function forgedBy(chip: FakeChip, evidence: Evidence, attributes: number): Pick<Evidence, "signature" | "akPublic"> {
  const { privateKey, publicKey } = chip.attestationKey({ generation: 7 });
  return { signature: signatureOf(privateKey, evidence.attest), akPublic: publicAreaOf(publicKey, attributes) };
}

const UNRESTRICTED =
  OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.sign;

/** By reason: what has to be changed of a good node so that it is not believed for that, and for nothing before it. */
const CASES: Readonly<Record<string, (rig: Rig) => Promise<Case> | Case>> = {
  malformed: ({ evidence, demands }) => ({ evidence: { ...evidence, attest: evidence.attest.subarray(1) }, demands }),
  "other-key": async ({ demands, evidence, nonce }) => {
    const other = await startedNode();
    return { evidence: await evidenceOf(other.tpm, nonce, [FIRMWARE_PCR, OWN_PCR], evidence.logs), demands };
  },
  "key-attributes": ({ chip, evidence, demands }) => {
    const forged = forgedBy(chip, evidence, UNRESTRICTED);
    return {
      evidence: { ...evidence, ...forged },
      demands: enrolled(demands, { akPublic: new Uint8Array(forged.akPublic) }),
    };
  },
  signature: ({ chip, evidence, demands }) => {
    const { signature } = forgedBy(chip, evidence, UNRESTRICTED);
    return { evidence: { ...evidence, signature }, demands };
  },
  nonce: ({ evidence, demands }) => ({ evidence, demands: { ...demands, nonce: randomBytes(32) } }),
  "bank-missing": async ({ chip, tpm, evidence, demands, nonce }) => {
    chip.noBank = true;
    const { attest, signature } = await tpm.quote(nonce, [FIRMWARE_PCR, OWN_PCR]);
    return { evidence: { ...evidence, attest, signature }, demands };
  },
  selection: async ({ tpm, evidence, demands, nonce }) => ({
    evidence: await evidenceOf(tpm, nonce, [OWN_PCR], evidence.logs),
    demands,
  }),
  values: ({ evidence, demands }) => ({
    evidence: { ...evidence, values: new Map([...evidence.values, [FIRMWARE_PCR, sha256("lie")]]) },
    demands,
  }),
  "counters-backward": ({ evidence, demands, chip }) => ({
    evidence,
    demands: enrolled(demands, { counters: { resetCount: chip.resetCount + 1, restartCount: 0, clock: 1n } }),
  }),
  "unknown-reset": async ({ chip, demands }) => {
    // Somebody resets the TPM while the machine runs, and extends again just what was measured.
    const again = await startedNode({ chip });
    return { evidence: again.evidence, demands: { ...demands, nonce: again.nonce } };
  },
  "reset-missing": ({ evidence, demands }) => ({ evidence, demands: { ...demands, reboots: 1 } }),
  firmware: async ({ chip, tpm, evidence, demands, nonce }) => {
    chip.firmware = 2n;
    return { evidence: await evidenceOf(tpm, nonce, [FIRMWARE_PCR, OWN_PCR], evidence.logs), demands };
  },
  "not-measured": async ({ tpm, evidence, demands, nonce }) => ({
    evidence: await evidenceOf(tpm, nonce, [0, OWN_PCR], evidence.logs),
    demands: enrolled(demands, { pcrs: [0, OWN_PCR] }),
  }),
  unexplained: ({ evidence, demands }) => ({
    evidence: { ...evidence, logs: { ...evidence.logs, tcg: undefined } },
    demands,
  }),
  "policy-missing": ({ evidence, demands }) => ({ evidence, demands: withoutState(demands) }),
  "policy-forged": ({ evidence, demands }) => ({
    evidence,
    demands: { ...demands, policy: { fault: "policy-forged", detail: "not signed by the village's authority" } },
  }),
  "policy-not-yet": ({ evidence, demands }) => ({
    evidence,
    demands: { ...demands, policy: goodPolicy({ fromS: NOW_S + 1 }) },
  }),
  "policy-expired": ({ evidence, demands }) => ({
    evidence,
    demands: { ...demands, policy: goodPolicy({ untilS: NOW_S - 1 }) },
  }),
  "policy-stale": ({ evidence, demands }) => ({
    evidence,
    demands: enrolled({ ...demands, policy: goodPolicy({ version: 3 }) }, { policyVersion: 4 }),
  }),
  drift: async ({ chip, demands }) => {
    const changed = await startedNode({ chip, own: ownDigests({ code: sha256("changed code") }) });
    return { evidence: changed.evidence, demands: { ...demands, nonce: changed.nonce, reboots: 1 } };
  },
};

describe("evidence is not believed", () => {
  test("for any reason that has no test", () => {
    expect(Object.keys(CASES)).toEqual(ATTEST_REASONS);
  });

  test.for(ATTEST_REASONS)("with %s, and is without", async (reason) => {
    const rig = await startedNode();
    expect(verifyEvidence(rig.evidence, rig.demands)).toMatchObject({ ok: true });
    const { evidence, demands } = (await CASES[reason]?.(rig)) ?? rig;
    const verdict = verifyEvidence(evidence, demands);
    expect(reasonOf(verdict)).toBe(reason);
    expect(!verdict.ok && verdict.detail.length > 10 && verdict.fix.length > 10).toBe(true);
    // Another key's quote, or one of other registers, is perfectly valid in itself; so is all from the counters on.
    const late = ATTEST_REASONS.indexOf(reason) >= ATTEST_REASONS.indexOf("counters-backward");
    const sound = late || reason === "other-key" || reason === "selection";
    expect(holdsAsQuote({ evidence, demands })).toBe(sound);
  });

  test("for the first reason of several", async () => {
    const rig = await startedNode();
    const stale = { ...rig.demands, nonce: randomBytes(32), reboots: 1 };
    const noLogs = { ...rig.evidence, logs: { own: undefined, tcg: undefined, ima: undefined, cel: undefined } };
    expect(reasonOf(verifyEvidence(noLogs, stale))).toBe("nonce");
    expect(reasonOf(verifyEvidence(noLogs, { ...stale, nonce: rig.nonce }))).toBe("reset-missing");
    expect(reasonOf(verifyEvidence(noLogs, { ...stale, nonce: rig.nonce, reboots: 0 }))).toBe("unexplained");
  });
});

describe("a key", () => {
  test.for([OBJECT.fixedTpm, OBJECT.fixedParent, OBJECT.sensitiveDataOrigin, OBJECT.restricted, OBJECT.sign])(
    "without attribute 0x%s attests nothing, though its signature is valid",
    async (missing) => {
      const { chip, evidence, demands } = await startedNode();
      const whole = UNRESTRICTED | OBJECT.restricted;
      const judge = (attributes: number): string => {
        const forged = forgedBy(chip, evidence, attributes);
        const same = enrolled(demands, { akPublic: new Uint8Array(forged.akPublic) });
        return reasonOf(verifyEvidence({ ...evidence, ...forged }, same));
      };
      expect(judge(whole)).toBe("good");
      expect(judge(whole & ~missing)).toBe("key-attributes");
      expect(judge(whole | OBJECT.decrypt)).toBe("key-attributes");
    },
  );

  test("of RSA attests as one of P-256 does, and neither does it for the other", async () => {
    const rsa = await startedNode({ kind: "rsa" });
    expect(reasonOf(verifyEvidence(rsa.evidence, rsa.demands))).toBe("good");
    const ecc = await evidenceOf(rsa.tpm, rsa.nonce, rsa.evidence.pcrs, rsa.evidence.logs, "ecc");
    expect(reasonOf(verifyEvidence(ecc, rsa.demands))).toBe("other-key");
    const mixed = { ...rsa.evidence, signature: ecc.signature };
    expect(reasonOf(verifyEvidence(mixed, rsa.demands))).toBe("signature");
  });
});

describe("a nonce", () => {
  test("that is empty shows nothing, whatever the quote says", async () => {
    const { evidence, demands } = await startedNode();
    expect(reasonOf(verifyEvidence(evidence, { ...demands, nonce: new Uint8Array() }))).toBe("nonce");
  });

  test("of another node's quote is that node's", async () => {
    const [one, other] = [await startedNode(), await startedNode()];
    const replayed = { ...one.evidence, attest: other.evidence.attest, signature: other.evidence.signature };
    expect(reasonOf(verifyEvidence(replayed, { ...one.demands, nonce: other.nonce }))).toBe("signature");
  });
});

describe("counters", () => {
  const counters = (changes: object) => ({ resetCount: 1, restartCount: 0, clock: 1_000n, ...changes });
  const judged = async (
    before: object,
    changes: Partial<Pick<FakeChip, "clock" | "safe" | "restartCount">>,
    reboots = 0,
  ) => {
    const rig = await startedNode();
    Object.assign(rig.chip, changes);
    const evidence = await evidenceOf(rig.tpm, rig.nonce, rig.evidence.pcrs, rig.evidence.logs);
    const demands = enrolled({ ...rig.demands, reboots }, { counters: counters(before) });
    return verifyEvidence(evidence, demands);
  };

  test("that stand still, with a fresh nonce, are fine", async () => {
    expect(reasonOf(await judged({ clock: 1_001n }, { clock: 1_000n }))).toBe("good");
  });

  test("never fall: resets, restarts, the clock, and all of them when the TPM was cleared", async () => {
    expect(reasonOf(await judged({ resetCount: 2 }, {}))).toBe("counters-backward");
    expect(reasonOf(await judged({ restartCount: 1 }, {}))).toBe("counters-backward");
    expect(reasonOf(await judged({ restartCount: 1 }, { restartCount: 1 }))).toBe("good");
    expect(reasonOf(await judged({ clock: 9_999n }, {}))).toBe("counters-backward");
    expect(reasonOf(await judged({ resetCount: 40, restartCount: 3, clock: 10n ** 12n }, { clock: 0n }))).toBe(
      "counters-backward",
    );
  });

  test("let the clock repeat itself only after a stop without warning, which a warning names", async () => {
    const unclean = await judged({ resetCount: 0, clock: 9_999n }, { safe: false }, 1);
    expect(unclean).toMatchObject({ ok: true, warnings: [expect.stringContaining("lost power")] });
    expect(reasonOf(await judged({ resetCount: 0, clock: 9_999n }, {}, 1))).toBe("counters-backward");
    expect(reasonOf(await judged({ clock: 9_999n }, { safe: false }))).toBe("counters-backward");
  });

  test("step once for each known restart, no more and no fewer", async () => {
    expect(reasonOf(await judged({ resetCount: 0 }, {}, 1))).toBe("good");
    expect(reasonOf(await judged({ resetCount: 0 }, {}, 0))).toBe("unknown-reset");
    expect(reasonOf(await judged({ resetCount: 0 }, {}, 2))).toBe("reset-missing");
  });

  // Registers are lost at a restart after an orderly stop as well, and the TPM counts that one elsewhere.
  test("step once for each orderly restart, too", async () => {
    expect(reasonOf(await judged({}, { restartCount: 1 }))).toBe("unknown-reset");
    expect(reasonOf(await judged({}, { restartCount: 1 }, 1))).toBe("good");
    expect(reasonOf(await judged({ resetCount: 0 }, { restartCount: 1 }, 1))).toBe("unknown-reset");
    expect(reasonOf(await judged({ resetCount: 0, restartCount: 5 }, {}, 1))).toBe("good");
    expect(reasonOf(await judged({ resetCount: 0, restartCount: 5 }, { restartCount: 1 }, 2))).toBe("good");
  });

  test("may rise with a warning where a genuine policy says so, and never in a quote alone", async () => {
    const rig = await startedNode();
    const before = enrolled(rig.demands, { counters: counters({ resetCount: 0 }) });
    const policy = goodPolicy({ resets: "count" });
    const verdict = verifyEvidence(rig.evidence, { ...before, policy });
    expect(verdict).toMatchObject({ ok: true, warnings: [expect.stringContaining("reset once")] });
    expect(reasonOf(verifyEvidence(rig.evidence, { ...before, policy, quoteOnly: true }))).toBe("unknown-reset");
    const forged = { fault: "policy-forged", detail: "forged by somebody" } as const;
    expect(reasonOf(verifyEvidence(rig.evidence, { ...before, policy: forged }))).toBe("unknown-reset");
  });

  test("that come back are the TPM's own", async () => {
    const { evidence, demands, chip } = await startedNode();
    const verdict = verifyEvidence(evidence, demands);
    expect(verdict.ok && verdict.counters).toEqual({ resetCount: chip.resetCount, restartCount: 0, clock: chip.clock });
  });
});

describe("registers", () => {
  test.for([16, 23])("that any program may reset (PCR %i) measure nothing", async (pcr) => {
    const rig = await startedNode();
    await rig.tpm.pcrExtend(pcr, sha256("event"));
    const pcrs = [OWN_PCR, pcr];
    const evidence = await evidenceOf(rig.tpm, rig.nonce, pcrs, rig.evidence.logs);
    expect(reasonOf(verifyEvidence(evidence, enrolled(rig.demands, { pcrs })))).toBe("not-measured");
  });

  test("that no machine uses (all ones) measure nothing", async () => {
    const rig = await startedNode();
    const evidence = await evidenceOf(rig.tpm, rig.nonce, [OWN_PCR, 17], rig.evidence.logs);
    expect(reasonOf(verifyEvidence(evidence, enrolled(rig.demands, { pcrs: [OWN_PCR, 17] })))).toBe("not-measured");
  });

  test("are not-measured before another one is unexplained", async () => {
    const rig = await startedNode();
    const pcrs = [0, FIRMWARE_PCR, OWN_PCR];
    const logs = { ...rig.evidence.logs, tcg: undefined };
    const evidence = await evidenceOf(rig.tpm, rig.nonce, pcrs, logs);
    expect(reasonOf(verifyEvidence(evidence, enrolled(rig.demands, { pcrs })))).toBe("not-measured");
  });

  test("of more than the enrolment names are another selection, and so are those that the evidence only claims", async () => {
    const rig = await startedNode();
    const more = await evidenceOf(rig.tpm, rig.nonce, [0, FIRMWARE_PCR, OWN_PCR], rig.evidence.logs);
    expect(reasonOf(verifyEvidence(more, rig.demands))).toBe("selection");
    const claims = { ...rig.evidence, pcrs: [0, FIRMWARE_PCR, OWN_PCR] };
    expect(reasonOf(verifyEvidence(claims, rig.demands))).toBe("selection");
    const outside = { ...rig.demands, policy: goodPolicy({ pcrs: [0, OWN_PCR] }) };
    expect(reasonOf(verifyEvidence(rig.evidence, outside))).toBe("selection");
  });
});

describe("a changed state", () => {
  test.for(["runtime", "code", "config", "policy"] as const)("names the event that differs: %s", async (name) => {
    const { demands, chip } = await startedNode();
    const changed = await startedNode({ chip, own: ownDigests({ [name]: sha256("another") }) });
    const asked = { ...demands, nonce: changed.nonce, reboots: 1 };
    const verdict = verifyEvidence(changed.evidence, asked);
    expect(verdict).toMatchObject({ reason: "drift", detail: `${name} is not as it was at the enrolment` });
    const listed = goodPolicy({ own: new Map([[name, [sha256("first"), sha256("another")]]]) });
    expect(reasonOf(verifyEvidence(changed.evidence, { ...asked, policy: listed }))).toBe("good");
    // What the policy lists counts alone: not even the state of the enrolment is right beside it.
    const only = goodPolicy({ own: new Map([[name, [sha256("another")]]]) });
    const asEnrolled = await startedNode();
    expect(reasonOf(verifyEvidence(asEnrolled.evidence, { ...asEnrolled.demands, policy: only }))).toBe("drift");
    const before = goodPolicy({ own: new Map([[name, [sha256("first")]]]) });
    const again = verifyEvidence(changed.evidence, { ...asked, policy: before });
    expect(again).toMatchObject({ reason: "drift", detail: `${name} is none that the policy lists` });
  });

  test("of firmware is drift, unless the policy lists the value", async () => {
    const { demands, chip } = await startedNode();
    const changed = await startedNode({ chip, firmware: "Booting something else" });
    const asked = { ...demands, nonce: changed.nonce, reboots: 1 };
    const verdict = verifyEvidence(changed.evidence, asked);
    expect(verdict).toMatchObject({ reason: "drift", detail: "PCR 7 is not as it was at the enrolment" });
    const value = new Uint8Array(changed.evidence.values.get(FIRMWARE_PCR) ?? []);
    const listed = goodPolicy({ pcrs: [FIRMWARE_PCR, OWN_PCR], values: new Map([[FIRMWARE_PCR, [value]]]) });
    expect(reasonOf(verifyEvidence(changed.evidence, { ...asked, policy: listed }))).toBe("good");
  });

  test("measured on top of the old one in the same start is drift", async () => {
    const { tpm, demands, evidence, nonce } = await startedNode();
    await tpm.pcrExtend(OWN_PCR, sha256("code"));
    const events = [...eventsOf(ownDigests()), { name: "code", digest: sha256("code") } as const];
    const logs = { ...evidence.logs, own: encodeEventLog({ pcr: OWN_PCR, base: ZEROS, events }) };
    const again = await evidenceOf(tpm, nonce, evidence.pcrs, logs);
    expect(verifyEvidence(again, demands)).toMatchObject({
      reason: "drift",
      detail: expect.stringContaining("more than one state"),
    });
  });

  test("before the agent's own events is drift, though a log of firmware explains it, unless the policy lists the value", async () => {
    const { chip, demands, nonce } = await startedNode();
    const tpm = chip.powerOn();
    const data = utf8("a boot loader that was not there");
    const events = eventsOf(ownDigests());
    for (const digest of [sha256(data), ...events.map(({ digest }) => digest)]) await tpm.pcrExtend(OWN_PCR, digest);
    const base = extend(ZEROS, sha256(data));
    const logs = {
      own: encodeEventLog({ pcr: OWN_PCR, base, events }),
      tcg: tcgLog([{ pcr: OWN_PCR, type: 5, data }]),
      ima: undefined,
      cel: undefined,
    };
    const evidence = await evidenceOf(tpm, nonce, [OWN_PCR], logs);
    const asked = enrolled({ ...demands, reboots: 1 }, { pcrs: [OWN_PCR] });
    const before = "what was measured before the agent is not as it was";
    expect(verifyEvidence(evidence, asked)).toMatchObject({ reason: "drift", detail: before });
    const value = new Uint8Array(evidence.values.get(OWN_PCR) ?? []);
    const listed = goodPolicy({ values: new Map([[OWN_PCR, [value]]]) });
    expect(reasonOf(verifyEvidence(evidence, { ...asked, policy: listed }))).toBe("good");
    const other = goodPolicy({ values: new Map([[OWN_PCR, [ZEROS]]]) });
    expect(reasonOf(verifyEvidence(evidence, { ...asked, policy: other }))).toBe("drift");
    // Enrolled in that state it is right, and the state without the boot loader is not.
    const state = { own: ownDigests(), ownPcr: OWN_PCR, ownBase: base, values: new Map() };
    expect(reasonOf(verifyEvidence(evidence, enrolled(asked, { state })))).toBe("good");
    const plain = await startedNode();
    expect(
      reasonOf(
        verifyEvidence(
          plain.evidence,
          enrolled(plain.demands, { state: { ...state, values: new Map(plain.demands.enrolment.state?.values) } }),
        ),
      ),
    ).toBe("drift");
  });

  test("of a firmware version is fine when the policy lists it, and is then named in a warning", async () => {
    const { chip, tpm, demands, evidence, nonce } = await startedNode();
    chip.firmware = 0x0007_0002_0000_0000n;
    const updated = await evidenceOf(tpm, nonce, evidence.pcrs, evidence.logs);
    const judge = (firmware: readonly bigint[]) =>
      verifyEvidence(updated, { ...demands, policy: goodPolicy({ firmware }) });
    expect(judge([1n])).toMatchObject({ reason: "firmware" });
    const warning = "the TPM's firmware is 0x00070002_00000000; it was 0x00000000_00000001 at the enrolment";
    expect(judge([1n, chip.firmware])).toMatchObject({ ok: true, warnings: [warning] });
  });
});

describe("without a clock", () => {
  test("a policy's dates are not judged, and a warning says so", async () => {
    const { evidence, demands } = await startedNode();
    const policy = goodPolicy({ fromS: 1, untilS: 2 });
    const verdict = verifyEvidence(evidence, { ...demands, nowS: undefined, policy });
    expect(verdict).toMatchObject({ ok: true, warnings: [expect.stringContaining("no clock")] });
  });

  test("a wrong one ends in the policy's own reasons, and the fix names the clock", async () => {
    const { evidence, demands } = await startedNode();
    for (const nowS of [0, 2 ** 40]) {
      const verdict = verifyEvidence(evidence, { ...demands, nowS, policy: goodPolicy() });
      expect(verdict).toMatchObject({ ok: false, fix: expect.stringContaining("clock") });
    }
  });
});

test("a policy that was used once is missed", async () => {
  const { evidence, demands } = await startedNode();
  const verdict = verifyEvidence(evidence, enrolled(demands, { policyVersion: 2 }));
  expect(verdict).toMatchObject({ ok: true, warnings: [expect.stringContaining("version 2")] });
});

describe("a bare key", () => {
  test("is enough for the quote alone, and a policy for all", async () => {
    const { chip, evidence, nonce } = await startedNode();
    const enrolment = bareEnrolment(chip.publicArea());
    const demands: Demands = { nonce, enrolment, reboots: 0, nowS: NOW_S };
    expect(reasonOf(verifyEvidence(evidence, { ...demands, quoteOnly: true }))).toBe("good");
    expect(reasonOf(verifyEvidence(evidence, demands))).toBe("policy-missing");
    const own = new Map(
      Object.entries(ownDigests()).map(([name, digest]) => [name, [new Uint8Array(digest)]] as const),
    );
    const value = new Uint8Array(evidence.values.get(FIRMWARE_PCR) ?? []);
    const values = new Map([[FIRMWARE_PCR, [value]]]);
    const pcrs = [FIRMWARE_PCR, OWN_PCR];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of OwnDigests
    const policy = goodPolicy({ pcrs, own: own as never, values });
    expect(reasonOf(verifyEvidence(evidence, { ...demands, policy }))).toBe("good");
    const less = goodPolicy({ pcrs, values });
    expect(verifyEvidence(evidence, { ...demands, policy: less })).toMatchObject({
      reason: "drift",
      detail: expect.stringContaining("code is listed nowhere"),
    });
  });

  test("says of the quote alone that its registers were not judged, and takes no bad policy beside it", async () => {
    const { evidence, demands } = await startedNode();
    const alone = { ...demands, quoteOnly: true };
    const warnings = [expect.stringContaining("what PCR 7, 14 hold was not judged")];
    expect(verifyEvidence(evidence, alone)).toMatchObject({ ok: true, warnings });
    expect(verifyEvidence(evidence, { ...alone, policy: goodPolicy() })).toMatchObject({ ok: true, warnings });
    const forged = { fault: "policy-forged", detail: "forged by somebody" } as const;
    expect(reasonOf(verifyEvidence(evidence, { ...alone, policy: forged }))).toBe("policy-forged");
    const ended = goodPolicy({ untilS: NOW_S - 1 });
    expect(reasonOf(verifyEvidence(evidence, { ...alone, policy: ended }))).toBe("policy-expired");
  });

  test("takes no empty quote for one", async () => {
    const { chip, tpm, evidence, nonce } = await startedNode();
    chip.noBank = true;
    const { attest, signature } = await tpm.quote(nonce, [OWN_PCR]);
    const empty = { ...evidence, attest, signature, pcrs: [], values: new Map() };
    const demands = { nonce, enrolment: bareEnrolment(chip.publicArea()), reboots: 0, quoteOnly: true };
    expect(reasonOf(verifyEvidence(empty, demands))).toBe("bank-missing");
  });
});

describe("hostile bytes", () => {
  test("ten thousand changes of good evidence: none is believed, none throws", { timeout: 120_000 }, async () => {
    const { below } = seeded(11);
    const { evidence, demands } = await startedNode();
    const parts = ["attest", "signature", "akPublic", "own", "value", "pcrs"] as const;
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const part = parts[below(parts.length)] ?? "attest";
      const changed = changedEvidence(evidence, part, (bytes) => mutated(bytes, below));
      const verdict = verifyEvidence(changed, demands);
      if (verdict.ok) expect.fail(`believed after a change of ${part}`);
      seen.add(verdict.reason);
    }
    for (const reason of ["malformed", "other-key", "signature", "selection", "values", "unexplained"]) {
      expect([...seen]).toContain(reason);
    }
  });
});

test("a log of firmware explains nothing once it is cut, or a bit of a digest flips", async () => {
  const { evidence, demands } = await startedNode();
  const tcg = evidence.logs.tcg ?? new Uint8Array();
  const judge = (log: Uint8Array) =>
    reasonOf(verifyEvidence({ ...evidence, logs: { ...evidence.logs, tcg: log } }, demands));
  expect(judge(tcg)).toBe("good");
  for (let length = 0; length < tcg.length; length++) expect(judge(tcg.subarray(0, length))).toBe("unexplained");
  const at = Buffer.from(tcg).indexOf(sha256("Booting"));
  expect(at).toBeGreaterThan(0);
  for (let bit = 0; bit < 256; bit++) {
    const flipped = tcg.map((byte, i) => (i === at + (bit >> 3) ? byte ^ (1 << (bit & 7)) : byte));
    expect(judge(flipped)).toBe("unexplained");
  }
});

type Part = "attest" | "signature" | "akPublic" | "own" | "value" | "pcrs";

function changedEvidence(evidence: Evidence, part: Part, change: (bytes: Uint8Array) => Uint8Array): Evidence {
  const { values, logs, pcrs } = evidence;
  if (part === "own") return { ...evidence, logs: { ...logs, own: change(logs.own ?? new Uint8Array()) } };
  if (part === "pcrs") return { ...evidence, pcrs: [...change(Uint8Array.from(pcrs))] };
  if (part !== "value") return { ...evidence, [part]: change(evidence[part]) };
  return { ...evidence, values: new Map([...values, [OWN_PCR, change(values.get(OWN_PCR) ?? ZEROS)]]) };
}

/** Never the same bytes: a bit flips, or bytes are cut off, put in between, or doubled. */
function mutated(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const at = below(bytes.length);
  switch (below(4)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Uint8Array.from([...bytes.subarray(0, at), below(256), ...bytes.subarray(at)]);
    case 2:
      return Uint8Array.from([...bytes, ...bytes.subarray(at)]);
    default:
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << below(8)) : byte));
  }
}
