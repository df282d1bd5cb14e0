/** The look at the TPM while the agent runs. */
import { expect, test } from "vitest";
import type { BootStep } from "../../src/kernel/reports.ts";
import type { Requote } from "../../src/trust/attest.ts";
import { TrustWatch } from "../../src/trust/watch.ts";
import { FakeClock } from "../fakes/clock.ts";
import { keepingLog, type LogLine } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const report = { nonce: "", ak_pem: "", msg: "", sig: "", pcrs: "", selection: "" };
const STANDING: Requote = { kind: "quoted", report, findings: [] };
const CHANGED: Requote = { kind: "quoted", report, findings: ["PCR 14 differs", "the TPM was reset"] };
const GONE: Requote = { kind: "tpm-gone", detail: "it was unplugged", fix: "plug it in" };
const FAILED: Requote = { kind: "tpm-error", detail: "it answers nonsense", fix: "restart the machine" };

function rig(outcomes: readonly Requote[], delayMs = 0) {
  const clock = new FakeClock();
  const nonces: Uint8Array[] = [];
  const lines: LogLine[] = [];
  const requote = async (nonce: Uint8Array): Promise<Requote> => {
    nonces.push(nonce);
    if (delayMs > 0) await clock.sleep(delayMs, new AbortController().signal);
    return outcomes[Math.min(nonces.length, outcomes.length) - 1] ?? STANDING;
  };
  const told: BootStep[] = [];
  const onChange = (step: BootStep): void => void told.push(step);
  const watch = new TrustWatch({ requote, clock, random: seeded(2).random, log: keepingLog(lines), onChange });
  return { watch, clock, nonces, lines, told };
}

test("looks once a minute, each time with a fresh nonce of 32 bytes, and stops when it is told to", async () => {
  const { watch, clock, nonces } = rig([STANDING]);
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  expect(watch.step()).toBeUndefined();
  await clock.advance(59_999);
  expect(nonces).toHaveLength(0);
  await clock.advance(1);
  expect(nonces).toHaveLength(1);
  await clock.advance(180_000);
  expect(nonces).toHaveLength(4);
  expect(new Set(nonces.map(String)).size).toBe(4);
  expect(nonces.every((nonce) => nonce.length === 32)).toBe(true);
  stop.abort();
  await running;
  expect(clock.sleepers).toBe(0);
  await clock.advance(180_000);
  expect(nonces).toHaveLength(4);
});

test("a quote that holds is a step that went well, and no news", async () => {
  const { watch, lines } = rig([STANDING]);
  await watch.look();
  expect(watch.step()).toEqual({
    step: "watch",
    state: "standing",
    ok: true,
    detail: "a fresh quote holds over the state of the boot",
    fix: "",
    ms: 0,
  });
  expect(lines).toEqual([]);
});

test.each([
  [CHANGED, "changed", "PCR 14 differs, the TPM was reset", "restart the machine"],
  [GONE, "tpm-gone", "it was unplugged", "plug it in"],
  [FAILED, "tpm-error", "it answers nonsense", "restart the machine"],
])("what does not hold any more is a step with its reason and fix", async (outcome, state, detail, fix) => {
  const { watch } = rig([outcome]);
  await watch.look();
  expect(watch.step()).toMatchObject({ step: "watch", ok: false, state });
  expect(watch.step()?.detail).toContain(detail);
  expect(watch.step()?.fix).toContain(fix);
});

test("the log, and whoever asked for it, is told of each change once, also of the way back", async () => {
  const { watch, lines, told } = rig([STANDING, GONE, GONE, CHANGED, STANDING, STANDING]);
  for (let look = 0; look < 6; look++) await watch.look();
  expect(told.map(({ state, ok }) => [state, ok])).toEqual([
    ["tpm-gone", false],
    ["changed", false],
    ["standing", true],
  ]);
  expect(told.at(-1)).toEqual(watch.step());
  expect(lines.map(({ level, fields }) => `${level} ${String(fields["state"])}`)).toEqual([
    "warn tpm-gone",
    "warn changed",
    "warn standing",
  ]);
});

test("says how long the look took", async () => {
  const { watch, clock } = rig([STANDING], 250);
  const look = watch.look();
  await clock.advance(250);
  await look;
  expect(watch.step()?.ms).toBe(250);
});
