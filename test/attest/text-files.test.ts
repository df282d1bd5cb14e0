/** The text files of attestation: one form each, whole or refused, and nobody else's word passes for the authority's. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  approve,
  decodeApproval,
  encodeApproval,
  updatePolicyRef,
  verifyApproval,
  type Approval,
} from "../../src/attest/approval.ts";
import {
  bareEnrolment,
  decodeEnrolment,
  encodeEnrolment,
  remember,
  type Enrolment,
} from "../../src/attest/enrolment.ts";
import { decodePcrFile, encodePcrFile } from "../../src/attest/quote-files.ts";
import { decodePolicyFile, encodePolicyFile, readPolicyBody } from "../../src/attest/policy.ts";
import { decodeTextFile, textOf, withSignatures } from "../../src/kernel/text-file.ts";
import { concatBytes, fromUtf8, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import type { Decoded } from "../../src/kernel/decoded.ts";
import { authorizePolicyDigest } from "../../src/kernel/tpm-policy.ts";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { authorityKeyArea, objectName } from "../../src/kernel/tpm-public.ts";
import { seeded } from "../fakes/seeded.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";
import { goodPolicy, newAuthority, OWN_PCR, startedNode } from "./rig.ts";

/** Every cut, and thousands of changes: what is accepted all the same is another value, in just its own form. */
function standsFirm<T>(
  file: Bytes,
  decode: (file: Uint8Array) => Decoded<T>,
  encode: (value: T) => Uint8Array,
): number {
  const { below } = seeded(file.length);
  expect(decode(file).ok).toBe(true);
  for (let length = 0; length < file.length; length++) expect(decode(file.subarray(0, length)).ok).toBe(false);
  expect(decode(concatBytes(file, utf8("\n"))).ok).toBe(false);
  let accepted = 0;
  for (let i = 0; i < 1_500; i++) {
    const at = below(file.length);
    const changed = file.map((byte, j) => (j === at ? byte ^ (1 << below(8)) : byte));
    const result = decode(changed);
    if (!result.ok) continue;
    accepted++;
    expect(encode(result.value)).toEqual(changed);
  }
  return accepted;
}

describe("an enrolment", () => {
  test("comes back as it was, and stands firm", async () => {
    const { enrolment } = await startedNode();
    const file = encodeEnrolment(enrolment);
    expect(decodeEnrolment(file)).toEqual({ ok: true, value: enrolment });
    expect(fromUtf8(file)?.split("\n")[0]).toBe("caye-enrolment 1");
    standsFirm(file, decodeEnrolment, encodeEnrolment);
  });

  test("of a bare key comes back as it was", () => {
    const bare = bareEnrolment(new FakeChip().publicArea(), "theirs");
    expect(decodeEnrolment(encodeEnrolment(bare))).toEqual({ ok: true, value: bare });
  });

  test("with any counters and names comes back as it was", async () => {
    const { enrolment } = await startedNode();
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const counters = fc.record({
      resetCount: u32,
      restartCount: u32,
      clock: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    });
    const name = fc.constantFrom("", "clínica", "a b", "x".repeat(64));
    const firmware = fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined });
    fc.assert(
      fc.property(counters, name, firmware, u32, (counters, name, firmware, policyVersion) => {
        const changed: Enrolment = { ...enrolment, counters, name, firmware, policyVersion };
        expect(decodeEnrolment(encodeEnrolment(changed))).toEqual({ ok: true, value: changed });
      }),
    );
  });

  test("remembers the newest counters, and the highest policy", async () => {
    const { enrolment } = await startedNode();
    const counters = { resetCount: 5, restartCount: 1, clock: 77n };
    const once = remember(enrolment, counters, 4);
    expect(once).toEqual({ ...enrolment, counters, policyVersion: 4 });
    expect(remember(once, counters, 3).policyVersion).toBe(4);
    expect(remember(once, counters).policyVersion).toBe(4);
  });

  test.for<[string, (text: string) => string]>([
    ["in another layout", (text) => text.replace("\n  ", "\n ")],
    ["with a field twice", (text) => text.replace('"pcrs"', '"name": "clinic",\n  "pcrs"')],
    ["with a field too many", (text) => text.replace('"pcrs"', '"more": 1,\n  "pcrs"')],
    ["with control characters in its name", (text) => text.replace("clinic", "cli\\u001bnic")],
    ["of a later version", (text) => text.replace("caye-enrolment 1", "caye-enrolment 2")],
    ["with DOS line ends", (text) => text.replaceAll("\n", "\r\n")],
    ["with hex in capitals", (text) => text.replace(/"code": "[^"]*"/, (field) => field.toUpperCase())],
    ["with registers that fall", (text) => text.replace(/7,\n(\s*)14/, "14,\n$17")],
    ["whose own register is not quoted", (text) => text.replace('"own_pcr": 14', '"own_pcr": 13')],
    ["that says chain without a certificate", (text) => text.replace('"pinned"', '"chain"')],
  ])("%s is refused", async ([, change]) => {
    const text = fromUtf8(encodeEnrolment((await startedNode()).enrolment)) ?? "";
    expect(change(text)).not.toBe(text);
    expect(decodeEnrolment(utf8(change(text))).ok).toBe(false);
  });

  test("that is too long, or no text, is refused", () => {
    expect(decodeEnrolment(new Uint8Array(100_000)).ok).toBe(false);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => !decodeEnrolment(bytes).ok));
    fc.assert(fc.property(fc.json(), (json) => !decodeEnrolment(utf8(`caye-enrolment 1\n${json}\n`)).ok));
  });
});

