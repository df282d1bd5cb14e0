/** A policy that is not in force is named, with what follows for neighbours and what to do: expired, to come, of another authority. */
import { expect, test } from "vitest";
import { encodePolicyFile, type Policy } from "../../src/attest/policy.ts";
import { policyStep } from "../../src/desk/policy-step.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { openAttestation } from "../../src/exchange/open-attestation.ts";
import { newAuthority } from "../attest/rig.ts";
import { FakeClock } from "../fakes/clock.ts";

const FROM_S = 1_767_225_600;
const UNTIL_S = 1_798_761_599;
const policy: Policy = {
  version: 3,
  fromS: FROM_S,
  untilS: UNTIL_S,
  pcrs: [14],
  own: new Map(),
  values: new Map(),
  firmware: [],
  resets: "count",
  unattested: "refuse",
  maxAgeS: 86_400,
};
const before = newAuthority();
const after = newAuthority();
const file = encodePolicyFile(policy, before);

async function stepOf(policyFile: Uint8Array, authority: string, nowS = FROM_S + 1) {
  const clock = new FakeClock(nowS * 1000);
  const opened = await openAttestation({
    store: openMemoryStore(),
    clock,
    ownPcr: 14,
    everyHours: 24,
    policyFile: Uint8Array.from(policyFile),
    authority,
    membership: undefined,
    node: undefined,
  });
  return policyStep(opened.policy, clock).step();
}

test("none is no step; one in force is well, to its last second", async () => {
  expect(await stepOf(new Uint8Array(), before.authority)).toBeUndefined();
  const good = {
    step: "policy",
    state: "in-force",
    ok: true,
    detail: "policy 3 is in force until 2026-12-31",
    fix: "",
  };
  expect(await stepOf(file, before.authority)).toMatchObject(good);
  expect(await stepOf(file, before.authority, UNTIL_S)).toMatchObject(good);
});

test.each([
  [UNTIL_S + 1, "policy-expired", "policy 3 ended 2026-12-31; it is 2027-01-01 here", "caye attest policy sign"],
  [4_102_444_800, "policy-expired", "it is 2100-01-01 here", "set this machine's clock"],
  [FROM_S - 1, "policy-not-yet", "policy 3 begins 2026-01-01; it is 2025-12-31 here", "set this machine's clock"],
  [7, "clock-unset", "the clock was never set", "Set the machine's clock"],
])("at %i it is %s", async (nowS, state, detail, fix) => {
  const found = { ok: false, state, detail: expect.stringContaining(detail), fix: expect.stringContaining(fix) };
  expect(await stepOf(file, before.authority, nowS)).toMatchObject(found);
});

test("one that lapsed says what neighbours get of this node then", async () => {
  expect((await stepOf(file, before.authority, UNTIL_S + 1))?.detail).toContain("nothing but alerts");
  const served = encodePolicyFile({ ...policy, unattested: "serve" }, before);
  expect((await stepOf(served, before.authority, UNTIL_S + 1))?.detail).toContain("served all the same");
});

test.each([
  ["after the authority was changed", file, after.authority, "not signed by the village's authority"],
  ["torn", file.subarray(0, 200), before.authority, "the policy's file"],
  ["where no authority is named", file, "", "village.authority is empty"],
])("%s it is policy-forged, with the way back", async (_when, bytes, authority, detail) => {
  expect(await stepOf(bytes, authority)).toMatchObject({
    ok: false,
    state: "policy-forged",
    detail: expect.stringContaining(detail),
    fix: expect.stringContaining("let the new one sign it: caye attest policy sign"),
  });
});
