/** How a verifier comes to know a node: the four steps, each repeated, interrupted, and played by somebody else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeApproval, updatePolicyRef, verifyApproval } from "../../src/attest/approval.ts";
import {
  decodeAnswer,
  decodeChallenge,
  decodePending,
  encodeAnswer,
  encodePending,
} from "../../src/attest/enrol-files.ts";
import { answerFile } from "../../src/attest/enrol.ts";
import { decodeAttestRequest } from "../../src/attest/enrol-request.ts";
import { decodeEnrolment } from "../../src/attest/enrolment.ts";
import { evidenceFiles } from "../../src/attest/evidence-files.ts";
import { encodeEventLog, eventsOf, expectedValue } from "../../src/attest/logs/own.ts";
import { encodePolicyFile } from "../../src/attest/policy.ts";
import { attestTools } from "../../src/attest/tools.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { concatBytes, equalBytes, fromUtf8, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { OBJECT } from "../../src/kernel/tpm-public.ts";
import { seeded } from "../fakes/seeded.ts";
import { publicAreaOf } from "../fakes/tpm-keys.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";
import { answerOf, AUTHOR_ID, requestOf, type EnrollingNode } from "./enrolling.ts";
import {
  evidenceOf,
  FIRMWARE_PCR,
  goodPolicy,
  newAuthority,
  NOW_S,
  OWN_PCR,
  ownDigests,
  startedNode,
  ZEROS,
} from "./rig.ts";

const TOOLS = attestTools(systemRandom());
const PIN = { kind: "pin" } as const;
const ROOT = readFileSync(join(import.meta.dirname, "..", "vectors", "attest", "root.pem"));

async function node(
  options: Parameters<typeof startedNode>[0] = {},
): Promise<EnrollingNode & { readonly chip: FakeChip }> {
  const chip = options.chip ?? new FakeChip();
  chip.kinds = ["ecc"];
  const { tpm, evidence } = await startedNode({ ...options, chip });
  return { chip, tpm, pcrs: evidence.pcrs, logs: evidence.logs };
}

/** The code of the error that it ends in, or "done". */
function codeOf(work: () => unknown): string {
  try {
    work();
    return "done";
  } catch (error) {
    return isAgentError(error) ? error.code : String(error);
  }
}

