/** The self-tests hold on this machine, and each of them fails when its algorithm does. */
import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { recordOf, type SelfTestReport } from "../../src/kernel/selftest.ts";
import { CROSS_CHECKS } from "../../src/selftest/cross-checks.ts";
import { knownAnswers } from "../../src/selftest/known-answers.ts";
import { type LatticeSignatures, type Primitives, ownPrimitives } from "../../src/selftest/primitives.ts";
import { full, powerUp, powerUpTests } from "../../src/selftest/self-test.ts";

const draw = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const failing = ({ tests }: SelfTestReport): string[] =>
  tests.filter(({ failed }) => failed.length > 0).map(({ name }) => name);

/** With its first bit turned. */
function wrong(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte, at) => (at === 0 ? byte ^ 1 : byte));
}

describe("here and now", () => {
  test("every algorithm gives the known answers of power-up", () => {
    expect(powerUpTests()).toEqual({ ok: true });
    const { kind, ok, node, tests } = powerUp("24.0.0");
    expect([kind, ok, node, tests.length]).toEqual(["power-up", true, "24.0.0", 13]);
    expect(tests.every(({ cases, source }) => cases > 0 && source !== "")).toBe(true);
  });

  test("every known answer that ships holds, and every check over random values", () => {
    const report = full("24.0.0", draw);
    expect(failing(report)).toEqual([]);
    expect(Object.fromEntries(report.tests.map(({ name, cases }) => [name, cases]))).toMatchObject({
      "SHA-2 and SHA-3": 9,
      "HMAC-SHA-256": 34,
      "AES-256-GCM": 66,
      "Ed25519 signatures": 3,
      "Ed25519 verification": 144,
      "ECDSA P-256 verification": 64,
      "ML-KEM-768 key generation": 25,
      "ML-KEM-768 decapsulation": 10,
      "ML-DSA-44 key generation": 25,
      "ML-DSA-44 verification": 4,
      "ML-DSA-65 key generation": 25,
      "ML-DSA-65 verification": 4,
      HMAC_DRBG: 12,
    });
    expect(report.tests.filter(({ source }) => source === "")).toHaveLength(7);
  });

  test("no case stands twice, and what must be refused is among them", () => {
    for (const { name, cases } of knownAnswers()) expect(new Set(cases).size, name).toBe(cases.length);
    const decapsulation = knownAnswers().find(({ name }) => name === "ML-KEM-768 decapsulation");
    expect(decapsulation?.cases.slice(0, decapsulation.atPowerUp)).toEqual(["88 accepted", "86 rejected"]);
  });
});

const own = ownPrimitives;
const otherKeys = ({ fromSeed, verify }: LatticeSignatures): LatticeSignatures => ({
  fromSeed: (seed) => fromSeed(wrong(seed)),
  verify,
});
const otherSignatures = ({ fromSeed, verify }: LatticeSignatures): LatticeSignatures => ({
  fromSeed: (seed) => ({ ...fromSeed(seed), sign: (message) => wrong(fromSeed(seed).sign(message)) }),
  verify,
});

/** A fault, and the tests of power-up that must see it. */
const FAULTS: readonly (readonly [fault: string, primitives: Partial<Primitives>, seen: readonly string[]])[] = [
  [
    "a wrong SHA-384",
    { digest: (a, m) => (a === "sha384" ? wrong : (x: Uint8Array) => x)(own.digest(a, m)) },
    ["SHA-2 and SHA-3"],
  ],
  [
    "a wrong SHAKE256",
    { digest: (a, m) => (a === "shake256" ? wrong : (x: Uint8Array) => x)(own.digest(a, m)) },
    ["SHA-2 and SHA-3"],
  ],
  ["a wrong HMAC", { hmacSha256: (key, message) => wrong(own.hmacSha256(key, message)) }, ["HMAC-SHA-256"]],
  ["a cipher that seals wrongly", { sealAes256Gcm: (of, text) => wrong(own.sealAes256Gcm(of, text)) }, ["AES-256-GCM"]],
  [
    "a cipher that opens everything",
    { openAes256Gcm: (of, sealed) => own.openAes256Gcm(of, sealed) ?? new Uint8Array() },
    ["AES-256-GCM"],
  ],
  ["a cipher that opens nothing", { openAes256Gcm: () => undefined }, ["AES-256-GCM"]],
  ["other Ed25519 keys", { ed25519FromSeed: (seed) => own.ed25519FromSeed(wrong(seed)) }, ["Ed25519 signatures"]],
  ["Ed25519 that believes all", { verifyEd25519: () => true }, ["Ed25519 signatures", "Ed25519 verification"]],
  ["Ed25519 that believes nothing", { verifyEd25519: () => false }, ["Ed25519 signatures", "Ed25519 verification"]],
  ["P-256 that believes all", { verifyP256: () => true }, ["ECDSA P-256 verification"]],
  ["P-256 that believes nothing", { verifyP256: () => false }, ["ECDSA P-256 verification"]],
  [
    "other ML-KEM keys",
    { mlKem768: { ...own.mlKem768, fromSeed: (seed) => own.mlKem768.fromSeed(wrong(seed)) } },
    ["ML-KEM-768 key generation"],
  ],
  [
    "a wrong encapsulation",
    {
      mlKem768: {
        ...own.mlKem768,
        encapsulate: (key) => ({ ...own.mlKem768.encapsulate(key), secret: new Uint8Array(32) }),
      },
    },
    ["ML-KEM-768 key generation"],
  ],
  [
    "a wrong decapsulation",
    { mlKem768: { ...own.mlKem768, decapsulate: (key, text) => wrong(own.mlKem768.decapsulate(key, text)) } },
    ["ML-KEM-768 key generation", "ML-KEM-768 decapsulation"],
  ],
  ["other ML-DSA-44 keys", { mlDsa44: otherKeys(own.mlDsa44) }, ["ML-DSA-44 key generation", "ML-DSA-44 verification"]],
  ["wrong ML-DSA-44 signatures", { mlDsa44: otherSignatures(own.mlDsa44) }, ["ML-DSA-44 key generation"]],
  ["ML-DSA-44 that believes all", { mlDsa44: { ...own.mlDsa44, verify: () => true } }, ["ML-DSA-44 verification"]],
  ["other ML-DSA-65 keys", { mlDsa65: otherKeys(own.mlDsa65) }, ["ML-DSA-65 key generation", "ML-DSA-65 verification"]],
  ["wrong ML-DSA-65 signatures", { mlDsa65: otherSignatures(own.mlDsa65) }, ["ML-DSA-65 key generation"]],
  ["ML-DSA-65 that believes all", { mlDsa65: { ...own.mlDsa65, verify: () => true } }, ["ML-DSA-65 verification"]],
  [
    "a generator that forgets to reseed",
    {
      hmacDrbg: (seed) => {
        const drbg = own.hmacDrbg(seed);
        return { reseed: () => undefined, generate: (length, request) => drbg.generate(length, request) };
      },
    },
    ["HMAC_DRBG"],
  ],
  [
    "a generator that leaves out its nonce",
    { hmacDrbg: (seed) => own.hmacDrbg({ ...seed, nonce: new Uint8Array(16) }) },
    ["HMAC_DRBG"],
  ],
  [
    "cryptography that is not there",
    {
      mlKem768: {
        ...own.mlKem768,
        fromSeed: () => {
          throw new Error("unsupported");
        },
      },
    },
    ["ML-KEM-768 key generation"],
  ],
];

