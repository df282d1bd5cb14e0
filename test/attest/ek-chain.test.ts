/** Whose chip it is: certificates of endorsement keys, good ones and each with one fault. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { judgeEk, type EkCase } from "../../src/attest/ek-chain.ts";
import { concatBytes, toHex } from "../../src/kernel/bytes.ts";
import { decodePublic, type TpmPublic } from "../../src/kernel/tpm-public.ts";
import { seeded } from "../fakes/seeded.ts";
import { endorsementArea, makeKey } from "../fakes/tpm-keys.ts";

const VECTORS = join(import.meta.dirname, "..", "vectors", "attest");
const NOW_S = Date.parse("2026-01-01T00:00:00Z") / 1000;

const pem = (name: string): Uint8Array => readFileSync(join(VECTORS, `${name}.pem`));
const der = (name: string): Uint8Array => new Uint8Array(new X509Certificate(pem(name)).raw);

/** The endorsement key that a certificate is of, as its TPM would show it. */
function ekOf(name: string): TpmPublic {
  const { publicKey } = new X509Certificate(pem(name));
  const kind = publicKey.asymmetricKeyType === "rsa" ? "rsa" : "ecc";
  const key = decodePublic(endorsementArea({ ...makeKey("ecc"), kind, publicKey }));
  if (!key.ok) throw new Error(key.reason);
  return key.value;
}

function judge(name: string, roots: readonly string[], changes: Partial<EkCase> = {}): string {
  const judged = judgeEk({ certificate: der(name), ek: ekOf(name), roots: roots.map(pem), nowS: NOW_S, ...changes });
  return judged.ok ? `good, by ${judged.rootName}` : judged.reason;
}

describe("a chip's certificate", () => {
  test.for(["ek-rsa", "ek-ecc"])("leads to its maker: %s", (name) => {
    expect(judge(name, ["root", "issuer"])).toBe("good, by CN=Chips Root");
    // Whom the verifier names is trusted, with or without those above.
    expect(judge(name, ["issuer"])).toBe("good, by CN=Chips Issuer");
    const judged = judgeEk({ certificate: der(name), ek: ekOf(name), roots: [pem("issuer")], nowS: NOW_S });
    const fingerprint = new X509Certificate(pem("issuer")).fingerprint256.replaceAll(":", "").toLowerCase();
    expect(judged.ok && toHex(judged.root)).toBe(fingerprint);
  });

  test("is found among many, in one file or in several, in PEM or in DER", () => {
    const one = concatBytes(pem("stranger"), pem("issuer"), pem("root"));
    expect(judge("ek-ecc", [], { roots: [one] })).toBe("good, by CN=Chips Root");
    expect(judge("ek-ecc", [], { roots: [der("stranger"), der("issuer"), der("root")] })).toBe(
      "good, by CN=Chips Root",
    );
    expect(judge("ek-ecc", [], { roots: [new Uint8Array([1, 2, 3]), pem("issuer")] })).toBe("good, by CN=Chips Issuer");
  });

  test.for<[string, string, readonly string[], string]>([
    ["nobody's whom the verifier named", "ek-ecc", [], "no-root"],
    ["another authority's of the same name", "ek-ecc", ["stranger"], "no-root"],
    ["the root's, without the issuer in between", "ek-ecc", ["root"], "no-root"],
    ["no longer valid", "ek-short", ["root", "issuer"], "expired"],
    ["of an issuer that is no longer valid", "ek-ecc", ["issuer-expired"], "expired"],
    ["with a critical extension that nobody knows", "ek-critical", ["root", "issuer"], "critical-extension"],
    ["of a web server", "ek-server", ["root", "issuer"], "wrong-purpose"],
    ["of an authority", "ek-as-ca", ["root", "issuer"], "wrong-purpose"],
    ["farther from the issuer than that may lead", "ek-far", ["root", "issuer", "below"], "path-too-long"],
    ["signed with SHA-1", "ek-sha1", ["root", "issuer"], "weak-signature"],
  ])("is refused by name: %s", ([, name, roots, reason]) => {
    expect(judge(name, roots)).toBe(reason);
  });

  test("is not yet valid for a clock that is behind, and judged without dates where there is no clock", () => {
    expect(judge("ek-ecc", ["root", "issuer"], { nowS: 0 })).toBe("not-yet-valid");
    expect(judge("ek-short", ["root", "issuer"], { nowS: undefined })).toBe("good, by CN=Chips Root");
  });

  test("is good when one of two ways up is", () => {
    for (const roots of [
      ["issuer-expired", "issuer", "root"],
      ["root", "issuer", "issuer-expired"],
    ]) {
      expect(judge("ek-ecc", roots)).toBe("good, by CN=Chips Root");
    }
  });

  test("of another key is refused, and so is none", () => {
    expect(judge("ek-ecc", ["root", "issuer"], { ek: ekOf("ek-rsa") })).toBe("other-key");
    expect(judge("ek-rsa", ["root", "issuer"], { ek: ekOf("ek-ecc") })).toBe("other-key");
    expect(judge("ek-ecc", ["root"], { certificate: undefined })).toBe("certificate-missing");
    expect(judge("ek-ecc", ["root"], { certificate: new Uint8Array(90) })).toBe("certificate-malformed");
  });

  test("changed by a bit or cut anywhere is never good, and nothing throws", { timeout: 60_000 }, () => {
    const { below } = seeded(3);
    const good = der("ek-ecc");
    const ek = ekOf("ek-ecc");
    const roots = [pem("issuer")];
    for (let length = 0; length < good.length; length++) {
      expect(judgeEk({ certificate: good.subarray(0, length), ek, roots, nowS: NOW_S }).ok).toBe(false);
    }
    for (let i = 0; i < 1_000; i++) {
      const at = below(good.length);
      const certificate = good.map((byte, j) => (j === at ? byte ^ (1 << below(8)) : byte));
      expect(judgeEk({ certificate, ek, roots, nowS: NOW_S }).ok).toBe(false);
    }
  });
});