describe("an enrolment", () => {
  test("binds the node's keys to its chip, and keeps the state that the chip shows", async () => {
    const asking = await node();
    const request = await requestOf(asking);
    const made = TOOLS.challenge(request, PIN);
    expect(made).toMatchObject({ name: "clinic", endorsement: "the chip's ECC key is pinned" });
    expect(made.warnings).toEqual([expect.stringContaining("on your word")]);
    const result = TOOLS.finish(await answerOf(asking, request, made.challenge), made.pending, NOW_S);
    expect(result).toMatchObject({ name: "clinic", author: AUTHOR_ID, node: { name: "clinic", radio: 0x0a0b_0c0d } });
    expect(result.node?.attestationKey).toHaveLength(33);
    const enrolment = decodeEnrolment(result.enrolment);
    expect(enrolment).toMatchObject({
      ok: true,
      value: {
        akPublic: asking.chip.publicArea(),
        pcrs: [FIRMWARE_PCR, OWN_PCR],
        endorsement: { bound: "pinned", root: undefined },
        state: { own: ownDigests(), ownPcr: OWN_PCR, ownBase: ZEROS },
        manufacturer: "FAKE",
        firmware: 1n,
        enrolledS: NOW_S,
        counters: { resetCount: 1, restartCount: 0 },
      },
    });
    expect(TOOLS.showEnrolment(result.enrolment)).toMatchObject({
      name: "clinic",
      endorsement: "pinned",
      own_pcr: OWN_PCR,
      reset_count: 1,
    });
    // And by it the node's next quote is judged, and remembered.
    const nonce = sha256("a later nonce");
    const files = evidenceFiles(await evidenceOf(asking.chip.connect(), nonce, asking.pcrs, asking.logs));
    const later = TOOLS.verify({ files, enrolment: result.enrolment, nonce, reboots: 0 });
    expect(later).toMatchObject({ name: "clinic", verdict: { ok: true } });
    const kept = decodeEnrolment(later.enrolment ?? new Uint8Array());
    expect(kept.ok && later.verdict.ok && kept.value.counters).toEqual(later.verdict.ok && later.verdict.counters);
    const old = TOOLS.verify({ files, enrolment: later.enrolment ?? new Uint8Array(), nonce, reboots: 0 });
    expect(old.verdict.ok).toBe(true);
  });

  test("goes on after each interruption: every step may be done again with the same files", async () => {
    const asking = await node();
    const request = await requestOf(asking);
    // ECDSA gives another signature each time, Ed25519 the same: the request is the same file.
    expect(equalBytes(await requestOf(asking), request)).toBe(true);
    const first = TOOLS.challenge(request, PIN);
    const second = TOOLS.challenge(request, PIN);
    const answers = [
      await answerOf(asking, request, first.challenge),
      await answerOf(asking, request, first.challenge),
    ];
    for (const answer of answers) {
      expect(codeOf(() => TOOLS.finish(answer, first.pending))).toBe("done");
      expect(codeOf(() => TOOLS.finish(answer, first.pending))).toBe("done");
      // An answer to one challenge is none to the other.
      expect(codeOf(() => TOOLS.finish(answer, second.pending))).toBe("ATTEST_ANSWER");
    }
    const late = await answerOf(asking, request, second.challenge);
    expect(codeOf(() => TOOLS.finish(late, second.pending))).toBe("done");
  });

  test("outlives a restart of the node between its steps", async () => {
    const before = await node();
    const request = await requestOf(before);
    const { challenge, pending } = TOOLS.challenge(request, PIN);
    const after = await node({ chip: before.chip });
    const result = TOOLS.finish(await answerOf(after, request, challenge), pending);
    expect(TOOLS.showEnrolment(result.enrolment)).toMatchObject({ reset_count: 2 });
  });

  test("of an RSA endorsement key works as one of P-256", async () => {
    const asking = await node();
    asking.chip.kinds = ["rsa", "ecc"];
    const request = await requestOf(asking);
    const made = TOOLS.challenge(request, PIN);
    expect(made.endorsement).toBe("the chip's RSA key is pinned");
    const result = TOOLS.finish(await answerOf(asking, request, made.challenge), made.pending);
    const enrolment = decodeEnrolment(result.enrolment);
    const [rsa] = await asking.tpm.endorsementKeys();
    expect(enrolment.ok && enrolment.value.endorsement?.publicArea).toEqual(rsa?.publicArea);
  });
});

