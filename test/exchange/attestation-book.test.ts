/** The records by which neighbours' TPMs are judged: files that were handed in, certificates, counters. @module */
import { describe, expect, test } from "vitest";
import { firmwareBytes } from "../../src/attest/compact.ts";
import { encodeEnrolment, type Enrolment } from "../../src/attest/enrolment.ts";
import type { Policy } from "../../src/attest/policy.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { AttestationBook, MAX_RECORDS, type AttestationBookPorts } from "../../src/exchange/attestation-book.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { expectedValue } from "../../src/attest/logs/own.ts";
import { SoftChip, type SoftChipState } from "../../src/sim/soft-chip.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const own = { runtime: sha256("r"), code: sha256("c"), config: sha256("f"), policy: sha256("p") };
const chip = new SoftChip("book");
const state: SoftChipState = { own, clock: 1_000n, resetCount: 3, restartCount: 0, safe: true, firmware: 5n };
const nonce = sha256("nonce").slice(0, 16);
const author = authorFromSeed(seeded(3).random.bytes(32));
const id = toHex(author.id);

function enrolmentOf({ publicKey, mlDsa }: typeof author, changes: Partial<Enrolment> = {}): Enrolment {
  return {
    name: "harbour",
    akPublic: chip.akPublic,
    pcrs: [14],
    author: { publicKey, mlDsaFingerprint: new Uint8Array(mlDsa.fingerprint), radio: 7 },
    endorsement: { publicArea: sha256("ek"), certificate: undefined, bound: "pinned", root: undefined },
    state: { own, ownPcr: 14, ownBase: new Uint8Array(32), values: new Map([[14, expectedValue(own)]]) },
    manufacturer: "IBM ",
    firmware: 5n,
    enrolledS: undefined,
    counters: { resetCount: 3, restartCount: 0, clock: 0n },
    policyVersion: 0,
    ...changes,
  };
}

const policy: Policy = {
  version: 4,
  fromS: 0,
  untilS: 2_000,
  pcrs: [14],
  own: new Map([["code", [own.code, sha256("next")]]]),
  values: new Map(),
  firmware: [],
  resets: "count",
  unattested: "limit",
  maxAgeS: 600,
};

const open = (ports: Partial<AttestationBookPorts> = {}): Promise<AttestationBook> =>
  AttestationBook.open({
    store: openMemoryStore(),
    policy: () => undefined,
    nowS: () => 1_000,
    ownPcr: 14,
    certified: () => undefined,
    ...ports,
  });

describe("an enrolment that is handed in", () => {
  test("tells what to ask and what to expect, judges, and remembers the counters through a restart", async () => {
    const store = openMemoryStore();
    const book = await open({ store });
    expect(book.known(id)).toBeUndefined();
    expect(await book.add(encodeEnrolment(enrolmentOf(author)))).toEqual({
      ok: true,
      value: { author: id, name: "harbour", known: "pinned" },
    });
    const expected = [own.runtime, own.code, own.config, own.policy, firmwareBytes(5n)];
    expect(book.known(id)).toEqual({ akPublic: chip.akPublic, pcrs: [14], ownPcr: 14, expected });
    const evidence = chip.evidence(nonce, 14, state);
    expect(book.judge(id, evidence, nonce)).toMatchObject({ ok: true });
    await book.remember(id, evidence);
    const again = await open({ store });
    expect(again.list()).toEqual([{ author: id, name: "harbour", known: "pinned" }]);
    const older = chip.evidence(nonce, 14, { ...state, clock: 999n });
    expect(again.judge(id, older, nonce)).toMatchObject({ ok: false, reason: "counters-backward" });
    const restarted = chip.evidence(nonce, 14, { ...state, resetCount: 4 });
    expect(again.judge(id, restarted, nonce)).toMatchObject({ ok: false, reason: "unknown-reset" });
  });

  test("is refused when it is none, names no author, has an RSA key, or is one too many", async () => {
    const book = await open();
    expect((await book.add(new Uint8Array(9))).ok).toBe(false);
    const bare = enrolmentOf(author, { author: undefined, endorsement: undefined });
    expect(await book.add(encodeEnrolment(bare))).toEqual({ ok: false, reason: "the enrolment names no author" });
    const rsa = enrolmentOf(author, { akPublic: new Uint8Array(300) });
    expect((await book.add(encodeEnrolment(rsa))).ok).toBe(false);
    const store = openMemoryStore();
    const file = encodeEnrolment(enrolmentOf(author));
    for (let i = 0; i < MAX_RECORDS; i++) {
      const key = Buffer.from(`~attest:${i.toString(16).padStart(16, "0")}`);
      await store.write([{ key, value: file }]);
    }
    const full = await open({ store });
    expect(full.list().length).toBe(MAX_RECORDS);
    expect(await full.add(file)).toEqual({ ok: false, reason: "too many records" });
  });
});

