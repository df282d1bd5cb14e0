/** Keys that open in the right state only: approvals by the village's authority, lockout, two agents on one TPM. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { p256FromSecret } from "../../src/kernel/p256.ts";
import { updatePolicyRef } from "../../src/attest/approval.ts";
import { pcrPolicyDigest } from "../../src/kernel/pcr.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { MAX_APPROVALS } from "../../src/trust/approvals.ts";
import { decodeSealed, encodeSealed, type SealedKey } from "../../src/trust/key-files.ts";
import { keyId } from "../../src/trust/store-keys.ts";
import { fakeChip, PowerCut, swtpmChip } from "../fakes/chips.ts";
import { AUTHOR, KeyMachine } from "../fakes/key-machine.ts";
import { FakeChip } from "../fakes/tpm.ts";

const WELL = "running: tested measured attested seeded unsealed open settled";
const SHUT = "quarantine: tested measured mismatch";
const DIGEST = /this state, ([0-9a-f]{64}),/;
const STRANGER = p256FromSecret(utf8("another authority"), "update");

describe.each([
  ["the fake TPM", () => fakeChip()],
  ["a software TPM", () => swtpmChip()],
])("an update that the authority approves, with %s", (_name, makeChip) => {
  let machine: KeyMachine;

  beforeEach(async (context) => {
    const chip = makeChip() ?? context.skip("swtpm is not installed");
    machine = new KeyMachine(chip);
    machine.trustAuthority();
    await machine.states();
  });
  afterEach(() => machine.chip.dispose());

  const hand = async (file: Uint8Array): Promise<unknown> => {
    await using booted = await machine.boot();
    return booted.keychain.takeApproval(file);
  };

  test("is refused first, opens once the approval is handed in, settles, and needs it no longer", async () => {
    const approval = machine.approvalOf({ code: "v2" });
    machine.code = "v2";
    expect(await machine.states()).toBe(SHUT);
    {
      await using shut = await machine.boot();
      expect(await shut.keychain.takeApproval(approval)).toMatchObject({ verdict: "new" });
      expect(await shut.keychain.takeApproval(approval)).toMatchObject({ verdict: "known" });
    }
    {
      await using node = await machine.bootOpen();
      expect(node.state).toBe("running");
      const step = node.steps.find(({ step: name }) => name === "unseal");
      expect(step?.detail).toContain("the village's authority approved");
    }
    expect(machine.fileNames).toEqual(["measurements.json", "reference.json", "sealed.bin"]);
    expect(await machine.states()).toBe(WELL);
    machine.code = "v1";
    expect(await machine.states()).toBe(SHUT);
  });

  test("opens with the file put into the state directory, and with the state that was named to the authority", async () => {
    machine.code = "v2";
    machine.config = "c2";
    await using booted = await machine.boot();
    const [, named] = DIGEST.exec(booted.kind === "quarantine" ? booted.fix : "") ?? [];
    await booted[Symbol.asyncDispose]();
    const approval = machine.approvalOf({ code: "v2", config: "c2" });
    expect(new TextDecoder().decode(approval)).toContain(named ?? "no digest was named");
    machine.memory.files.set("approval-7.txt", approval);
    expect(await machine.states()).toBe(WELL);
  });

  test("the TPM refuses it, and names the approval that it needs, also when the disk's own memory is forged", async () => {
    machine.code = "v2";
    machine.memory.files.delete("reference.json");
    await using booted = await machine.boot();
    const states = booted.steps.map(({ state }) => state).join(" ");
    expect([states, booted.kind]).toEqual(["tested measured attested seeded mismatch", "quarantine"]);
    expect(booted.kind === "quarantine" && booted.fix).toMatch(DIGEST);
  });

  test("does not open another state than the approved one", async () => {
    machine.memory.files.set("approval-1.txt", machine.approvalOf({ code: "v2" }));
    machine.code = "v3";
    expect(await machine.states()).toBe(SHUT);
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
  });

  test("is not looked for where the key was sealed to other registers than the configuration names now", async () => {
    const remembered = machine.memory.files.get("reference.json") ?? new Uint8Array();
    machine.memory.files.set("approval-1.txt", machine.approvalOf({ config: "c2" }));
    machine.config = "c2";
    machine.policy = { ...machine.policy, pcr: 9, pcrs: [9] };
    expect(await machine.states()).toBe(SHUT);
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
    machine.memory.files.set("reference.json", remembered);
    machine.memory.files.delete("approval-1.txt");
    machine.config = "c1";
    machine.policy = { ...machine.policy, pcr: 14, pcrs: [14] };
    expect(await machine.states()).toBe(WELL);
  });

  test("of a stranger, or for another node, is not taken, and opens nothing where it lies", async () => {
    const stranger = machine.approvalOf({ code: "v2" }, STRANGER);
    const other = machine.approvalOf(
      { code: "v2" },
      machine.authority,
      AUTHOR.map((byte) => byte ^ 1),
    );
    const forged = Uint8Array.from(machine.approvalOf({ code: "v2" }));
    forged.set(stranger.subarray(-89), forged.length - 89);
    machine.code = "v2";
    for (const file of [stranger, other]) await expect(hand(file)).rejects.toMatchObject({ code: "APPROVAL_FOREIGN" });
    await expect(hand(forged)).rejects.toMatchObject({ code: "APPROVAL_INVALID" });
    await expect(hand(utf8("{}"))).rejects.toMatchObject({ code: "APPROVAL_INVALID" });
    const files = [stranger, other, forged, new Uint8Array(randomBytes(300))];
    for (const [i, file] of files.entries()) machine.memory.files.set(`approval-${i + 1}.txt`, file);
    const remembered = machine.memory.files.get("reference.json") ?? new Uint8Array();
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
    // Nor do they stand in the way of the right one.
    machine.memory.files.set("reference.json", remembered);
    machine.code = "v1";
    const right = machine.approvalOf({ code: "v2" });
    machine.code = "v2";
    machine.memory.files.set("approval-8.txt", right);
    expect(await machine.states()).toBe(WELL);
  });

  test("opens nothing once the authority is another one, or none", async () => {
    const approval = machine.approvalOf({ code: "v2" });
    machine.updates = undefined;
    expect(await machine.states()).toBe(WELL);
    machine.memory.files.set("approval-1.txt", approval);
    machine.code = "v2";
    expect(await machine.states()).toBe(SHUT);
    await expect(hand(approval)).rejects.toMatchObject({ code: "NO_UPDATE_KEY" });
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
  });

  test("at every cut of the power the key opens in the old state or the approved one", async () => {
    for (let changes = 0; changes < 8; changes++) {
      const victim = new KeyMachine(machine.chip);
      victim.trustAuthority();
      await victim.states();
      victim.memory.files.set("approval-1.txt", victim.approvalOf({ code: "v2" }));
      victim.code = "v2";
      victim.memory.changesLeft = changes;
      await victim.boot().then(
        (booted) => booted[Symbol.asyncDispose](),
        (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
      );
      victim.memory.changesLeft = Number.POSITIVE_INFINITY;
      expect(await victim.states()).toBe(WELL);
    }
  });
});

describe("a node whose key", () => {
  test("somebody wants sealed to a state of his own, by a file with its ids, does not seal it so", async () => {
    const machine = new KeyMachine(fakeChip());
    await machine.states();
    const sealed = decodeSealed(machine.memory.files.get("sealed.bin") ?? new Uint8Array());
    if (!sealed.ok) throw new Error(sealed.reason);
    const evil = pcrPolicyDigest([], new Map());
    const wish: SealedKey = { ...sealed.value, pcrs: [], policyDigest: evil, nextKeyId: new Uint8Array(8).fill(9) };
    const { proofs = new Uint8Array() } = sealed.value;
    for (const forged of [wish, { ...wish, proofs: new Uint8Array([...proofs, ...proofs]) }]) {
      const file = encodeSealed(forged);
      machine.memory.files.set("sealed-next.bin", file);
      expect(await machine.states()).toBe(WELL);
      expect(machine.memory.files.get("sealed-next.bin")).toEqual(file);
    }
    expect(machine.log.some(({ sentence }) => sentence.includes("not written by this node"))).toBe(true);
  });

  test("was sealed before there was an authority is sealed to it at the next boot", async () => {
    const machine = new KeyMachine(fakeChip());
    await machine.states();
    const sealed = (): SealedKey | undefined => {
      const found = decodeSealed(machine.memory.files.get("sealed.bin") ?? new Uint8Array());
      return found.ok ? found.value : undefined;
    };
    expect(sealed()?.authority).toBeUndefined();
    machine.trustAuthority();
    expect(await machine.states()).toBe(WELL);
    expect(sealed()?.authority).toEqual(machine.updates);
  });

  test("has another author is sealed to that one's approvals at the next boot, and those of the former open nothing", async () => {
    const machine = new KeyMachine(fakeChip());
    machine.trustAuthority();
    await machine.states();
    const former = machine.approvalOf({ code: "v2" });
    const successor = new Uint8Array(8).fill(9);
    const own = machine.approvalOf({ code: "v2" }, machine.authority, successor);
    if (machine.updates !== undefined) {
      machine.updates = { ...machine.updates, policyRef: updatePolicyRef(successor) };
    }
    expect(await machine.states()).toBe(WELL);
    machine.memory.files.set("approval-1.txt", former);
    machine.code = "v2";
    expect(await machine.states()).toBe(SHUT);
    machine.memory.files.set("approval-1.txt", own);
    expect(await machine.states()).toBe(WELL);
  });

  test("waits for approvals keeps eight of them, and says when there are more", async () => {
    const machine = new KeyMachine(fakeChip());
    machine.trustAuthority();
    await using node = await machine.bootOpen();
    for (let i = 0; i < MAX_APPROVALS; i++) await node.keychain.takeApproval(machine.approvalOf({ code: `next ${i}` }));
    expect((await node.keychain.report()).approvals).toHaveLength(MAX_APPROVALS);
    const more = node.keychain.takeApproval(machine.approvalOf({ code: "one more" }));
    await expect(more).rejects.toMatchObject({ code: "TOO_MANY", fix: expect.stringContaining("approval-1.txt") });
  });

  test.each([
    ["TPM_LOCKED", "tpm-locked"],
    ["TPM_FAILED", "tpm-failed"],
    ["TPM_RC", "tpm-error"],
  ])("meets %s ends in a state of that name, with the fix, and asks no second time", async (code, state) => {
    const machine = new KeyMachine(fakeChip());
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    let asked = 0;
    machine.openTpm = async () => {
      const tpm = await machine.powerOn();
      const unseal: Tpm["unseal"] = () => {
        asked++;
        return Promise.reject(new AgentError(code, "refused", { fix: "switch the machine off and on" }));
      };
      return Object.assign(tpm, { unseal });
    };
    await using booted = await machine.boot();
    expect(booted.steps.at(-1)).toMatchObject({ step: "unseal", state, fix: "switch the machine off and on" });
    expect(asked).toBe(state === "tpm-error" ? 2 : 1);
  });
});

test("a chip in failure mode is a state of its own from the first step on", async () => {
  const chip = new FakeChip();
  const machine = new KeyMachine(fakeChip(chip));
  await machine.states();
  chip.failed = true;
  expect(await machine.states()).toBe("quarantine: tested tpm-failed");
  chip.failed = false;
  expect(await machine.states()).toBe(WELL);
});

test("two agents on one TPM: each has its own key; who comes second is told that others use the register", async () => {
  const chip = fakeChip(new FakeChip());
  const first = new KeyMachine(chip);
  const second = new KeyMachine(chip);
  second.code = "another agent";
  second.openTpm = () => chip.connect();
  await using node = await first.bootOpen();
  expect(node.state).toBe("running");
  await using other = await second.boot();
  expect(other.kind).toBe("quarantine");
  expect(other.steps.at(-1)).toMatchObject({ ok: false, fix: expect.stringContaining("restart the machine") });
  // And the first notices.
  const quoted = await node.requote?.(new Uint8Array(20));
  expect(quoted).toMatchObject({ kind: "quoted", findings: [expect.stringContaining("PCR 14")] });
});

describe("a sealed file", () => {
  const { x, y } = STRANGER;
  const authority = { x: Uint8Array.from(x), y: Uint8Array.from(y), policyRef: utf8("caye-update-v1 of a node") };
  const bytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(length));
  const plain: SealedKey = {
    pcrs: [0, 14],
    policyDigest: pcrPolicyDigest([], new Map()),
    keyId: keyId(bytes(32)),
    nextKeyId: undefined,
    authority: undefined,
    blob: { publicPart: bytes(78), privatePart: bytes(158) },
  };

  test.each([
    ["with an authority", { ...plain, authority }],
    ["with a next key", { ...plain, nextKeyId: keyId(bytes(32)) }],
    ["with both", { ...plain, authority, nextKeyId: keyId(bytes(32)) }],
  ])("%s comes back as it was written, and is refused with any bit flipped or byte missing", (_what, sealed) => {
    const whole = encodeSealed(sealed);
    expect(decodeSealed(whole)).toEqual({ ok: true, value: sealed });
    for (let at = 0; at < whole.length; at++) {
      const damaged = Uint8Array.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(decodeSealed(damaged).ok).toBe(false);
      expect(decodeSealed(whole.subarray(0, at)).ok).toBe(false);
    }
  });

  test("has the same bytes as before where it has neither", () => {
    expect(toHex(encodeSealed(plain).subarray(0, 11))).toBe(`${toHex(utf8("CAYEKEY"))}01014000`);
  });
});
