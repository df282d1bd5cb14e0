/** What a node shows of itself to verifiers, over a chip that is none; and in quarantine, and without a TPM. */
import { expect, test } from "vitest";
import { attestTools } from "../../src/attest/tools.ts";
import type { NodeAttestation } from "../../src/boot.ts";
import { fromHex, utf8 } from "../../src/kernel/bytes.ts";
import type { AttestParts } from "../../src/desk/parts.ts";
import { evidenceOf } from "../../src/trust/attest.ts";
import { measure } from "../../src/trust/measure.ts";
import { FakeRecord } from "../fakes/boot-record.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { openDeskRig, type DeskRigOptions } from "../fakes/desk.ts";
import { seeded } from "../fakes/seeded.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";

const PCR = 14;
const FILES = [{ path: "src/a.ts", sha256: sha256("a") }];
const NEXT_FILES = [{ path: "src/a.ts", sha256: sha256("b") }];
const RUNTIME = { nodeVersion: "v24.0.0", files: [{ path: "node", sha256: sha256("node") }] };
const tools = attestTools(seeded(9).random);

async function nodeWith(chip: FakeChip): Promise<NodeAttestation> {
  const tpm = chip.powerOn();
  const measurement = await measure({
    openTpm: async () => tpm,
    ownFiles: { list: async () => FILES, runtime: async () => RUNTIME },
    configBytes: utf8("config"),
    policyBytes: new Uint8Array(),
    record: new FakeRecord(),
    memory: new FakeMemory(),
    pcr: PCR,
  });
  if (measurement.kind !== "measured") throw new Error(measurement.detail);
  const measured = measurement.evidence;
  return { measured, pcrs: [PCR], evidence: (nonce, key) => evidenceOf(measured, nonce, [PCR], key) };
}

async function deskOf(options: DeskRigOptions & { readonly node?: NodeAttestation } = {}) {
  const rig = await openDeskRig(options);
  const attest: AttestParts = {
    node: options.node,
    tools,
    changesAt: async ({ code, config }) => ({
      ...(code !== undefined && { files: NEXT_FILES }),
      ...(config !== undefined && { configBytes: utf8(config) }),
    }),
  };
  return { rig, desk: rig.deskWith({ attest }).attest };
}

const EMPTY_PLAN = { code: undefined, config: undefined, policy: undefined };
const nonce = new Uint8Array(32).fill(7);

test("request, challenge and answer lead to an enrolment by which its quotes are believed", async () => {
  const { desk, rig } = await deskOf({ node: await nodeWith(new FakeChip()) });
  await using _ = rig;
  const { id, name, request } = await desk.request();
  expect([id, name]).toEqual([Buffer.from(rig.shard.author.id).toString("hex"), "clinic"]);
  expect((await desk.request()).request).toBe(request);
  const { challenge, pending } = tools.challenge(utf8(request), { kind: "pin" });
  const { answer } = await desk.answer(challenge);
  const enrolled = tools.finish(utf8(answer), pending);
  expect(enrolled).toMatchObject({ name: "clinic", author: id, node: { attestationKey: expect.any(Uint8Array) } });
  const quote = await desk.quote(nonce, "ecc");
  const files = new Map(Object.entries(quote.files).map(([file, base64]) => [file, Buffer.from(base64, "base64")]));
  const asked = { files, enrolment: enrolled.enrolment, nonce, reboots: 0 };
  const verdict = await desk.verify(asked);
  expect(verdict).toMatchObject({ ok: true, name: "clinic", reason: "", counters: { reset_count: 1 } });
  expect(Buffer.from(verdict.enrolment, "base64").toString()).toMatch(/^caye-enrolment 1\n/);
  const other = await desk.verify({ ...asked, nonce: new Uint8Array(32) });
  expect(other).toMatchObject({ ok: false, reason: "nonce", counters: null, enrolment: "" });
});