describe("a policy", () => {
  const authority = newAuthority();
  const full = goodPolicy({
    pcrs: [0, OWN_PCR],
    own: new Map([
      ["runtime", [sha256("node 1"), sha256("node 2")]],
      ["code", [sha256("code")]],
    ]),
    values: new Map([[0, [sha256("firmware")]]]),
    firmware: [1n, 2n ** 64n - 1n],
    resets: "count",
  });

  test("comes back as it was signed", () => {
    expect(decodePolicyFile(encodePolicyFile(full, authority), authority.authority)).toEqual({ ok: true, value: full });
  });

  test("is refused when it was changed in any way", { timeout: 60_000 }, () => {
    const file = encodePolicyFile(goodPolicy(), authority);
    const decode = (bytes: Uint8Array) => decodePolicyFile(bytes, authority.authority);
    expect(decode(file).ok).toBe(true);
    const text = file.length - 5_200;
    for (let at = 0; at < file.length; at += at < text ? 1 : 61) {
      const changed = file.map((byte, i) => (i === at ? byte ^ 1 : byte));
      expect(decode(changed).ok).toBe(false);
      expect(decode(file.subarray(0, at)).ok).toBe(false);
    }
    const other = fromUtf8(file)?.replace('"unattested": "limit"', '"unattested": "serve"') ?? "";
    expect(decode(utf8(other))).toEqual({ ok: false, reason: "not signed by the village's authority" });
  });

  test("needs both signatures, of one and the same authority", () => {
    const stranger = newAuthority();
    const judge = (signer: Parameters<typeof encodePolicyFile>[1]) =>
      decodePolicyFile(encodePolicyFile(full, signer), authority.authority).ok;
    expect(judge(authority)).toBe(true);
    expect(judge(stranger)).toBe(false);
    expect(judge({ ...authority, sign: (message) => stranger.sign(message) })).toBe(false);
    expect(judge({ ...authority, mlDsa: stranger.mlDsa })).toBe(false);
    // After the authority's keys were changed, what the old ones signed is nobody's word.
    expect(decodePolicyFile(encodePolicyFile(full, authority), stranger.authority).ok).toBe(false);
    expect(decodePolicyFile(encodePolicyFile(full, authority), "").ok).toBe(false);
  });

  test("is no other file that the authority signed", () => {
    const text = textOf(
      "caye-other 1",
      JSON.parse((fromUtf8(encodePolicyFile(full, authority)) ?? "").split("\n").slice(1, -4).join("\n")),
    );
    const whole = withSignatures(text, [authority.sign(text), authority.mlDsa.publicKey, authority.mlDsa.sign(text)]);
    const renamed = utf8((fromUtf8(whole) ?? "").replace("caye-other 1", "caye-policy 1"));
    expect(decodePolicyFile(whole, authority.authority).ok).toBe(false);
    expect(decodePolicyFile(renamed, authority.authority).ok).toBe(false);
  });

  test("as people write it may stand in any layout, and a wrong field is named", () => {
    const body = {
      max_age_s: 3_600,
      unattested: "refuse",
      resets: "confirm",
      firmware: [],
      values: [],
      own: { code: ["00".repeat(32)] },
      pcrs: [14],
      until: 2_000_000_000,
      from: 1_700_000_000,
      version: 1,
    };
    const read = (changes: object) => readPolicyBody(utf8(JSON.stringify({ ...body, ...changes })));
    expect(read({})).toMatchObject({ ok: true, value: { version: 1, unattested: "refuse", maxAgeS: 3_600 } });
    expect(read({ version: 0 })).toEqual({ ok: false, reason: "the policy's field version is missing or wrong" });
    expect(read({ own: { code: ["00"] } }).ok).toBe(false);
    expect(read({ from: 2_000_000_001 }).ok).toBe(false);
    expect(read({ pcrs: [] }).ok).toBe(false);
    expect(read({ values: [{ pcr: 7, allowed: ["00".repeat(32)] }] }).ok).toBe(false);
    expect(readPolicyBody(utf8("version: 1"))).toEqual({ ok: false, reason: "not JSON" });
  });
});

