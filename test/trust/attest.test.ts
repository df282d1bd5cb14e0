/** The self-check and the evidence for strangers: each way in which a register says nothing, and a TPM that was reset. */
import { beforeEach, describe, expect, test } from "vitest";
import { explainPcrs } from "../../src/attest/explain.ts";
import { decodeAttest, quoteFindings } from "../../src/attest/quote.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { attest, evidenceOf, isAttested, requote, tolerate, type Attestation } from "../../src/trust/attest.ts";
import { measure, type Measured } from "../../src/trust/measure.ts";
import { encodeReference, REFERENCE_FILE } from "../../src/trust/reference.ts";
import { celRecord, recordedBoots, tcgLog } from "../fakes/boot-logs.ts";
import { FakeRecord } from "../fakes/boot-record.ts";
import { fakeChip, FakeMemory, swtpmChip, type Chip } from "../fakes/chips.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";

const PCR = 14;
const random = systemRandom();

class Machine {
  readonly memory = new FakeMemory();
  readonly record = new FakeRecord();
  readonly chip: Chip;
  pcrs: readonly number[] = [PCR];
  code = "a";

  constructor(chip: Chip) {
    this.chip = chip;
  }

  /** The whole machine starts. */
  async start(): Promise<Measured> {
    this.record.boot++;
    return this.measured(await this.chip.powerOn());
  }

  /** The agent alone. */
  async restart(): Promise<Measured> {
    return this.measured(await this.chip.connect());
  }

  async measured(tpm: Awaited<ReturnType<Chip["connect"]>>): Promise<Measured> {
    const measurement = await measure({
      openTpm: async () => tpm,
      ownFiles: {
        list: async () => [{ path: "src/a.ts", sha256: sha256(this.code) }],
        runtime: async () => ({ nodeVersion: "v24.0.0", files: [] }),
      },
      configBytes: utf8("config"),
      policyBytes: new Uint8Array(),
      record: this.record,
      memory: this.memory,
      pcr: PCR,
    });
    if (measurement.kind !== "measured") throw new Error(measurement.detail);
    return measurement.evidence;
  }

  /** And remembers the state when it is good, as `settle` does. */
  async attest(measured: Measured): Promise<Attestation> {
    const { memory, pcrs } = this;
    const attestation = await attest(measured, { memory, random, pcrs, mode: "enforce" });
    if (attestation.kind === "attested") {
      memory.files.set(REFERENCE_FILE, encodeReference(attestation.evidence.target.reference));
    }
    return attestation;
  }
}

function told(attestation: Attestation): string {
  if (attestation.kind === "attested")
    return `attested${attestation.evidence.note && `: ${attestation.evidence.note}`}`;
  return `${attestation.kind}: ${attestation.detail}`;
}

