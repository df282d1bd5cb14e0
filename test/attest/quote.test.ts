/** The structures of a quote, read byte by byte: what is none has a reason, and no key's signature passes for another's. */
import { constants, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evidenceFiles, readEvidenceFiles } from "../../src/attest/evidence-files.ts";
import { decodeAttest } from "../../src/attest/quote.ts";
import { decodeSignature, isSignedBy } from "../../src/attest/signature.ts";
import { EVIDENCE_FILES } from "../../src/kernel/attest-tools.ts";
import { ByteWriter, concatBytes, type Bytes } from "../../src/kernel/bytes.ts";
import { ALGORITHM, decodePublic, type TpmPublic } from "../../src/kernel/tpm-public.ts";
import { attestationArea, makeKey, signatureOf } from "../fakes/tpm-keys.ts";
import { sha256 } from "../fakes/tpm.ts";
import { OWN_PCR, startedNode } from "./rig.ts";

describe("TPMS_ATTEST", () => {
  test("says who signed, for whom, when, and over which registers", async () => {
    const { chip, nonce, evidence } = await startedNode();
    const attest = decodeAttest(evidence.attest);
    expect(attest).toMatchObject({
      ok: true,
      value: { nonce, resetCount: 1, restartCount: 0, safe: true, firmware: 1n, clock: chip.clock },
    });
    expect(attest.ok && attest.value.selections).toEqual([{ bank: ALGORITHM.sha256, pcrs: [7, OWN_PCR] }]);
    expect(attest.ok && attest.value.signer).toHaveLength(34);
  });

  test("of another magic, another type, or a yes that is neither yes nor no, is refused; so is any cut", async () => {
    const { evidence } = await startedNode();
    const whole = evidence.attest;
    const refuse = (at: number, value: number) => decodeAttest(whole.map((byte, i) => (i === at ? value : byte)));
    expect(refuse(0, 0xfe)).toEqual({ ok: false, reason: "not made by a TPM" });
    expect(refuse(5, 0x17)).toEqual({ ok: false, reason: "not a quote" });
    const safeAt = 4 + 2 + 2 + 34 + 2 + 32 + 8 + 4 + 4;
    expect(whole[safeAt]).toBe(1);
    expect(refuse(safeAt, 2)).toEqual({ ok: false, reason: "neither yes nor no" });
    for (let length = 0; length < whole.length; length++)
      expect(decodeAttest(whole.subarray(0, length)).ok).toBe(false);
    expect(decodeAttest(concatBytes(whole, Uint8Array.of(0))).ok).toBe(false);
  });

  test("of any bytes is a value or a reason", () => {
    const head = Uint8Array.of(0xff, 0x54, 0x43, 0x47, 0x80, 0x18);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof decodeAttest(bytes).ok === "boolean"));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (rest) => typeof decodeAttest(concatBytes(head, rest)).ok === "boolean",
      ),
    );
  });
});

