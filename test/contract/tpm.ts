/** What every implementation of the port `Tpm` promises. @module */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { makeCredential } from "../../src/attest/credential.ts";
import { decodeAttest, quoteFindings } from "../../src/attest/quote.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { p256FromSecret } from "../../src/kernel/p256.ts";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { approvalMessage, authorizePolicyDigest, orPolicyDigest } from "../../src/kernel/tpm-policy.ts";
import {
  authorityKeyArea,
  decodePublic,
  OBJECT,
  objectName,
  publicKeyOf,
  type TpmPublic,
} from "../../src/kernel/tpm-public.ts";
import type { AttestationKeyChoice, KeyKind, Tpm } from "../../src/ports/tpm.ts";
import { sha256 } from "../fakes/tpm.ts";

const KINDS: readonly KeyKind[] = ["rsa", "ecc"];
const CHOICES: readonly (AttestationKeyChoice | undefined)[] = [
  undefined,
  { generation: 1 },
  { kind: "rsa" },
  { kind: "rsa", generation: 65_535 },
];

async function endorsementKey(tpm: Tpm, wanted: KeyKind): Promise<TpmPublic> {
  const found = (await tpm.endorsementKeys()).find(({ kind }) => kind === wanted);
  const key = found && decodePublic(found.publicArea);
  if (key === undefined || !key.ok) throw new Error(`no ${wanted} endorsement key`);
  return key.value;
}