describe("registers that the policy names", () => {
  let chip: FakeChip;
  let machine: Machine;

  beforeEach(() => {
    chip = new FakeChip();
    machine = new Machine(fakeChip(chip));
  });

  test("are good when the logs of that boot explain each", async () => {
    const [boot] = recordedBoots();
    if (boot === undefined) throw new Error("a recorded boot");
    machine.pcrs = [...boot.values.keys(), 10, PCR];
    machine.record.told = { tcg: boot.tcg, ima: boot.ima };
    const measured = await machine.start();
    for (const [pcr, value] of boot.values) chip.pcrs[pcr] = value;
    chip.pcrs[10] = boot.pcr10;
    expect(told(await machine.attest(measured))).toBe("attested");
    // Cut, gone, of another machine, unreadable: a named state each.
    machine.record.told = { tcg: boot.tcg.subarray(0, -1), ima: boot.ima };
    expect(told(await machine.attest(measured))).toBe(
      "not-measured: PCR 0 has no log that explains it: the firmware's log is truncated",
    );
    machine.record.told = { ima: boot.ima };
    expect(told(await machine.attest(measured))).toBe("not-measured: PCR 0 has no log that explains it");
    machine.record.told = { tcg: recordedBoots()[1]?.tcg, ima: boot.ima };
    expect(told(await machine.attest(measured))).toBe("not-measured: PCR 0 holds something else than its log leads to");
    machine.record.told = { tcg: boot.tcg };
    expect(told(await machine.attest(measured))).toContain("the kernel's list is missing");
    machine.record.unreadable = true;
    expect(await machine.attest(measured)).toMatchObject({ kind: "not-measured", fix: "let the agent read it" });
  });

  test("of firmware are zero on a Raspberry Pi as it comes, and the fix says so", async () => {
    machine.pcrs = [0, PCR];
    const attestation = await machine.attest(await machine.start());
    expect(attestation).toMatchObject({
      kind: "not-measured",
      detail: "PCR 0 was never extended",
      fix: expect.stringMatching(
        /^take PCR 0 out of trust.pcrs: on a Raspberry Pi 5 as it comes nothing before Linux/u,
      ),
    });
  });

  test.each([
    [[16, PCR], "PCR 16 can be reset by any program"],
    [[PCR, 17], "PCR 17 is not in use on this machine"],
    [[15, PCR], "PCR 15 was never extended"],
    [[7], "the policy leaves out PCR 14, which holds the agent's state"],
  ])("%j say nothing of what runs", async (pcrs, detail) => {
    machine.pcrs = pcrs;
    expect(await machine.attest(await machine.start())).toMatchObject({ kind: "not-measured", detail });
  });

  test("need no log of others when only the agent's own is named", async () => {
    machine.record.unreadable = true;
    expect(told(await machine.attest(await machine.start()))).toBe("attested");
  });

  test("that somebody extends later are found out by a new quote", async () => {
    const measured = await machine.start();
    await machine.attest(measured);
    await measured.tpm.pcrExtend(PCR, sha256("more"));
    expect(await requote(measured, random.bytes(32), [PCR])).toMatchObject({
      findings: ["PCR 14 holds something else than the agent's own log leads to"],
    });
  });
});

describe.each([
  ["the fake TPM", () => fakeChip(hardware())],
  ["a real software TPM, taken for a chip", () => swtpmChip()],
])("resets, with %s", (_name, makeChip) => {
  let machine: Machine;

  beforeEach((context) => {
    const chip = makeChip() ?? context.skip("swtpm is not installed");
    machine = new Machine(chip);
    return () => chip.dispose();
  });

  test("once with each start of the machine are as usual", async () => {
    for (let start = 0; start < 3; start++) expect(told(await machine.attest(await machine.start()))).toBe("attested");
    expect(told(await machine.attest(await machine.restart()))).toBe("attested");
  });

  test("while the machine ran are seen, though all registers were given their values again", async () => {
    await machine.attest(await machine.start());
    const replayed = await machine.measured(await machine.chip.powerOn());
    expect(replayed.clean).toBe(true);
    const attestation = await machine.attest(replayed);
    expect(told(attestation)).toMatch(/^reset-replayed: the TPM was reset once while the machine ran/u);
    expect(attestation).toMatchObject({ target: undefined, fix: expect.stringContaining("restart the machine") });
    // It stays so until the machine starts anew.
    expect((await machine.attest(await machine.restart())).kind).toBe("reset-replayed");
    expect(told(await machine.attest(await machine.start()))).toBe(
      "attested: the TPM was reset 2 times since the agent last saw the machine start",
    );
  });

  test("after an orderly stop count like others, though the TPM does not call them resets", async () => {
    await machine.attest(await machine.start());
    const replayed = await machine.measured(await machine.chip.restart());
    expect(replayed).toMatchObject({ clean: true, already: false });
    expect(told(await machine.attest(replayed))).toMatch(/^reset-replayed: the TPM was reset once while the machine/u);
    const tpm = await machine.chip.restart();
    await machine.measured(tpm);
    const again = await requote({ ...replayed, tpm }, random.bytes(32), [PCR]);
    expect(again).toMatchObject({ kind: "quoted", findings: ["the TPM was reset since the boot"] });
  });

  test("while the agent ran are found out by a new quote", async () => {
    const measured = await machine.start();
    const tpm = await machine.chip.powerOn();
    await machine.measured(tpm);
    const again = await requote({ ...measured, tpm }, random.bytes(32), [PCR]);
    expect(again).toMatchObject({ kind: "quoted", findings: ["the TPM was reset since the boot"] });
  });

  test("that a start of the machine did not bring are told", async () => {
    await machine.attest(await machine.start());
    machine.record.boot++;
    expect(told(await machine.attest(await machine.restart()))).toBe(
      "attested: the machine was restarted, its TPM was not",
    );
  });
});

