/** What `caye doctor` shows of the TPM: wrong passwords that somebody gave it, and what a quote of this machine says. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NodeAttestation } from "../../src/boot.ts";
import type { Check } from "../../src/kernel/reports.ts";
import { evidenceOf } from "../../src/trust/attest.ts";
import { measure } from "../../src/trust/measure.ts";
import { attestTools } from "../../src/attest/tools.ts";
import { FakeRecord } from "../fakes/boot-record.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { openDeskRig, type DeskRig } from "../fakes/desk.ts";
import { seeded } from "../fakes/seeded.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";

let rig: DeskRig;
let chip: FakeChip;
beforeEach(async () => {
  rig = await openDeskRig();
  chip = new FakeChip();
});
afterEach(() => rig[Symbol.asyncDispose]());

/** @param before a register that the firmware has measured into */
async function checkIn(before?: number): Promise<(name: string) => Promise<Check | undefined>> {
  const tpm = chip.powerOn();
  if (before !== undefined) await tpm.pcrExtend(before, sha256("firmware"));
  const measurement = await measure({
    openTpm: async () => tpm,
    ownFiles: { list: async () => [], runtime: async () => ({ nodeVersion: "v24.0.0", files: [] }) },
    configBytes: new Uint8Array(),
    policyBytes: new Uint8Array(),
    record: new FakeRecord(),
    memory: new FakeMemory(),
    pcr: 14,
  });
  if (measurement.kind !== "measured") throw new Error(measurement.detail);
  const measured = measurement.evidence;
  const node: NodeAttestation = { measured, pcrs: [14], evidence: (nonce) => evidenceOf(measured, nonce, [14]) };
  const attest = { node, tools: attestTools(seeded(1).random), changesAt: async () => ({}) };
  const desk = rig.deskWith({ attest });
  return async (name) => (await desk.checks()).checks.find((row) => row.name === name);
}

test("no wrong password is well; each one is counted and warned of; a locked chip is named so", async () => {
  const check = await checkIn();
  expect(await check("tpm lockout")).toMatchObject({ state: "OK", detail: "0 of 32 wrong passwords counted" });
  chip.lockoutCounter = 3;
  const fix = expect.stringContaining("tpm2_dictionarylockout --clear-lockout");
  expect(await check("tpm lockout")).toMatchObject({ state: "WARN", detail: "3 of 32 wrong passwords counted", fix });
  chip.inLockout = true;
  expect(await check("tpm lockout")).toMatchObject({ state: "WARN", detail: expect.stringMatching(/is locked$/), fix });
});

test("a chip that does not say is warned of, with what to do", async () => {
  const check = await checkIn();
  chip.gone = true;
  expect(await check("tpm lockout")).toMatchObject({
    state: "WARN",
    detail: expect.stringContaining("does not say"),
    fix: expect.stringMatching(/./),
  });
});

test("what is measured here is said, and that it is nothing of firmware and kernel where it is nothing", async () => {
  const bare = await (await checkIn())("measured");
  expect(bare).toMatchObject({ state: "OK", detail: expect.stringContaining("on a Raspberry Pi 5 as it comes") });
  expect(bare?.detail).toContain("in PCR 14; nothing before the agent");
  const measured = await (await checkIn(7))("measured");
  expect(measured?.detail).toContain("before the agent something in PCR 7; quotes cover PCR 14");
  expect(measured?.detail).not.toContain("Raspberry");
});

test("without a measurement neither is shown", async () => {
  const { checks } = await rig.desk.checks();
  expect(checks.filter(({ name }) => name === "tpm lockout" || name === "measured")).toEqual([]);
});
