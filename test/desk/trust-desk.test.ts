/** The desk's view of trust, over boots and quotes of every kind. */
import { expect, test } from "vitest";
import type { OpenNode, QuarantinedNode } from "../../src/boot.ts";
import { trustDesk, type TrustDeskOptions } from "../../src/desk/trust-desk.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { OwnChanges } from "../../src/attest/logs/own.ts";
import type { Requote } from "../../src/trust/attest.ts";
import { SeededRandom } from "../../src/trust/generator.ts";
import { TrustWatch } from "../../src/trust/watch.ts";
import { FakeClock } from "../fakes/clock.ts";
import { BAD_STEP, GOOD_STEP } from "../fakes/desk.ts";
import { keysOf } from "../fakes/keys-view.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const { random } = seeded(6);
const VALUE = new Uint8Array(32).fill(0xcd);

function quoted(nonce: Uint8Array, findings: readonly string[] = []): Requote {
  const report = { nonce: toHex(nonce), ak_pem: "", msg: "", sig: "", pcrs: "", selection: "sha256:14" };
  return { kind: "quoted", report, findings };
}

const entropy = {
  random: new SeededRandom({ parts: [], kernel: random, instance: () => ({ pid: 1, monotonicMs: 1, wallMs: 1 }) }),
  sources: [],
  chip: () => Promise.resolve({ name: "tpm-random", bytes: new Uint8Array() }),
};

const base = {
  keychain: keysOf({ allowNext: () => Promise.resolve(VALUE) }),
  steps: [GOOD_STEP],
  tpm: "tpm:/dev/tpmrm0",
  attestation: undefined,
  requote: (nonce: Uint8Array) => Promise.resolve(quoted(nonce)),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

function openNode(changes: Partial<OpenNode> = {}): OpenNode {
  return { kind: "open", state: "running", store: openMemoryStore(), random, seeded: entropy, ...base, ...changes };
}

const quarantined: QuarantinedNode = { kind: "quarantine", reason: "main.ts differs", fix: "restart", ...base };

function desk(changes: Partial<TrustDeskOptions> = {}) {
  return trustDesk({
    booted: openNode(),
    damage: { step: () => undefined },
    watch: undefined,
    mode: "enforce",
    pcr: 14,
    random,
    codeAt: (directory) => Promise.resolve({ files: [{ path: `${directory}/a.ts`, sha256: VALUE }] }),
    configAt: (path) => Promise.resolve(utf8(path)),
    ...changes,
  });
}

test("tells mode, TPM and the steps of the boot", () => {
  const trust = desk();
  expect([trust.mode, trust.tpm, trust.softwareTpm, trust.steps()]).toEqual([
    "enforce",
    "tpm:/dev/tpmrm0",
    false,
    [GOOD_STEP],
  ]);
  expect(desk({ booted: openNode({ tpm: "swtpm:/run/x" }) }).softwareTpm).toBe(true);
  expect(desk({ booted: openNode({ tpm: "none" }) }).softwareTpm).toBe(false);
});

test("adds what was seen since the boot as a step of its own, once there is something", async () => {
  let outcome: Requote = quoted(VALUE, ["signature"]);
  const requote = (): Promise<Requote> => Promise.resolve(outcome);
  const watch = new TrustWatch({ requote, clock: new FakeClock(), random, log: silentLog });
  const trust = desk({ watch, booted: openNode({ steps: [GOOD_STEP, BAD_STEP] }) });
  expect(trust.steps()).toHaveLength(2);
  await watch.look();
  expect(trust.steps()).toEqual([GOOD_STEP, BAD_STEP, expect.objectContaining({ step: "watch", state: "changed" })]);
  outcome = quoted(VALUE);
  await watch.look();
  expect(trust.steps()[2]).toMatchObject({ step: "watch", state: "standing", ok: true });
});

test("adds what the disk has lost of the store, as a step that did not go well", () => {
  const trust = desk({ damage: { step: () => BAD_STEP } });
  expect(trust.steps()).toEqual([GOOD_STEP, BAD_STEP]);
});

test("quotes over the nonce that was given, or over 32 fresh bytes", async () => {
  expect(await desk().quote(utf8("sixteen bytes !!"))).toMatchObject({ nonce: toHex(utf8("sixteen bytes !!")) });
  const drawn = [await desk().quote(undefined), await desk().quote(undefined)].map(({ nonce }) => nonce);
  expect(drawn).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
  expect(drawn[0]).not.toBe(drawn[1]);
});

test("says so when there is nothing to quote, or the TPM is gone", async () => {
  const unmeasured = desk({ booted: openNode({ requote: undefined }) });
  await expect(unmeasured.quote(undefined)).rejects.toMatchObject({ code: "TPM_NONE" });
  const gone: Requote = { kind: "tpm-gone", detail: "it was unplugged", fix: "plug it in" };
  const lost = desk({ booted: openNode({ requote: () => Promise.resolve(gone) }) });
  await expect(lost.quote(undefined)).rejects.toMatchObject({ code: "TPM_GONE", fix: "plug it in" });
});

test("announces a planned change of code, of configuration, or of both, and nothing that was not named", async () => {
  const announced: OwnChanges[] = [];
  const allowNext = (next: OwnChanges): Promise<Uint8Array> => {
    announced.push(next);
    return Promise.resolve(VALUE);
  };
  const trust = desk({ booted: openNode({ keychain: keysOf({ allowNext }) }) });
  const report = await trust.allowUpdate({ code: "/opt/next", config: undefined });
  expect(report).toEqual({ allowed: true, pcr: 14, value: "cd".repeat(32) });
  await trust.allowUpdate({ code: undefined, config: "/etc/next.toml" });
  await trust.allowUpdate({ code: "/opt/next", config: "/etc/next.toml" });
  const files = [{ path: "/opt/next/a.ts", sha256: VALUE }];
  const configBytes = utf8("/etc/next.toml");
  expect(announced).toEqual([{ files }, { configBytes }, { files, configBytes }]);
});

test("in quarantine allows no update, and says which way leads out", async () => {
  const update = desk({ booted: quarantined }).allowUpdate({ code: "/opt/next", config: undefined });
  await expect(update).rejects.toMatchObject({ code: "QUARANTINE", message: "main.ts differs", fix: "restart" });
});