test("a TPM in software starts with each agent: no alarm", async () => {
  const machine = new Machine(fakeChip());
  await machine.attest(await machine.start());
  expect(told(await machine.attest(await machine.measured(await machine.chip.powerOn())))).toBe("attested");
});

test("a counter that goes back is a mismatch", async () => {
  const chip = hardware();
  const machine = new Machine(fakeChip(chip));
  await machine.start();
  await machine.attest(await machine.start());
  chip.resetCount = 0;
  const attestation = await machine.attest(await machine.start());
  expect(told(attestation)).toBe("mismatch: the TPM's reset counter went back since the last accepted state");
  expect(isAttested(tolerate(asFailure(attestation)))).toBe(false);
});

test("a changed file names the event and the file", async () => {
  const machine = new Machine(fakeChip());
  await machine.attest(await machine.start());
  machine.code = "b";
  expect(told(await machine.attest(await machine.start()))).toBe("mismatch: code changed: src/a.ts");
});

test("an upgrade without a restart is named as what it is", async () => {
  const machine = new Machine(fakeChip());
  const { tpm } = await machine.start();
  const earlier = { version: 1, pcr: PCR, base: "00".repeat(32), events: [] };
  machine.memory.files.set("measurements.json", utf8(JSON.stringify(earlier)));
  machine.code = "b";
  const attestation = await machine.attest(await machine.measured(tpm));
  expect(told(attestation)).toMatch(/^not-measured: PCR 14 .*; an earlier version of the agent measured itself$/u);
});

describe("evidence", () => {
  test("holds a quote of that nonce, and the logs that explain its registers", async () => {
    const chip = new FakeChip();
    const machine = new Machine(fakeChip(chip));
    const event = { pcr: 11, type: 4, data: new Uint8Array(4) };
    machine.record.told = { tcg: tcgLog([event]), cel: utf8(celRecord(11, "ready")) };
    const measured = await machine.start();
    await measured.tpm.pcrExtend(11, sha256(event.data));
    await measured.tpm.pcrExtend(11, sha256("ready"));
    const nonce = random.bytes(32);
    const { attest: statement, signature, akPublic, pcrs, values, logs } = await evidenceOf(measured, nonce, [PCR, 11]);
    const claim = { quote: { attest: statement, signature }, publicArea: akPublic, nonce, pcrs, values };
    expect([pcrs, quoteFindings(claim)]).toEqual([[11, PCR], []]);
    expect(explainPcrs({ pcrs, values, logs, ownPcr: PCR })).toEqual([]);
    expect(logs.ima).toBeUndefined();
  });

  test("carries no logs of others when no register hangs on them", async () => {
    const machine = new Machine(fakeChip());
    machine.record.told = { ima: utf8("a long list") };
    const { logs } = await evidenceOf(await machine.start(), random.bytes(32), [PCR]);
    expect([logs.own !== undefined, logs.tcg, logs.ima, logs.cel]).toEqual([true, undefined, undefined, undefined]);
  });

  test("is taken again when the kernel extends a register between quote and reading", async () => {
    const chip = new FakeChip();
    const machine = new Machine(fakeChip(chip));
    const measured = await machine.start();
    let moves = 2;
    chip.tamper = (quote) => {
      if (moves-- > 0) chip.pcrs[10] = sha256(`file ${moves}`);
      return quote;
    };
    const evidence = await evidenceOf(measured, random.bytes(32), [10, PCR]);
    const statement = decodeAttest(evidence.attest);
    expect(statement.ok && evidence.values.get(10)).toEqual(sha256("file 0"));
    const { attest: message, signature, akPublic: publicArea, pcrs, values } = evidence;
    const nonce = statement.ok ? statement.value.nonce : new Uint8Array();
    expect(quoteFindings({ quote: { attest: message, signature }, publicArea, nonce, pcrs, values })).toEqual([]);
  });
});

function hardware(): FakeChip {
  const chip = new FakeChip();
  chip.software = false;
  return chip;
}

function asFailure(attestation: Attestation): Exclude<Attestation, { kind: "attested" }> {
  if (attestation.kind === "attested") throw new Error("it was attested");
  return attestation;
}
