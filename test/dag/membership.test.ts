/** Enrolment: ML-DSA against the standard's example, statements as bytes, what counts and what does not. @module */
import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { villageTools } from "../../src/dag/authority.ts";
import { Membership, type Strangers } from "../../src/dag/membership.ts";
import { mlDsaFromSeed, mlDsaSeedOf, verifyMlDsa } from "../../src/kernel/ml-dsa.ts";
import { decodeRequest, decodeStatementFile, encodeRequest } from "../../src/dag/statement-file.ts";
import { authorityOf, decodeStatement, messageOf, signedStatement, type Statement } from "../../src/dag/statement.ts";
import { encodeEntry } from "../../src/dag/entry.ts";
import { firstHead, nextHead, signHead } from "../../src/dag/index-log.ts";
import { MAX_AUTHORS } from "../../src/dag/merge.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { concatBytes, fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { pointOf, verifyP256 } from "../../src/kernel/p256.ts";
import { silentLog } from "../fakes/log.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";

const NOW_S = Date.UTC(2026, 4, 1) / 1000;
const YEAR_S = 365 * 86_400;
const tools = villageTools(seededRandom("authority"));
const { file: key, authority: hex } = tools.createAuthority(undefined);
const authority = authorityOf(fromHex(hex)!)!;
const KEY = { file: key, passphrase: undefined };

const nodeOf = (n: number) => {
  const seed = new Uint8Array(32).fill(n);
  const author = authorFromSeed(seed);
  const { fingerprint } = mlDsaFromSeed(mlDsaSeedOf(seed));
  return {
    author,
    id: toHex(author.id),
    request: encodeRequest({ radio: n, mlDsaFingerprint: fingerprint, name: `node-${n}` }, author),
  };
};
const one = nodeOf(1);
const signer = tools.openAuthority(KEY);
/** The base point of P-256. */
const POINT = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const NODE_KEYS = {
  name: "node-1",
  radio: 1,
  publicKey: one.author.publicKey,
  mlDsaFingerprint: one.author.mlDsa.fingerprint,
};
const attestedOne = (nowS = NOW_S) => {
  const node = { ...NODE_KEYS, attestationKey: fromHex(POINT)! };
  const file = decodeStatementFile(tools.certify(signer, node, nowS, nowS + YEAR_S));
  if (!file.ok) throw new Error(file.reason);
  return file.value;
};

function enrolled(node = one, at = NOW_S, untilS = NOW_S + YEAR_S) {
  const file = decodeStatementFile(tools.enrol(KEY, node.request, at, untilS).file);
  if (!file.ok) throw new Error(file.reason);
  return file.value;
}

function revoked(serials: number[], number: number) {
  const file = decodeStatementFile(tools.revoke(KEY, serials, number));
  if (!file.ok) throw new Error(file.reason);
  return file.value;
}

async function opened(nowS = NOW_S, strangers: Strangers = "refuse", store = openMemoryStore()) {
  const clock = { nowMs: () => 1000 * nowS };
  return { membership: await Membership.open({ store, clock, authority, strangers }), store };
}

describe("ML-DSA-44", () => {
  test("makes the public key of RFC 9881's example from its seed", () => {
    const { publicKey } = mlDsaFromSeed(Uint8Array.from({ length: 32 }, (_, i) => i));
    expect(toHex(publicKey.subarray(0, 26))).toBe("d7b2b47254aae0db45e7930d4a98d2c97d8f1397d1789dafa170");
  });

  test("takes its own signatures, and none with a bit, a key or a length changed", () => {
    const signer = mlDsaFromSeed(new Uint8Array(32));
    const message = utf8("caye");
    const signature = signer.sign(message);
    expect(verifyMlDsa(signer.publicKey, message, signature)).toBe(true);
    expect(verifyMlDsa(signer.publicKey, utf8("Caye"), signature)).toBe(false);
    expect(verifyMlDsa(mlDsaFromSeed(new Uint8Array(32).fill(1)).publicKey, message, signature)).toBe(false);
    expect(verifyMlDsa(signer.publicKey, message, signature.slice(1))).toBe(false);
    for (const at of [0, 1000, 2419]) {
      const wrong = signature.slice();
      wrong[at]! ^= 1;
      expect(verifyMlDsa(signer.publicKey, message, wrong)).toBe(false);
    }
  });
});

