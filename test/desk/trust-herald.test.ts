/** What a node tells its neighbours of its own trust, and what it keeps to itself. */
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { TrustHerald } from "../../src/desk/trust-herald.ts";
import type { BootStep } from "../../src/kernel/reports.ts";
import { rememberingLog, silentLog } from "../fakes/log.ts";

function listening() {
  const said: string[] = [];
  const voice = { raise: async ({ kind }: { readonly kind: string }) => void said.push(kind) };
  return { said, herald: new TrustHerald(voice, silentLog) };
}

function step(name: string, state: string, ok = false): BootStep {
  return { step: name, state, ok, detail: "", fix: "", ms: 1 };
}

test("a boot that went well takes back what was said before it, one in another state than the accepted one is told", () => {
  const { said, herald } = listening();
  herald.onBoot([step("measure", "measured", true), step("attest", "attested", true), step("seed", "seeded", true)]);
  expect(said).toEqual(["recovered"]);
  herald.onBoot([step("measure", "measured", true), step("attest", "mismatch"), step("seed", "seeded", true)]);
  expect(said).toEqual(["recovered", "attestation"]);
});

test.each(["no-tpm", "not-measured", "tpm-error"])("%s is no sign of a changed state", (state) => {
  const { said, herald } = listening();
  herald.onBoot([step("measure", state), step("attest", state)]);
  herald.onWatch(step("watch", "tpm-gone"));
  expect(said).toEqual([]);
});

test("what the watch finds is told, and that all is well again only when nothing is wrong any more", () => {
  const { said, herald } = listening();
  herald.onWatch(step("watch", "changed"));
  herald.onSource("qrng", false);
  herald.onWatch(step("watch", "standing", true));
  expect(said).toEqual(["attestation", "entropy"]);
  herald.onSource("qrng", true);
  expect(said).toEqual(["attestation", "entropy", "recovered"]);
});

test("a source that failed at the boot is well again when its watch says so", () => {
  const { said, herald } = listening();
  herald.onBoot([step("seed", "unhealthy")]);
  herald.onSource("qrng", true);
  expect(said).toEqual(["entropy", "recovered"]);
});

test("wrong answers of the cryptography are told", () => {
  const { said, herald } = listening();
  herald.onSelfTest(true);
  herald.onSelfTest(false);
  herald.onSelfTest(true);
  expect(said).toEqual(["selftest", "recovered"]);
});

test("with the radio shut nothing is told, and a voice that fails is logged", async () => {
  new TrustHerald(undefined, silentLog).onSelfTest(false);
  const { log, sentences } = rememberingLog();
  new TrustHerald({ raise: () => Promise.reject(new Error("disk")) }, log).onSelfTest(false);
  await setImmediate();
  expect(sentences.join()).toContain("Neighbours could not be told");
});