describe("an enrolment is refused", () => {
  test("for a chip that no given authority certifies, naming why of each key", async () => {
    const asking = await node();
    asking.chip.kinds = ["rsa", "ecc"];
    const request = await requestOf(asking);
    const work = () => TOOLS.challenge(request, { kind: "chain", roots: [ROOT], nowS: NOW_S });
    expect(codeOf(work)).toBe("EK_UNTRUSTED");
    expect(work).toThrow(/RSA key: certificate-missing.*ECC key: certificate-missing/);
  });

  test("for a key that could be copied or signs anything", async () => {
    const asking = await node();
    const { publicKey } = asking.chip.attestationKey({ generation: 3 });
    for (const attributes of [
      OBJECT.sign,
      OBJECT.sign | OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin,
    ]) {
      const request = await requestOf(asking, { akPublic: new Uint8Array(publicAreaOf(publicKey, attributes)) });
      expect(codeOf(() => TOOLS.challenge(request, PIN))).toBe("ATTEST_REQUEST");
    }
  });

  test("for a request that was changed, or is signed by another author", async () => {
    const request = await requestOf(await node());
    const { below } = seeded(5);
    expect(decodeAttestRequest(request).ok).toBe(true);
    for (let i = 0; i < 600; i++) {
      const at = below(request.length);
      const changed = request.map((byte, j) => (j === at ? byte ^ (1 << below(8)) : byte));
      expect(decodeAttestRequest(changed).ok).toBe(false);
    }
    for (let length = 0; length < request.length; length += 7) {
      expect(codeOf(() => TOOLS.challenge(request.subarray(0, length), PIN))).toBe("ATTEST_REQUEST");
    }
  });

  test("for a node whose attestation key is in another chip than its endorsement key", async () => {
    const [asking, helper] = [await node(), await node()];
    const request = await requestOf(asking, { endorsementKeys: await helper.tpm.endorsementKeys() });
    const { challenge } = TOOLS.challenge(request, PIN);
    await expect(answerOf(asking, request, challenge)).rejects.toThrow("0x1df");
    await expect(answerOf(helper, request, challenge)).rejects.toThrow("0x1df");
  });

  test("for an answer with another secret, another nonce's quote, or another's evidence", async () => {
    const [asking, other] = [await node(), await node()];
    const request = await requestOf(asking);
    const [one, two] = [TOOLS.challenge(request, PIN), TOOLS.challenge(request, PIN)];
    const answer = await answerOf(asking, request, one.challenge);
    const whole = decodeAnswer(answer);
    const stale = decodeAnswer(await answerOf(asking, request, two.challenge));
    const kept = decodePending(one.pending);
    if (!whole.ok || !stale.ok || !kept.ok) throw new Error("no answer");
    const finish = (changes: object) => () => TOOLS.finish(encodeAnswer({ ...whole.value, ...changes }), one.pending);
    expect(codeOf(finish({}))).toBe("done");
    expect(finish({ proof: sha256("guess") })).toThrow("did not open the secret");
    expect(finish({ request: sha256("another request") })).toThrow("another request");
    // The proof covers the evidence as well.
    expect(finish({ files: stale.value.files })).toThrow("did not open the secret");
    expect(finish({ files: new Map() })).toThrow("did not open the secret");
    // Who has opened the secret still has to show a quote of its own, for this nonce.
    const proven = async (from: EnrollingNode, nonce: Uint8Array) => {
      const evidence = await evidenceOf(from.tpm, nonce, from.pcrs, from.logs);
      return () => TOOLS.finish(answerFile(request, kept.value.secret, evidence), one.pending);
    };
    expect(codeOf(await proven(asking, kept.value.nonce))).toBe("done");
    expect(await proven(asking, sha256("another nonce"))).toThrow("nonce: ");
    expect(await proven(other, kept.value.nonce)).toThrow("other-key: ");
  });

  test("for a state that nothing explains, and for registers that nothing measures", async () => {
    const whole = await node();
    const silent = { ...whole, logs: { ...whole.logs, tcg: undefined } };
    const bare = { ...whole, pcrs: [0, OWN_PCR] };
    for (const [asking, reason] of [
      [silent, "unexplained: PCR 7"],
      [bare, "not-measured: PCR 0"],
    ] as const) {
      const request = await requestOf(asking);
      const { challenge, pending } = TOOLS.challenge(request, PIN);
      const answer = await answerOf(asking, request, challenge);
      expect(() => TOOLS.finish(answer, pending)).toThrow(reason);
    }
  });

  test("for more than one state since the start, and without the agent's own log", async () => {
    const asking = await node();
    const { own } = asking.logs;
    await asking.chip.connect().pcrExtend(OWN_PCR, sha256("code"));
    const events = [...eventsOf(ownDigests()), { name: "code", digest: sha256("code") } as const];
    for (const changed of [encodeEventLog({ pcr: OWN_PCR, base: ZEROS, events }), undefined]) {
      const twice = { ...asking, logs: { ...asking.logs, own: changed } };
      const request = await requestOf(twice);
      const { challenge, pending } = TOOLS.challenge(request, PIN);
      const answer = await answerOf(twice, request, challenge);
      expect(() => TOOLS.finish(answer, pending)).toThrow("more than one state");
    }
    expect(own).toBeDefined();
  });

  test("for a pending file that is none", async () => {
    const asking = await node();
    const request = await requestOf(asking);
    const { challenge, pending } = TOOLS.challenge(request, PIN);
    const answer = await answerOf(asking, request, challenge);
    expect(codeOf(() => TOOLS.finish(answer, challenge))).toBe("ATTEST_PENDING");
    expect(codeOf(() => TOOLS.finish(answer, pending.subarray(3)))).toBe("ATTEST_PENDING");
    const read = decodePending(pending);
    if (!read.ok) throw new Error(read.reason);
    expect(codeOf(() => TOOLS.finish(answer, encodePending({ ...read.value, secret: sha256("x") })))).toBe(
      "ATTEST_ANSWER",
    );
    expect(codeOf(() => TOOLS.finish(answer, encodePending({ ...read.value, request: ZEROS })))).toBe("ATTEST_PENDING");
  });
});