describe("an approval", () => {
  const authority = newAuthority();
  const made = (): Approval => {
    const pcrs = [OWN_PCR];
    const approved = pcrPolicyDigest(pcrs, new Map([[OWN_PCR, sha256("to come")]]));
    return approve({ pcrs, approved, policyRef: updatePolicyRef(new Uint8Array(8).fill(7)) }, authority);
  };

  test("comes back as it was, and stands firm", () => {
    const approval = made();
    const file = encodeApproval(approval);
    expect(decodeApproval(file)).toEqual({ ok: true, value: approval });
    expect(verifyApproval(approval)).toBe(true);
    standsFirm(file, decodeApproval, encodeApproval);
  });

  test("holds for one state, one node and one key", () => {
    const approval = made();
    const other = newAuthority();
    expect(verifyApproval({ ...approval, approved: sha256("another state") })).toBe(false);
    expect(verifyApproval({ ...approval, policyRef: updatePolicyRef(new Uint8Array(8)) })).toBe(false);
    expect(verifyApproval({ ...approval, x: new Uint8Array(other.update.x), y: new Uint8Array(other.update.y) })).toBe(
      false,
    );
    expect(verifyApproval({ ...approval, x: new Uint8Array(32) })).toBe(false);
  });

  test("opens in a TPM what is sealed to that authority and that node, in that state alone", async () => {
    const approval = made();
    const { x, y, policyRef, signature } = approval;
    const key = authorityKeyArea(x, y);
    const chip = new FakeChip();
    const tpm = chip.powerOn();
    const blob = await tpm.seal(sha256("secret"), authorizePolicyDigest(objectName(key), policyRef));
    const path = { pcrs: approval.pcrs, approval: { key, policyRef, signature } };
    await expect(tpm.unseal(blob, path)).rejects.toThrow("SIGNATURE");
    chip.pcrs[OWN_PCR] = sha256("to come");
    expect(await tpm.unseal(blob, path)).toEqual(sha256("secret"));
  });
});

describe("a file of registers", () => {
  test("comes back as it was, and stands firm", () => {
    for (const pcrs of [
      [OWN_PCR],
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
      Array.from({ length: 24 }, (_, i) => i),
    ]) {
      const values = new Map(pcrs.map((pcr) => [pcr, sha256(`value ${pcr}`)]));
      const file = encodePcrFile(pcrs, values);
      expect(decodePcrFile(file)).toEqual({ ok: true, value: { pcrs, values } });
      const accepted = standsFirm(file, decodePcrFile, ({ pcrs, values }) => encodePcrFile(pcrs, values));
      expect(accepted).toBeGreaterThan(0);
    }
    // Of no register: which bank is named makes no difference.
    expect(decodePcrFile(encodePcrFile([], new Map()))).toEqual({ ok: true, value: { pcrs: [], values: new Map() } });
  });

  test("of any bytes is a value or a reason", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => typeof decodePcrFile(bytes).ok === "boolean"));
    fc.assert(fc.property(fc.uint8Array({ minLength: 668, maxLength: 668 }), (bytes) => !decodePcrFile(bytes).ok));
  });
});

test("a text file without its signature, or with one in another form of base64, is refused", () => {
  const file = withSignatures(textOf("caye-test 1", { a: 1 }), [sha256("signature")]);
  const form = { head: "caye-test 1", maxBytes: 1_000, signatures: 1 };
  expect(decodeTextFile(file, form).ok).toBe(true);
  const text = fromUtf8(file) ?? "";
  for (const changed of [
    text.replace(/=\n$/, "\n"),
    text.replace(/=\n$/, "==\n"),
    textOf("caye-test 1", { a: 1 }),
    "caye-test 1\n",
  ]) {
    const bytes = typeof changed === "string" ? utf8(changed) : changed;
    expect(decodeTextFile(bytes, form).ok).toBe(false);
  }
  expect(decodeTextFile(file, { ...form, maxBytes: 20 })).toEqual({ ok: false, reason: "file too long" });
});
