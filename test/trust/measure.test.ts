/** Measuring: what goes into the register, in which order, and what is made of a register that held something before. */
import { describe, expect, test } from "vitest";
import { decodeEventLog } from "../../src/attest/logs/own.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { replay } from "../../src/kernel/pcr.ts";
import type { RuntimeFiles, SourceFile } from "../../src/ports/source-files.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import {
  describeMeasured,
  measure,
  MEASUREMENTS_FILE,
  type Measured,
  type MeasureInputs,
} from "../../src/trust/measure.ts";
import { tcgLog } from "../fakes/boot-logs.ts";
import { FakeRecord } from "../fakes/boot-record.ts";
import { FakeMemory, PowerCut } from "../fakes/chips.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";

const PCR = 14;
const RUNTIME: RuntimeFiles = { nodeVersion: "v24.0.0", files: [{ path: "node", sha256: sha256("node") }] };
const FILES: readonly SourceFile[] = [{ path: "src/a.ts", sha256: sha256("a") }];

class Machine {
  readonly chip = new FakeChip();
  readonly memory = new FakeMemory();
  readonly record = new FakeRecord();
  tpm: Tpm = this.chip.powerOn();
  runtime: () => Promise<RuntimeFiles> = async () => RUNTIME;
  policy = "";

  inputs(): MeasureInputs {
    return {
      openTpm: async () => this.tpm,
      ownFiles: { list: async () => FILES, runtime: () => this.runtime() },
      configBytes: utf8("config"),
      policyBytes: utf8(this.policy),
      record: this.record,
      memory: this.memory,
      pcr: PCR,
    };
  }

  async measured(): Promise<Measured> {
    const measurement = await measure(this.inputs());
    if (measurement.kind !== "measured") throw new Error(measurement.detail);
    return measurement.evidence;
  }
}

test("runtime, code, configuration and policy are extended in that order", async () => {
  const machine = new Machine();
  const { own, clean, already, log, counts, bootId } = await machine.measured();
  expect(machine.chip.pcrs[PCR]).toEqual(replay([own.runtime, own.code, own.config, own.policy]));
  expect(log.events.map(({ name }) => name)).toEqual(["runtime", "code", "config", "policy"]);
  expect([clean, already, counts.resetCount, bootId]).toEqual([true, false, 1, new Uint8Array(16).fill(1)]);
  expect((await machine.measured()).already).toBe(true);
});

test.each(["runtime", "policy"] as const)("another %s is another value", async (name) => {
  const [before, after] = [new Machine(), new Machine()];
  if (name === "policy") after.policy = "another";
  else after.runtime = async () => ({ ...RUNTIME, nodeVersion: "v24.0.1" });
  const [first, second] = [await before.measured(), await after.measured()];
  expect(first.own[name]).not.toEqual(second.own[name]);
  expect(before.chip.pcrs[PCR]).not.toEqual(after.chip.pcrs[PCR]);
});

test("what firmware and kernel extended is known, and that they extended nothing", async () => {
  const machine = new Machine();
  const bare = await machine.measured();
  expect([bare.before, describeMeasured(bare)]).toEqual([
    [],
    "1 files of code, 1 of the runtime, configuration and policy measured in PCR 14; before the agent nothing was measured on this machine; a TPM in software protects against nobody who has the disk",
  ]);
  for (const pcr of [0, 7, 10, 11]) await machine.tpm.pcrExtend(pcr, sha256("x"));
  const measured = await machine.measured();
  expect(measured.before).toEqual([0, 7, 10]);
  expect(describeMeasured(measured)).not.toContain("before the agent");
});

test("the TPM is opened while the files are hashed", async () => {
  const machine = new Machine();
  const order: string[] = [];
  const opening = Promise.withResolvers<Tpm>();
  machine.runtime = async () => {
    order.push("hashing");
    opening.resolve(machine.tpm);
    return RUNTIME;
  };
  const inputs = { ...machine.inputs(), openTpm: () => opening.promise };
  expect((await measure(inputs)).kind).toBe("measured");
  expect(order).toEqual(["hashing"]);
});