test("challenges for another node, another chip, or none at all are named, and nothing is signed for them", async () => {
  const chips = [new FakeChip(), new FakeChip()] as const;
  const { desk, rig } = await deskOf({ node: await nodeWith(chips[0]) });
  await using _ = rig;
  const stranger = await deskOf({ node: await nodeWith(chips[1]) });
  await using strangerRig = stranger.rig;
  expect(strangerRig.modem.state().kind).toBe("ready");
  const invalid = (message: string) =>
    expect.objectContaining({ code: "CHALLENGE_INVALID", message: expect.stringContaining(message) });
  await expect(desk.answer(utf8("hello"))).rejects.toEqual(invalid("no challenge"));
  const theirs = tools.challenge(utf8((await stranger.desk.request()).request), { kind: "pin" }).challenge;
  await expect(desk.answer(theirs)).rejects.toEqual(invalid("another request"));
  // Of this request, with the credential of the other chip's challenge.
  const ours = Buffer.from(tools.challenge(utf8((await desk.request()).request), { kind: "pin" }).challenge).toString();
  const part = (text: string, field: string): string => new RegExp(`"${field}": ?"([^"]*)"`).exec(text)?.[1] ?? "";
  const text = Buffer.from(theirs).toString();
  let mixed = ours;
  for (const field of ["credential", "encrypted_seed"]) mixed = mixed.replace(part(ours, field), part(text, field));
  expect(mixed).not.toBe(ours);
  await expect(desk.answer(utf8(mixed))).rejects.toEqual(invalid("made for another one"));
});

test("what would run is measured as what runs, and only what changes differs", async () => {
  const { desk, rig } = await deskOf({ node: await nodeWith(new FakeChip()) });
  await using _ = rig;
  const now = await desk.reference(EMPTY_PLAN);
  for (const digest of Object.values(now)) expect(fromHex(digest)?.length).toBe(32);
  const changed = async (plan: Partial<typeof EMPTY_PLAN> | { policy: Uint8Array }) => {
    const next = await desk.reference({ ...EMPTY_PLAN, ...plan });
    return (["runtime", "code", "config", "policy"] as const).filter((name) => next[name] !== now[name]);
  };
  expect(await changed({})).toEqual([]);
  expect(await changed({ policy: utf8("policy") })).toEqual(["policy"]);
});

test("in quarantine the TPM still answers, and what needs the node's own keys does not", async () => {
  const { desk, rig } = await deskOf({ node: await nodeWith(new FakeChip()), quarantine: "src/main.ts differs" });
  await using _ = rig;
  expect((await desk.quote(nonce, "rsa")).pcrs).toEqual([PCR]);
  expect(await desk.reference(EMPTY_PLAN)).toMatchObject({ code: expect.any(String) });
  const shut = expect.objectContaining({ code: "QUARANTINE" });
  await expect(desk.request()).rejects.toEqual(shut);
  await expect(desk.watch(utf8("x"))).rejects.toEqual(shut);
});

test("a node that could not measure itself says so, and judges others all the same", async () => {
  const { desk, rig } = await deskOf();
  await using _ = rig;
  const none = expect.objectContaining({ code: "TPM_NONE" });
  await expect(desk.request()).rejects.toEqual(none);
  await expect(desk.quote(nonce, "ecc")).rejects.toEqual(none);
  await expect(desk.reference(EMPTY_PLAN)).rejects.toEqual(none);
  const verdict = await desk.verify({ files: new Map(), enrolment: utf8("?"), nonce, reboots: 0 });
  expect(verdict).toMatchObject({ ok: false, reason: "malformed" });
});

test("nothing is asked for before the radio has told its number", async () => {
  const { desk, rig } = await deskOf({ node: await nodeWith(new FakeChip()) });
  await using _ = rig;
  rig.modem.current = { kind: "configuring" };
  await expect(desk.request()).rejects.toMatchObject({ code: "RADIO_UNKNOWN" });
  expect((await desk.quote(nonce, "ecc")).pcrs).toEqual([PCR]);
});

test("a neighbour's enrolment is handed on, and refused by name", async () => {
  const { desk, rig } = await deskOf();
  await using _ = rig;
  await expect(desk.watch(utf8("x"))).rejects.toMatchObject({ code: "ATTEST_OFF" });
});