describe("TPMT_SIGNATURE", () => {
  const message = sha256("a quote");
  const ecc = makeKey("ecc");
  const rsa = makeKey("rsa");

  function publicOf(area: Uint8Array): TpmPublic {
    const key = decodePublic(area);
    if (!key.ok) throw new Error(key.reason);
    return key.value;
  }
  const holds = (key: TpmPublic, bytes: Uint8Array, over = message): boolean => {
    const signature = decodeSignature(bytes);
    return signature.ok && isSignedBy(key, over, signature.value);
  };

  test("holds for its own key and message alone", () => {
    for (const key of [ecc, rsa]) {
      const area = publicOf(attestationArea(key));
      const good = signatureOf(key.privateKey, message);
      expect(holds(area, good)).toBe(true);
      expect(holds(area, good, sha256("another quote"))).toBe(false);
      expect(holds(publicOf(attestationArea(makeKey(key.kind))), good)).toBe(false);
      expect(holds(publicOf(attestationArea(key === ecc ? rsa : ecc)), good)).toBe(false);
      for (let length = 0; length < good.length; length++) expect(holds(area, good.subarray(0, length))).toBe(false);
    }
  });

  test("may leave out leading zeros of r and s", () => {
    const area = publicOf(attestationArea(ecc));
    const short = (): Bytes => {
      for (;;) {
        const raw = sign("sha256", message, { key: ecc.privateKey, dsaEncoding: "ieee-p1363" });
        if (raw[0] !== 0) continue;
        const writer = new ByteWriter().u16(ALGORITHM.ecdsa).u16(ALGORITHM.sha256);
        return writer.u16(31).bytes(raw.subarray(1, 32)).u16(32).bytes(raw.subarray(32)).finish();
      }
    };
    expect(holds(area, short())).toBe(true);
  });

  test("by RSAPSS holds for a key of RSAPSS, with any length of salt, and for no key of RSASSA", () => {
    const area = attestationArea(rsa);
    const scheme = new ByteWriter().u16(ALGORITHM.rsaSsa).finish();
    const at = Buffer.from(area).indexOf(scheme, 8);
    const pss = publicOf(area.map((byte, i) => (i === at + 1 ? ALGORITHM.rsaPss : byte)));
    const { RSA_PSS_SALTLEN_DIGEST: digest, RSA_PSS_SALTLEN_MAX_SIGN: longest } = constants;
    for (const saltLength of [digest, longest]) {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const raw = sign("sha256", message, { key: rsa.privateKey, padding, saltLength });
      const head = (algorithm: number): Bytes =>
        new ByteWriter().u16(algorithm).u16(ALGORITHM.sha256).u16(raw.length).bytes(raw).finish();
      expect(holds(pss, head(ALGORITHM.rsaPss))).toBe(true);
      expect(holds(pss, head(ALGORITHM.rsaSsa))).toBe(false);
      expect(holds(publicOf(area), head(ALGORITHM.rsaPss))).toBe(false);
      expect(holds(publicOf(area), head(ALGORITHM.rsaSsa))).toBe(false);
    }
  });

  test("over SHA-1, of an unknown scheme, or longer than any key's, is refused", () => {
    const good = signatureOf(ecc.privateKey, message);
    expect(decodeSignature(good.map((byte, i) => (i === 3 ? 4 : byte))).ok).toBe(false);
    expect(decodeSignature(good.map((byte, i) => (i === 1 ? 0x19 : byte))).ok).toBe(false);
    const long = new ByteWriter().u16(ALGORITHM.rsaSsa).u16(ALGORITHM.sha256).u16(600).bytes(new Uint8Array(600));
    expect(decodeSignature(long.finish()).ok).toBe(false);
  });

  test("of any bytes is a value or a reason, and holds for nobody", () => {
    const area = publicOf(attestationArea(ecc));
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(holds(area, signatureOf(privateKey, message))).toBe(false);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => !holds(area, bytes)));
    const pair = fc.tuple(fc.uint8Array({ maxLength: 32 }), fc.uint8Array({ maxLength: 32 }));
    fc.assert(
      fc.property(pair, ([r, s]) => {
        const writer = new ByteWriter().u16(ALGORITHM.ecdsa).u16(ALGORITHM.sha256);
        return !holds(area, writer.u16(r.length).bytes(r).u16(s.length).bytes(s).finish());
      }),
    );
  });
});

describe("files of evidence", () => {
  test("come back as they were, under the names that the tools give them", async () => {
    const { evidence } = await startedNode();
    const all = { ...evidence, logs: { ...evidence.logs, ima: sha256("kernel's list"), cel: sha256("systemd's log") } };
    const files = evidenceFiles(all);
    expect([...files.keys()].toSorted()).toEqual([...EVIDENCE_FILES].toSorted());
    expect(readEvidenceFiles(files, evidence.akPublic)).toEqual({ ok: true, value: all });
    const few = evidenceFiles(evidence);
    expect(readEvidenceFiles(few, evidence.akPublic)).toEqual({ ok: true, value: evidence });
  });
});