test.each([1, 2, 3, 4])(
  "power that fails after %i of its changes leaves a log that explains the register",
  async (calls) => {
    const machine = new Machine();
    const { tpm } = machine;
    const extend = tpm.pcrExtend.bind(tpm);
    let left = calls - 1;
    tpm.pcrExtend = async (pcr, digest) => {
      if (left-- <= 0) throw new PowerCut();
      await extend(pcr, digest);
    };
    await expect(measure(machine.inputs())).rejects.toBeInstanceOf(PowerCut);
    machine.tpm = machine.chip.connect();
    const { own, clean } = await machine.measured();
    expect(clean).toBe(true);
    expect(machine.chip.pcrs[PCR]).toEqual(replay([own.runtime, own.code, own.config, own.policy]));
  },
);

test("libraries that can't be read are a named state, and the TPM is kept for a policy that only warns", async () => {
  const machine = new Machine();
  machine.runtime = () => Promise.reject(new AgentError("OWN_FILES", "zod is not installed", { fix: "npm ci" }));
  expect(await measure(machine.inputs())).toMatchObject({
    kind: "not-measured",
    detail: "zod is not installed",
    fix: "npm ci",
    tpm: machine.tpm,
  });
});

describe("a register that held something before", () => {
  const shim = { pcr: PCR, type: 4, data: new Uint8Array(4) };

  test("is clean when the firmware's log explains that, and stays so over a restart of the agent", async () => {
    const machine = new Machine();
    machine.record.told = { tcg: tcgLog([shim]) };
    await machine.tpm.pcrExtend(PCR, sha256(shim.data));
    const first = await machine.measured();
    expect([first.clean, first.already]).toEqual([true, false]);
    const again = await machine.measured();
    expect([again.clean, again.already, again.log]).toEqual([true, true, first.log]);
    machine.memory.files.delete(MEASUREMENTS_FILE);
    expect(await machine.measured()).toMatchObject({ clean: true, already: true });
  });

  test.each([
    ["no log tells of it", {}],
    ["the log is another boot's", { tcg: tcgLog([{ ...shim, data: utf8("abcd") }]) }],
    ["the log is cut", { tcg: tcgLog([shim]).subarray(0, -1) }],
  ])("is not clean when %s", async (_name, told) => {
    const machine = new Machine();
    machine.record.told = told;
    await machine.tpm.pcrExtend(PCR, sha256(shim.data));
    expect((await machine.measured()).clean).toBe(false);
  });

  test("is not clean when the firmware's log can't be read", async () => {
    const machine = new Machine();
    machine.record.told = { tcg: tcgLog([shim]) };
    machine.record.unreadable = true;
    await machine.tpm.pcrExtend(PCR, sha256(shim.data));
    expect((await machine.measured()).clean).toBe(false);
  });

  test("of an earlier version's measurement says so", async () => {
    const machine = new Machine();
    await machine.tpm.pcrExtend(PCR, sha256("code"));
    const earlier = {
      version: 1,
      pcr: PCR,
      base: "00".repeat(32),
      events: [{ name: "code", digest: "ab".repeat(32) }],
    };
    machine.memory.files.set(MEASUREMENTS_FILE, utf8(JSON.stringify(earlier)));
    expect(await machine.measured()).toMatchObject({ clean: false, fromEarlierVersion: true });
    // The new log explains what is there from now on.
    expect(await machine.measured()).toMatchObject({ clean: false, fromEarlierVersion: false, already: true });
  });
});

test("a measurement log that is cut at any byte is never taken for a good one: the register is unexplained or whole", async () => {
  const machine = new Machine();
  await machine.measured();
  const whole = machine.memory.files.get(MEASUREMENTS_FILE) ?? new Uint8Array();
  for (let length = 0; length < whole.length; length++)
    expect(decodeEventLog(whole.subarray(0, length)).ok).toBe(false);
  for (const length of [0, 1, whole.length >> 1, whole.length - 1]) {
    machine.memory.files.set(MEASUREMENTS_FILE, whole.subarray(0, length));
    // What runs is what was measured: its own events explain the value without the file.
    expect(await machine.measured()).toMatchObject({ clean: true, already: true });
  }
  machine.policy = "another";
  machine.memory.files.set(MEASUREMENTS_FILE, whole.subarray(0, -1));
  expect(await machine.measured()).toMatchObject({ clean: false });
});