describe("statements", () => {
  const statements: fc.Arbitrary<Statement> = fc.oneof(
    fc.record({
      kind: fc.constant("certificate" as const),
      serial: fc.integer({ min: 1, max: 0xffff_ffff }),
      radio: fc.integer({ min: 0, max: 0xffff_ffff }),
      publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      mlDsaFingerprint: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fromS: fc.integer({ min: 0, max: 1000 }),
      untilS: fc.integer({ min: 1000, max: 0xffff_ffff }),
      name: fc.stringMatching(/^[a-zñ -]{1,12}$/),
    }),
    fc
      .record({
        serial: fc.integer({ min: 1, max: 0xffff_ffff }),
        odd: fc.boolean(),
        name: fc.stringMatching(/^\w{1,24}$/),
      })
      .map(({ serial, odd, name }) => {
        const attestationKey = fromHex(odd ? POINT : `02${POINT.slice(2)}`)!;
        const certificate = { kind: "certificate", serial, fromS: serial, untilS: 0xffff_ffff } as const;
        return { ...certificate, ...NODE_KEYS, name, attestationKey };
      }),
    fc.record({
      kind: fc.constant("revocations" as const),
      number: fc.integer({ min: 1, max: 0xffff_ffff }),
      serials: fc
        .uniqueArray(fc.integer({ min: 1, max: 0xffff_ffff }), { maxLength: 24 })
        .map((list) => list.toSorted((a, b) => a - b)),
    }),
  );

  test("come back from their bytes, which fit an entry", () => {
    fc.assert(
      fc.property(statements, (statement) => {
        const entry = signedStatement(statement, new Uint8Array(64));
        const back = decodeStatement(entry);
        expect(back).toMatchObject({ ok: true, value: { statement } });
        expect(entry.length).toBeLessThanOrEqual(200);
        if (back.ok) expect(signedStatement(back.value.statement, back.value.signature)).toEqual(entry);
      }),
      { seed: 8, numRuns: 500 },
    );
  });

  test("have these bytes", () => {
    const statement = { kind: "revocations", number: 300, serials: [5, 6, 200] } as const;
    expect(toHex(messageOf(statement))).toBe(
      `${toHex(utf8("caye revocations v1"))}c2ac020305 01 c201`.replaceAll(" ", ""),
    );
    const certificate: Statement = {
      kind: "certificate",
      serial: 7,
      radio: 0x3f9a1c20,
      publicKey: new Uint8Array(32).fill(0xaa),
      mlDsaFingerprint: new Uint8Array(32).fill(0xbb),
      fromS: 1,
      untilS: 2,
      name: "mole",
    };
    const body = `c1 07 3f9a1c20 ${"aa".repeat(32)} ${"bb".repeat(32)} 00000001 00000002 04 6d6f6c65`.replaceAll(
      " ",
      "",
    );
    expect(toHex(messageOf(certificate))).toBe(toHex(utf8("caye certificate v1")) + body);
    // With an attestation key: its serial is the time from which it is valid.
    const attested = { ...certificate, fromS: 7, attestationKey: fromHex(POINT)! };
    const longer = `c3 07 3f9a1c20 ${"aa".repeat(32)} ${"bb".repeat(32)} ${POINT} 00000002 04 6d6f6c65`;
    expect(() => messageOf(attested)).toThrow(/before it begins/);
    expect(toHex(messageOf({ ...attested, untilS: 0x1_0000 }))).toBe(
      toHex(utf8("caye certificate v1")) + longer.replaceAll(" ", "").replace("00000002", "00010000"),
    );
  });

  test("name an attestation key that is a point of its curve, and begin with their serial", () => {
    const node = { ...NODE_KEYS, attestationKey: fromHex(POINT)! };
    const longest = { ...node, name: "x".repeat(24) };
    const file = decodeStatementFile(tools.certify(signer, longest, NOW_S, NOW_S + YEAR_S));
    expect(file.ok && file.value.entry.length).toBe(200);
    const read = file.ok ? decodeStatement(file.value.entry) : file;
    expect(read).toMatchObject({ ok: true, value: { statement: { ...longest, serial: NOW_S, fromS: NOW_S } } });
    const off = { ...node, attestationKey: fromHex(`02${"00".repeat(31)}01`)! };
    expect(() => tools.certify(signer, off, NOW_S, NOW_S + YEAR_S)).toThrow(/no point/);
    const shifted = { kind: "certificate", serial: 5, fromS: 6, untilS: 7, ...node } as const;
    expect(() => messageOf(shifted)).toThrow(/serial is not when it begins/);
  });

  test("are refused truncated, flipped or random, never with a throw; a flip is never believed", async () => {
    const { membership } = await opened();
    for (const { entry } of [enrolled(), attestedOne()]) {
      for (let length = 0; length < entry.length; length++)
        expect(await membership.take(entry.slice(0, length))).not.toBe("new");
      for (let bit = 0; bit < 8 * entry.length; bit += 3) {
        const flipped = entry.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(["malformed", "forged"]).toContain(await membership.take(flipped));
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 220 }), (bytes) => {
        decodeStatement(concatBytes(Uint8Array.of(0xc1), bytes));
        decodeStatement(concatBytes(Uint8Array.of(0xc2), bytes));
        decodeStatement(concatBytes(Uint8Array.of(0xc3), bytes));
        decodeStatementFile(bytes);
        decodeRequest(bytes);
      }),
      { seed: 9, numRuns: 5000 },
    );
  });
});