/** @param open a TPM that nobody else uses, or why there is none; opened once, the tests share it */
export function describeTpm(name: string, open: () => Promise<Tpm | string>): void {
  describe(name, () => {
    let opening: Promise<Tpm | string> | undefined;
    const withTpm = async (context: TestContext): Promise<Tpm> => {
      opening ??= open();
      const tpm = await opening;
      return typeof tpm === "string" ? context.skip(tpm) : tpm;
    };
    afterAll(async () => {
      const tpm = await opening;
      if (tpm !== undefined && typeof tpm !== "string") await tpm[Symbol.asyncDispose]();
    });

    test("says who made it and which banks it has", async (context) => {
      const identity = await (await withTpm(context)).identity();
      expect(identity.manufacturer).toHaveLength(4);
      expect(identity.banks).toContain("sha256");
      expect(identity.inLockout).toBe(false);
    });

    test("extends a register with SHA-256 and reads any number of registers", async (context) => {
      const tpm = await withTpm(context);
      const digest = sha256(randomUUID());
      const before = (await tpm.pcrRead([9])).get(9) ?? new Uint8Array();
      await tpm.pcrExtend(9, digest);
      const all = await tpm.pcrRead(Array.from({ length: 24 }, (_, pcr) => pcr));
      expect(all.size).toBe(24);
      expect(all.get(9)).toEqual(sha256(before, digest));
      expect(all.get(17)).toEqual(new Uint8Array(32).fill(0xff));
    });

    test("tells its clock and its starts, and the clock does not go back", async (context) => {
      const tpm = await withTpm(context);
      const before = await tpm.clock();
      const after = await tpm.clock();
      expect(after.clock >= before.clock).toBe(true);
      expect(after).toMatchObject({ resetCount: before.resetCount, restartCount: before.restartCount });
    });

    test("passes its own test", async (context) => {
      await expect((await withTpm(context)).selfTest()).resolves.toBeUndefined();
    });

    test.for(CHOICES)("quotes with one restricted key of its own, always the same: %o", async (choice, context) => {
      const tpm = await withTpm(context);
      const { publicArea } = await tpm.attestationKey(choice);
      expect((await tpm.attestationKey(choice)).publicArea).toEqual(publicArea);
      const key = decodePublic(publicArea);
      const attributes = OBJECT.restricted | OBJECT.noDictionaryAttack | OBJECT.fixedTpm;
      expect(key.ok && key.value.attributes & attributes).toBe(attributes);
      expect(key.ok && key.value.kind).toBe(choice?.kind ?? "ecc");
      await tpm.pcrExtend(10, sha256("event"));
      const nonce = randomBytes(32);
      const pcrs = [10, 0];
      const before = await tpm.clock();
      const quote = await tpm.quote(nonce, pcrs, choice);
      const values = await tpm.pcrRead(pcrs);
      expect(quoteFindings({ quote, publicArea, nonce, pcrs, values })).toEqual([]);
      const attest = decodeAttest(quote.attest);
      const { resetCount, restartCount } = before;
      expect(attest).toMatchObject({ ok: true, value: { resetCount, restartCount } });
      expect(attest.ok && attest.value.clock >= before.clock).toBe(true);
    });

    test("has another attestation key for each kind and generation", async (context) => {
      const tpm = await withTpm(context);
      const areas: string[] = [];
      for (const choice of CHOICES) areas.push(toHex((await tpm.attestationKey(choice)).publicArea));
      expect(new Set(areas).size).toBe(areas.length);
      expect((await tpm.attestationKey({ kind: "ecc", generation: 0 })).publicArea).toEqual(
        (await tpm.attestationKey()).publicArea,
      );
      for (const generation of [-1, 65_536, 0.5]) {
        await expect(tpm.attestationKey({ generation })).rejects.toThrow(RangeError);
      }
    });

    test("says which chip it is by keys that sign nothing, the RSA one first", async (context) => {
      const tpm = await withTpm(context);
      const keys = await tpm.endorsementKeys();
      expect(keys.map(({ kind }) => kind)).toEqual(["rsa", "ecc"]);
      for (const { kind, publicArea } of keys) {
        const key = decodePublic(publicArea);
        expect(key).toMatchObject({ ok: true, value: { kind, cipher: true, attributes: 0x3_00b2 } });
        expect(key.ok && toHex(key.value.policy)).toMatch(/^837197674484b3f8/);
        expect(key.ok && publicKeyOf(key.value)).toBeDefined();
      }
      expect(await tpm.endorsementKeys()).toEqual(keys);
    });

    test.for(KINDS)("opens a credential for its %s endorsement key and its attestation key", async (kind, context) => {
      const tpm = await withTpm(context);
      const ek = await endorsementKey(tpm, kind);
      for (const choice of [undefined, { kind: "rsa", generation: 1 }] as const) {
        const name = objectName((await tpm.attestationKey(choice)).publicArea);
        const secret = new Uint8Array(randomBytes(32));
        const credential = makeCredential(ek, name, secret, systemRandom());
        expect(await tpm.activateCredential(kind, credential, choice)).toEqual(secret);
      }
    });

    test.for(KINDS)("opens no credential for another key, or with a bit changed: %s", async (kind, context) => {
      const tpm = await withTpm(context);
      const ek = await endorsementKey(tpm, kind);
      const name = objectName((await tpm.attestationKey()).publicArea);
      const credential = makeCredential(ek, name, new Uint8Array(16), systemRandom());
      const refused = { code: "TPM_RC", message: expect.stringContaining("INTEGRITY") };
      await expect(tpm.activateCredential(kind, credential, { generation: 7 })).rejects.toMatchObject(refused);
      const other = makeCredential(ek, objectName(sha256("other")), new Uint8Array(16), systemRandom());
      await expect(tpm.activateCredential(kind, other)).rejects.toMatchObject(refused);
      const blob = Uint8Array.from(credential.blob);
      blob[blob.length - 1] = (blob.at(-1) ?? 0) ^ 1;
      await expect(tpm.activateCredential(kind, { ...credential, blob })).rejects.toMatchObject(refused);
      expect(await tpm.activateCredential(kind, credential)).toEqual(new Uint8Array(16));
    });

    test("opens what it sealed while the registers stand, and not after", async (context) => {
      const tpm = await withTpm(context);
      const secret = new Uint8Array(randomBytes(32));
      const blob = await tpm.seal(secret, pcrPolicyDigest([11], await tpm.pcrRead([11])));
      expect(await tpm.unseal(blob, { pcrs: [11] })).toEqual(secret);
      await tpm.pcrExtend(11, sha256("change"));
      await expect(tpm.unseal(blob, { pcrs: [11] })).rejects.toMatchObject({ code: "TPM_POLICY" });
    });

    test("opens what was sealed to the state that is yet to come, once it has come", async (context) => {
      const tpm = await withTpm(context);
      const digest = sha256("planned");
      const now = (await tpm.pcrRead([12])).get(12) ?? new Uint8Array();
      const secret = new Uint8Array(randomBytes(128));
      const blob = await tpm.seal(secret, pcrPolicyDigest([12], new Map([[12, sha256(now, digest)]])));
      await expect(tpm.unseal(blob, { pcrs: [12] })).rejects.toMatchObject({ code: "TPM_POLICY" });
      await tpm.pcrExtend(12, digest);
      expect(await tpm.unseal(blob, { pcrs: [12] })).toEqual(secret);
    });

    test("opens what was sealed to no registers in every state", async (context) => {
      const tpm = await withTpm(context);
      const secret = new Uint8Array(randomBytes(1));
      const blob = await tpm.seal(secret, pcrPolicyDigest([], new Map()));
      await tpm.pcrExtend(13, sha256(randomUUID()));
      expect(await tpm.unseal(blob, { pcrs: [] })).toEqual(secret);
      await expect(tpm.unseal(blob, { pcrs: [13] })).rejects.toMatchObject({ code: "TPM_POLICY" });
    });

    test("refuses a sealed object that was changed or made elsewhere", async (context) => {
      const tpm = await withTpm(context);
      const blob = await tpm.seal(new Uint8Array(32), pcrPolicyDigest([], new Map()));
      const privatePart = Uint8Array.from(blob.privatePart);
      privatePart[privatePart.length - 1] = (privatePart.at(-1) ?? 0) ^ 1;
      await expect(tpm.unseal({ ...blob, privatePart }, { pcrs: [] })).rejects.toMatchObject({ code: "TPM_RC" });
    });

    test("opens in a state that an authority approved, and in no other", async (context) => {
      const tpm = await withTpm(context);
      const policyRef = sha256("node 1");
      const authority = p256FromSecret(randomBytes(32), "authority");
      const key = authorityKeyArea(authority.x, authority.y);
      const secret = new Uint8Array(randomBytes(32));
      const blob = await tpm.seal(secret, authorizePolicyDigest(objectName(key), policyRef));
      const approvalOf = async (signer = authority, ref = policyRef) => {
        const state = pcrPolicyDigest([15], await tpm.pcrRead([15]));
        const area = authorityKeyArea(signer.x, signer.y);
        return { key: area, policyRef: ref, signature: signer.sign(approvalMessage(state, ref)) };
      };
      const approval = await approvalOf();
      expect(await tpm.unseal(blob, { pcrs: [15], approval })).toEqual(secret);
      const wrong = { code: "TPM_POLICY" };
      await expect(tpm.unseal(blob, { pcrs: [15] })).rejects.toMatchObject(wrong);
      await expect(tpm.unseal(blob, { pcrs: [14], approval })).rejects.toMatchObject(wrong);
      const other = await approvalOf(p256FromSecret(randomBytes(32), "another"));
      await expect(tpm.unseal(blob, { pcrs: [15], approval: other })).rejects.toMatchObject(wrong);
      const forAnotherNode = await approvalOf(authority, sha256("node 2"));
      await expect(tpm.unseal(blob, { pcrs: [15], approval: forAnotherNode })).rejects.toMatchObject(wrong);
      await tpm.pcrExtend(15, sha256("an update"));
      await expect(tpm.unseal(blob, { pcrs: [15], approval })).rejects.toMatchObject(wrong);
      expect(await tpm.unseal(blob, { pcrs: [15], approval: await approvalOf() })).toEqual(secret);
    });

    test("opens by either branch of a choice, and by no third one", async (context) => {
      const tpm = await withTpm(context);
      const authority = p256FromSecret(randomBytes(32), "authority");
      const key = authorityKeyArea(authority.x, authority.y);
      const policyRef = new Uint8Array();
      const now = pcrPolicyDigest([8], await tpm.pcrRead([8]));
      const branches = [now, authorizePolicyDigest(objectName(key), policyRef)];
      const secret = new Uint8Array(randomBytes(64));
      const blob = await tpm.seal(secret, orPolicyDigest(branches));
      expect(await tpm.unseal(blob, { pcrs: [8], branches })).toEqual(secret);
      await tpm.pcrExtend(8, sha256("an update"));
      await expect(tpm.unseal(blob, { pcrs: [8], branches })).rejects.toMatchObject({ code: "TPM_POLICY" });
      const state = pcrPolicyDigest([8], await tpm.pcrRead([8]));
      const approval = { key, policyRef, signature: authority.sign(approvalMessage(state, policyRef)) };
      expect(await tpm.unseal(blob, { pcrs: [8], approval, branches })).toEqual(secret);
      await expect(tpm.unseal(blob, { pcrs: [8], approval })).rejects.toMatchObject({ code: "TPM_POLICY" });
      await expect(tpm.unseal(blob, { pcrs: [8], approval, branches: [now, state] })).rejects.toMatchObject({
        code: "TPM_POLICY",
      });
    });

    test("counts no wrong password, whatever did not open", async (context) => {
      const tpm = await withTpm(context);
      expect(await tpm.identity()).toMatchObject({ lockoutCounter: 0, inLockout: false });
    });

    test("gives as many random bytes as asked for", async (context) => {
      const tpm = await withTpm(context);
      const [a, b] = [await tpm.random(32), await tpm.random(32)];
      expect(a).toHaveLength(32);
      expect(a).not.toEqual(b);
      expect(await tpm.random(1)).toHaveLength(1);
    });

    test("serves many callers at once, one after another", async (context) => {
      const tpm = await withTpm(context);
      const calls = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? tpm.random(8) : tpm.attestationKey()));
      await expect(Promise.all(calls)).resolves.toHaveLength(12);
    });

    test("says that it is gone once it is closed", async (context) => {
      await withTpm(context);
      const other = await open();
      if (typeof other === "string") return;
      await other[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await expect(other.random(8)).rejects.toMatchObject({ code: "TPM_GONE" });
    });
  });
}
