/** What every implementation of the port `Tpm` promises. @module */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { OBJECT, decodeEccPublic } from "../../src/kernel/tpm-public.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { decodeAttest, quoteFindings } from "../../src/attest/quote.ts";
import { sha256 } from "../fakes/tpm.ts";

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

    test("quotes with one restricted key of its own, always the same", async (context) => {
      const tpm = await withTpm(context);
      const { publicArea } = await tpm.attestationKey();
      expect((await tpm.attestationKey()).publicArea).toEqual(publicArea);
      const key = decodeEccPublic(publicArea);
      expect(key.ok && (key.value.attributes & OBJECT.restricted) !== 0).toBe(true);
      await tpm.pcrExtend(10, sha256("event"));
      const nonce = randomBytes(32);
      const pcrs = [10, 0];
      const quote = await tpm.quote(nonce, pcrs);
      const values = await tpm.pcrRead(pcrs);
      expect(quoteFindings({ quote, publicArea, nonce, pcrs, values })).toEqual([]);
      expect(decodeAttest(quote.attest).ok).toBe(true);
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