describe("the standing of an author", () => {
  test("is enrolled with a certificate in its time, expired after, a stranger's before and without", async () => {
    const at = async (nowS: number) => {
      const { membership } = await opened(nowS);
      expect(await membership.take(enrolled().entry)).toBe("new");
      return membership.standing(one.id);
    };
    expect(await at(NOW_S)).toBe("enrolled");
    expect(await at(NOW_S + YEAR_S + 1)).toBe("expired");
    expect(await at(NOW_S - 1)).toBe("stranger");
    // A machine without a clock judges no dates.
    expect(await at(0)).toBe("enrolled");
    expect((await opened()).membership.standing(one.id)).toBe("stranger");
  });

  test("is revoked by a list, until a later certificate; older lists and certificates are stale", async () => {
    const { membership } = await opened();
    const [first, second] = [enrolled(), enrolled(one, NOW_S + 5)];
    const list = revoked([NOW_S], 2);
    expect(await membership.take(first.entry)).toBe("new");
    expect(await membership.take(list.entry)).toBe("new");
    expect(membership.standing(one.id)).toBe("revoked");
    expect(await membership.take(revoked([], 1).entry)).toBe("stale");
    expect(await membership.take(first.entry)).toBe("known");
    expect(await membership.take(second.entry)).toBe("new");
    expect(membership.standing(one.id)).toBe("stranger");
    expect(await membership.take(first.entry)).toBe("stale");
  });

  test("survives a restart, and not a change of the authority", async () => {
    const { membership, store } = await opened();
    await membership.take(enrolled().entry, enrolled().proof);
    await membership.take(revoked([1], 4).entry);
    const { membership: later } = await opened(NOW_S, "refuse", store);
    expect(later.members()).toMatchObject([{ id: one.id, standing: "enrolled", certificate: { name: "node-1" } }]);
    expect([later.revocationNumber(), later.revoked()]).toEqual([4, [1]]);
    const other = authorityOf(fromHex(tools.createAuthority(undefined).authority)!)!;
    const clock = { nowMs: () => 1000 * NOW_S };
    const foreign = await Membership.open({ store, clock, authority: other, strangers: "refuse" });
    expect(foreign.members()).toEqual([]);
  });

  test("tells whether the second signature was seen; a wrong one is a forgery", async () => {
    const { membership } = await opened();
    const { entry, proof } = enrolled();
    expect(await membership.take(entry)).toBe("new");
    expect(membership.members()[0]?.postQuantum).toBe(false);
    expect(await membership.take(entry, { ...proof, signature: proof.signature.slice().reverse() })).toBe("forged");
    const foreign = mlDsaFromSeed(new Uint8Array(32));
    expect(await membership.take(entry, { publicKey: foreign.publicKey, signature: proof.signature })).toBe("forged");
    expect(await membership.take(entry, proof)).toBe("new");
    expect(membership.members()[0]?.postQuantum).toBe(true);
    expect(await membership.take(entry, proof)).toBe("known");
  });

  test("decides who is admitted", async () => {
    for (const [strangers, expected] of [
      ["refuse", "never"],
      ["show-unverified", "if-room"],
      ["accept", "if-room"],
    ] as const) {
      const { membership } = await opened(NOW_S, strangers);
      expect(membership.admits(one.id)).toBe(expected);
      expect(membership.admitsAny(one.id.slice(0, 8))).toBe(expected);
      await membership.take(enrolled().entry);
      expect(membership.admits(one.id)).toBe("always");
      expect(membership.admitsAny(one.id.slice(0, 8))).toBe("always");
    }
  });
});