describe("a certificate of the village's authority", () => {
  const certified = (author: string) => (author === id ? { akPublic: chip.akPublic, name: "harbour" } : undefined);

  test("is enough under a policy that lists the states, and nothing without one", async () => {
    expect((await open({ certified })).known(id)).toBeUndefined();
    const whole = new Map([...policy.own, ...(["runtime", "config", "policy"] as const).map(listed)]);
    const book = await open({ certified, policy: () => ({ ...policy, own: whole, firmware: [5n] }) });
    expect(book.known(id)?.expected[1]).toEqual(own.code);
    expect(book.rules()).toEqual({ unattested: "limit", maxAgeMs: 600_000 });
    const evidence = chip.evidence(nonce, 14, state);
    expect(book.judge(id, evidence, nonce)).toMatchObject({ ok: true });
    const updated = chip.evidence(nonce, 14, { ...state, own: { ...own, code: sha256("next") } });
    expect(book.judge(id, updated, nonce)).toMatchObject({ ok: true });
    await book.remember(id, updated);
    // What it said last is the likeliest next time.
    expect(book.known(id)?.expected[1]).toEqual(sha256("next"));
    expect(book.list()).toEqual([{ author: id, name: "harbour", known: "certificate" }]);
  });

  test("with a newer key takes the place of what was remembered under the older one", async () => {
    let akPublic = chip.akPublic;
    const book = await open({ certified: () => ({ akPublic, name: "harbour" }), policy: () => policy });
    await book.remember(id, chip.evidence(nonce, 14, state));
    const other = new SoftChip("another chip");
    akPublic = other.akPublic;
    expect(book.known(id)?.akPublic).toEqual(other.akPublic);
  });

  const listed = (name: "runtime" | "config" | "policy") => [name, [own[name]]] as const;
});

test("a policy that is over still limits, and shuts nobody out: nobody could satisfy it", async () => {
  const strict = { ...policy, unattested: "refuse" } as const;
  const rules = async (nowS: number | undefined) => (await open({ policy: () => strict, nowS: () => nowS })).rules();
  expect((await rules(1_000))?.unattested).toBe("refuse");
  expect((await rules(undefined))?.unattested).toBe("refuse");
  expect((await rules(3_000))?.unattested).toBe("limit");
});

test("a policy that is forged makes every verdict bad, and limits nobody; one that is over makes every verdict bad", async () => {
  const fault = { fault: "policy-forged", detail: "not signed" } as const;
  const forged = await open({ policy: () => fault });
  await forged.add(encodeEnrolment(enrolmentOf(author)));
  const evidence = chip.evidence(nonce, 14, state);
  expect(forged.judge(id, evidence, nonce)).toMatchObject({ ok: false, reason: "policy-forged" });
  expect(forged.rules()).toBeUndefined();
  const over = await open({ policy: () => policy, nowS: () => 3_000 });
  await over.add(encodeEnrolment(enrolmentOf(author)));
  expect(over.judge(id, evidence, nonce)).toMatchObject({ ok: false, reason: "policy-expired" });
});

test("registers of the firmware, whose logs don't travel, are held against the enrolment", async () => {
  const book = await open();
  const values = new Map([
    [7, sha256("firmware")],
    [14, expectedValue(own)],
  ]);
  await book.add(
    encodeEnrolment(
      enrolmentOf(author, { pcrs: [7, 14], state: { own, ownPcr: 14, ownBase: new Uint8Array(32), values } }),
    ),
  );
  const said = (value: Uint8Array) => chip.evidence(nonce, 14, state, new Map([[7, value]]));
  expect(book.known(id)?.expected[5]).toEqual(sha256("firmware"));
  expect(book.judge(id, said(sha256("firmware")), nonce)).toMatchObject({ ok: true });
  expect(book.judge(id, said(sha256("other")), nonce)).toMatchObject({ ok: false, reason: "drift" });
  expect(book.judge(id, said(new Uint8Array(32)), nonce)).toMatchObject({ ok: false, reason: "not-measured" });
});

test("a register that the firmware extended before the agent is held against the enrolment, too", async () => {
  const ownBase = sha256("boot loader");
  const book = await open();
  const values = new Map([[14, expectedValue(own, ownBase)]]);
  await book.add(encodeEnrolment(enrolmentOf(author, { state: { own, ownPcr: 14, ownBase, values } })));
  const said = (base: Uint8Array) => chip.evidence(nonce, 14, { ...state, base });
  expect(book.judge(id, said(ownBase), nonce)).toMatchObject({ ok: true });
  expect(book.judge(id, said(sha256("another")), nonce)).toMatchObject({ ok: false, reason: "unexplained" });
  expect(book.judge(id, said(new Uint8Array(32)), nonce)).toMatchObject({ ok: false, reason: "drift" });
});