describe("power-up is stopped by", () => {
  test.each(FAULTS)("%s", (_, fault, seen) => {
    const primitives = { ...own, ...fault };
    expect(powerUpTests(primitives)).toEqual({ ok: false, failed: seen });
    expect(failing(powerUp("24.0.0", primitives))).toEqual(seen);
  });

  test("every algorithm's fault: none is left out above", () => {
    const names = knownAnswers().map(({ name }) => name);
    expect(new Set(FAULTS.flatMap(([, , seen]) => seen))).toEqual(new Set(names));
  });
});

describe("the checks over random values", () => {
  test.each([
    ["HMAC_DRBG is what", { hmacDrbg: (seed) => own.hmacDrbg({ ...seed, personalisation: new Uint8Array(3) }) }],
    ["HMAC-SHA-256 is what", { hmacSha256: (key, message) => own.hmacSha256(key, message.slice(0, 100)) }],
    ["AES-256-GCM opens", { openAes256Gcm: (of, sealed) => own.openAes256Gcm(of, sealed) ?? sealed }],
    ["Ed25519 verifies", { verifyEd25519: (key, _, signature) => own.verifyEd25519(key, signature, signature) }],
    ["ML-DSA-44 verifies", { mlDsa44: { ...own.mlDsa44, verify: () => true } }],
    ["ML-DSA-65 verifies", { mlDsa65: { ...own.mlDsa65, verify: () => true } }],
    [
      "ML-KEM-768 agrees",
      { mlKem768: { ...own.mlKem768, decapsulate: (key, text) => own.mlKem768.decapsulate(key, wrong(text)) } },
    ],
  ] satisfies readonly (readonly [string, Partial<Primitives>])[])("see a fault that they name: %s", (name, fault) => {
    const check = CROSS_CHECKS.find((known) => known.name.startsWith(name));
    const holds = (primitives: Primitives): boolean[] =>
      Array.from({ length: 40 }, () => check?.holds(primitives, draw) ?? expect.unreachable(name));
    expect(holds(own)).not.toContain(false);
    expect(holds({ ...own, ...fault })).toContain(false);
  });

  test("are all broken above", () => {
    expect(CROSS_CHECKS).toHaveLength(7);
  });

  test("count each round that went wrong, and a primitive that throws has gone wrong", () => {
    let calls = 0;
    const broken = full("24.0.0", draw, {
      ...own,
      ed25519FromSeed: (seed) => {
        if (++calls % 2 === 0) throw new Error("now and then");
        return own.ed25519FromSeed(seed);
      },
    });
    expect(broken.ok).toBe(false);
    const failed = broken.tests.find(({ name }) => name.startsWith("Ed25519 verifies"))?.failed ?? [];
    expect([12, 13]).toContain(failed.length);
    expect(failed[0]).toMatch(/^round [12]$/);
  });
});

describe("the record of a report", () => {
  const report: SelfTestReport = {
    kind: "full",
    ok: false,
    node: "24.0.0",
    tests: [{ name: 'a "b"', source: "", cases: 2, failed: ["1"] }],
  };

  test("has the hash of its canonical JSON, keys sorted and without spaces", () => {
    const canonical =
      '{"kind":"full","node":"24.0.0","ok":false,"tests":[{"cases":2,"failed":["1"],"name":"a \\"b\\"","source":""}]}';
    const sha256 = createHash("sha256").update(canonical).digest("hex");
    expect(recordOf(report)).toEqual({ report, sha256 });
  });

  test("is another when anything in it is another, and the same on another day", () => {
    const hashes = [
      report,
      { ...report, ok: true },
      { ...report, node: "24.0.1" },
      { ...report, tests: [] },
      { ...report, kind: "power-up" as const },
    ].map((other) => recordOf(other).sha256);
    expect(new Set(hashes).size).toBe(5);
    expect(recordOf(full("24.0.0", draw)).sha256).toBe(recordOf(full("24.0.0", draw)).sha256);
  });
});