test("files of an enrolment stand in one form, and no change of an answer gets through", async () => {
  const asking = await node();
  const request = await requestOf(asking);
  const { challenge, pending } = TOOLS.challenge(request, PIN);
  const answer = await answerOf(asking, request, challenge);
  // The secret is in the verifier's own file, and nowhere else.
  const read = decodePending(pending);
  const secret = read.ok ? toHex(read.value.secret) : "";
  expect(fromUtf8(pending)).toContain(secret);
  for (const file of [challenge, answer]) expect(fromUtf8(file)).not.toContain(secret);
  const { below } = seeded(9);
  for (let i = 0; i < 600; i++) {
    const change = (file: Uint8Array) => {
      const at = below(file.length);
      return file.map((byte, j) => (j === at ? byte ^ (1 << below(8)) : byte));
    };
    expect(decodeChallenge(challenge.subarray(0, below(challenge.length))).ok).toBe(false);
    expect(codeOf(() => TOOLS.finish(change(answer), pending))).toBe("ATTEST_ANSWER");
  }
});

describe("the tools", () => {
  test("say of unreadable files what is wrong, and never throw", async () => {
    const { evidence, enrolment } = await startedNode();
    const files = evidenceFiles(evidence);
    const good = { files, enrolment: TOOLS.bareEnrolment(enrolment.akPublic, "x"), nonce: sha256("n"), reboots: 0 };
    const detail = (changes: object): string => {
      const { verdict } = TOOLS.verify({ ...good, ...changes });
      return verdict.ok ? "good" : `${verdict.reason}: ${verdict.detail}`;
    };
    expect(detail({ enrolment: utf8("hello") })).toBe("malformed: the enrolment: not that kind of file");
    const { verdict } = TOOLS.verify({ ...good, enrolment: utf8("hello") });
    expect(verdict).toMatchObject({ fix: expect.stringContaining("the file that caye attest enrol wrote") });
    for (const name of ["quote.msg", "quote.sig", "quote.pcrs"]) {
      const without = new Map([...files].filter(([other]) => other !== name));
      expect(detail({ files: without })).toBe(`malformed: ${name} is missing`);
      expect(detail({ files: new Map([...files, [name, new Uint8Array(5_000)]]) })).toMatch(/^malformed: quote/);
    }
    const noKey = new Map([...files].filter(([other]) => !other.startsWith("ak.")));
    expect(detail({ files: noKey })).toBe("malformed: ak.pub is missing");
    expect(detail({ files: new Map([...files, ["ak.pem", utf8("-----BEGIN")]]) })).toBe(
      "malformed: ak.pem is not the key of ak.pub",
    );
    expect(detail({ policy: { file: utf8("x"), authority: "" }, files })).toMatch(/^nonce/);
  });

  test("judge by a policy that the authority signed, and remember its version", async () => {
    const { evidence, enrolment, nonce } = await startedNode();
    const authority = newAuthority();
    const asking = await node();
    const request = await requestOf(asking);
    const made = TOOLS.challenge(request, PIN);
    const { enrolment: file } = TOOLS.finish(await answerOf(asking, request, made.challenge), made.pending);
    const files = evidenceFiles(await evidenceOf(asking.chip.connect(), nonce, asking.pcrs, asking.logs));
    const judge = (enrolment: Uint8Array, policy: Uint8Array) =>
      TOOLS.verify({
        files,
        enrolment,
        nonce,
        reboots: 0,
        nowS: NOW_S,
        policy: { file: policy, authority: authority.authority },
      });
    const newest = judge(file, encodePolicyFile(goodPolicy({ version: 5 }), authority));
    expect(newest.verdict.ok).toBe(true);
    const older = judge(newest.enrolment ?? new Uint8Array(), encodePolicyFile(goodPolicy({ version: 4 }), authority));
    expect(older).toMatchObject({ verdict: { reason: "policy-stale" }, enrolment: undefined });
    const forged = judge(file, encodePolicyFile(goodPolicy({ version: 5 }), newAuthority()));
    expect(forged).toMatchObject({ verdict: { reason: "policy-forged" } });
    expect(evidence.pcrs).toEqual(enrolment.pcrs);
  });

  test("sign policies, and show what they say and whose they are", () => {
    const authority = newAuthority();
    const body = utf8(
      JSON.stringify({
        version: 1,
        from: NOW_S,
        until: NOW_S + 1,
        pcrs: [14],
        own: {},
        values: [],
        firmware: [],
        resets: "confirm",
        unattested: "serve",
        max_age_s: 60,
      }),
    );
    const file = TOOLS.signPolicy(body, authority);
    expect(TOOLS.showPolicy(file, authority.authority)).toMatchObject({
      version: 1,
      from: "2027-01-15T08:00:00.000Z",
      body: { unattested: "serve" },
      signatures: "good",
    });
    expect(TOOLS.showPolicy(file, newAuthority().authority).signatures).toBe("bad");
    expect(TOOLS.showPolicy(file, undefined).signatures).toBe("unchecked");
    expect(codeOf(() => TOOLS.signPolicy(utf8("{}"), authority))).toBe("POLICY_INVALID");
    expect(codeOf(() => TOOLS.showPolicy(body, undefined))).toBe("POLICY_INVALID");
  });

  test("approve for one node the state that it will be in, or the one that its doctor names", async () => {
    const authority = newAuthority();
    const asking = await node();
    const request = await requestOf(asking);
    const made = TOOLS.challenge(request, PIN);
    const { enrolment } = TOOLS.finish(await answerOf(asking, request, made.challenge), made.pending);
    const next = { code: sha256("the next version") };
    const approval = decodeApproval(TOOLS.approve({ enrolment, own: next }, authority));
    if (!approval.ok) throw new Error(approval.reason);
    const values = new Map([...(await asking.tpm.pcrRead([FIRMWARE_PCR])), [OWN_PCR, expectedValue(ownDigests(next))]]);
    expect(approval.value.approved).toEqual(pcrPolicyDigest([FIRMWARE_PCR, OWN_PCR], values));
    expect(toHex(approval.value.policyRef)).toBe(toHex(updatePolicyRef(Buffer.from(AUTHOR_ID, "hex"))));
    expect(verifyApproval(approval.value)).toBe(true);
    const named = decodeApproval(TOOLS.approve({ enrolment, digest: sha256("by hand") }, authority));
    expect(named.ok && named.value.approved).toEqual(sha256("by hand"));
    const bare = TOOLS.bareEnrolment(asking.chip.publicArea(), "");
    expect(codeOf(() => TOOLS.approve({ enrolment: bare, own: next }, authority))).toBe("APPROVAL_INVALID");
    expect(codeOf(() => TOOLS.approve({ enrolment: concatBytes(bare, ZEROS), own: next }, authority))).toBe(
      "ENROLMENT_INVALID",
    );
  });

  test("take the key file of tpm2-tools with its length or without, and nothing else", () => {
    const area = new FakeChip().publicArea();
    const sized = concatBytes(Uint8Array.of(0, area.length), area);
    expect(TOOLS.bareEnrolment(sized, "a")).toEqual(TOOLS.bareEnrolment(area, "a"));
    expect(TOOLS.showEnrolment(TOOLS.bareEnrolment(area, "a"))).toMatchObject({
      endorsement: "none",
      author: "",
      pcrs: [],
    });
    expect(codeOf(() => TOOLS.bareEnrolment(area.subarray(1), ""))).toBe("AK_INVALID");
    expect(codeOf(() => TOOLS.bareEnrolment(utf8("-----BEGIN PUBLIC KEY-----"), ""))).toBe("AK_INVALID");
  });
});