describe("the authority", () => {
  test("signs nothing for a request that another wrote, or that was changed", () => {
    const lines = Buffer.from(one.request).toString().split("\n");
    const other = Buffer.from(nodeOf(2).request).toString().split("\n");
    const mixed = utf8([lines[0], lines[1], other[2]].join("\n"));
    expect(() => tools.enrol(KEY, mixed, NOW_S, NOW_S + 1)).toThrow(/wrong signature/);
    expect(() => tools.enrol(KEY, utf8("hello"), NOW_S, NOW_S + 1)).toThrow(/no request/);
    expect(() => tools.enrol(KEY, one.request, NOW_S, NOW_S - 1)).toThrow(/valid until/);
  });

  test("keeps its key behind a passphrase, if wished", () => {
    const { file } = tools.createAuthority("pan dulce");
    expect(Buffer.from(file).toString()).toContain("scrypt");
    const open = (passphrase: string | undefined) => tools.revoke({ file, passphrase }, [1], 1);
    expect(open("pan dulce").length).toBeGreaterThan(3000);
    expect(() => open("pan amargo")).toThrow(/does not open/);
    expect(() => open(undefined)).toThrow(/passphrase/);
    expect(() => tools.revoke({ file: utf8("?"), passphrase: undefined }, [1], 1)).toThrow(/no key file/);
  });

  test("has one update key, which its passphrase and its other keys do not change", () => {
    const { file, authority: named, updateKey } = tools.createAuthority("pan dulce");
    const opened = tools.openAuthority({ file, passphrase: "pan dulce" });
    expect([opened.authority, opened.updateKey]).toEqual([named, updateKey]);
    expect(updateKey).toMatch(/^0[23][0-9a-f]{64}$/);
    expect(Buffer.from(file).toString()).toContain(`update_key = "${updateKey}"`);
    const point = pointOf(fromHex(updateKey)!)!;
    const message = utf8("approved");
    expect(verifyP256(point, message, opened.update.sign(message))).toBe(true);
    expect(tools.openAuthority(KEY).updateKey).not.toBe(updateKey);
  });

  test("gives a node that had a certificate before one with its attestation key, which counts from then on", async () => {
    const { membership } = await opened(NOW_S + 5);
    expect(await membership.take(enrolled().entry)).toBe("new");
    expect(membership.members()[0]?.certificate.attestationKey).toBeUndefined();
    const { entry, proof } = attestedOne(NOW_S + 5);
    expect(await membership.take(entry, proof)).toBe("new");
    expect(toHex(membership.members()[0]?.certificate.attestationKey ?? new Uint8Array())).toBe(POINT);
    expect(await membership.take(enrolled().entry)).toBe("stale");
  });

  test("its group keys are 32 random bytes each", () => {
    const [first, second] = [tools.createGroupKey(1), tools.createGroupKey(2)].map((file) =>
      Buffer.from(file).toString(),
    );
    expect(first).toMatch(/^# .*\ncaye-group-key 1 [0-9a-f]{64}\n$/);
    expect(createHash("sha256").update(first!.slice(-65)).digest()).not.toEqual(
      createHash("sha256").update(second!.slice(-65)).digest(),
    );
  });
});

describe("a shard with a gate", () => {
  const random = (seed: string) => seededRandom(seed);
  const shardOf = async (name: string, gate?: Membership) =>
    openShard(openMemoryStore(), { random: random(name), nodeName: name, log: silentLog, ...(gate && { gate }) });
  const tell = async (from: Shard, to: Shard, author = from.author.id) => {
    const run = await from.entries(author, 1, 100);
    return to.merge(author, 1, run.entries, run.signature);
  };
  const certified = (shard: Shard, name: string, at = NOW_S) => {
    const { author } = shard;
    const request = encodeRequest({ radio: 1, mlDsaFingerprint: author.mlDsa.fingerprint, name }, author);
    return enrolled({ author, id: toHex(author.id), request }, at);
  };

  test("refuses strangers, takes members, and learns of members from each other's logs", async () => {
    const { membership } = await opened();
    const desk = await shardOf("desk", membership);
    const [first, second] = [await shardOf("first"), await shardOf("second")];
    expect(await tell(first, desk)).toEqual({ kind: "refused", reason: "author not enrolled" });
    expect(await membership.take(certified(first, "first").entry)).toBe("new");
    expect(await tell(first, desk)).toEqual({ kind: "merged", count: 1 });
    expect(await tell(second, desk)).toMatchObject({ kind: "refused" });
    await first.putStatement(certified(second, "second").entry);
    expect(await tell(first, desk)).toEqual({ kind: "merged", count: 2 });
    expect(await tell(second, desk)).toEqual({ kind: "merged", count: 1 });
    await first.putStatement(revoked([NOW_S], 1).entry);
    await tell(first, desk);
    expect(membership.members().map(({ standing }) => standing)).toEqual(["revoked", "revoked"]);
    await second.putFile("late.txt", utf8("x"));
    expect(await tell(second, desk)).toMatchObject({ kind: "refused" });
  });

  test("a log may hold statements that are none: they change nothing, and the log goes on", async () => {
    const { membership } = await opened(NOW_S, "show-unverified");
    const desk = await shardOf("desk", membership);
    const first = await shardOf("first");
    for (const entry of [Uint8Array.of(0xc1), new Uint8Array(200).fill(0xc2), enrolled().entry.fill(0, 150)]) {
      await first.putStatement(entry);
    }
    expect(await tell(first, desk)).toEqual({ kind: "merged", count: 4 });
    expect(membership.members()).toEqual([]);
  });

  test("members have room beside as many strangers as there may be", async () => {
    const { membership } = await opened(NOW_S, "show-unverified");
    const desk = await shardOf("desk", membership);
    for (let n = 0; n < MAX_AUTHORS; n++) {
      const author = authorFromSeed(
        Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? n >> 8 : i === 1 ? n & 255 : 3)),
      );
      const entry = encodeEntry({ kind: "author", publicKey: author.publicKey, name: "x" });
      const head = nextHead(firstHead(author.publicKey), entry);
      await desk.merge(author.id, 1, [entry], signHead(author, 1, head));
    }
    const member = await shardOf("member");
    expect(await tell(member, desk)).toEqual({ kind: "refused", reason: "too many authors" });
    await membership.take(certified(member, "member").entry);
    expect(await tell(member, desk)).toEqual({ kind: "merged", count: 1 });
  }, 60_000);
});
