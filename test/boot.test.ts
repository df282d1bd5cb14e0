import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { boot, type Booted, type BootPolicy, type OpenNode } from "../src/boot.ts";
import { systemClock } from "../src/drivers/clock.ts";
import { kernelEntropy } from "../src/drivers/entropy/kernel.ts";
import { processInstance } from "../src/drivers/instance.ts";
import { openMemoryStore } from "../src/drivers/memory-store.ts";
import { systemRandom } from "../src/drivers/random.ts";
import { toHex, utf8 } from "../src/kernel/bytes.ts";
import { AgentError } from "../src/kernel/errors.ts";
import type { EntropySource } from "../src/ports/entropy.ts";
import type { SourceFile } from "../src/ports/source-files.ts";
import type { Tpm } from "../src/ports/tpm.ts";
import { MEASUREMENTS_FILE } from "../src/trust/measure.ts";
import type { PowerUpTests } from "../src/trust/self-test.ts";
import { ownThreadAssessor } from "./fakes/assessor.ts";
import { FakeRecord } from "./fakes/boot-record.ts";
import { fakeChip, FakeMemory, PowerCut, swtpmChip, type Chip } from "./fakes/chips.ts";
import { keepingLog, type LogLine } from "./fakes/log.ts";
import { FakeChip, sha256 } from "./fakes/tpm.ts";

const PCR = 14;
const RUNTIME = { nodeVersion: "v24.0.0", files: [{ path: "node", sha256: sha256("node") }] };

/** One machine: its chip, its disk, what is installed on it. */
class Machine {
  readonly memory = new FakeMemory();
  readonly record = new FakeRecord();
  readonly log: LogLine[] = [];
  /** Set by the first boot, as a store would: any other key is the wrong one. */
  storeKey: Uint8Array | undefined;
  code = "v1";
  config = 'mode = "x"';
  policy: BootPolicy = { mode: "enforce", pcr: PCR, pcrs: [PCR], entropyFailure: "quarantine" };
  entropy: () => Promise<EntropySource> = async () => kernelEntropy(7);
  openTpm: () => Promise<Tpm>;
  /** Undefined: of the cryptography in use, which takes a while. */
  powerUpTests: PowerUpTests | undefined = () => ({ ok: true });
  readonly chip: Chip;

  constructor(chip: Chip) {
    this.chip = chip;
    this.openTpm = () => this.powerOn();
  }

  /** The whole machine starts: the kernel gives that start a name, the TPM counts it. */
  powerOn(): Promise<Tpm> {
    this.record.boot++;
    return this.chip.powerOn();
  }

  files(code = this.code): readonly SourceFile[] {
    return [
      { path: "src/main.ts", sha256: sha256(code) },
      { path: "src/radio/x.ts", sha256: sha256("unchanged") },
    ];
  }

  boot(): Promise<Booted> {
    return boot(
      {
        tpm: this.openTpm,
        entropy: () => [{ uri: "test", optional: false, open: this.entropy }],
        assessor: ownThreadAssessor,
        instance: processInstance,
        ownFiles: { list: async () => this.files(), runtime: async () => RUNTIME },
        configBytes: utf8(this.config),
        policyBytes: new Uint8Array(),
        record: this.record,
        memory: this.memory,
        kernelRandom: systemRandom(),
        clock: systemClock(),
        log: keepingLog(this.log),
        ...(this.powerUpTests === undefined ? {} : { powerUpTests: this.powerUpTests }),
        openStore: async (key) => {
          this.storeKey ??= Uint8Array.from(key);
          if (toHex(key) !== toHex(this.storeKey)) throw new AgentError("STORE_KEY", "the key does not open the store");
          return openMemoryStore();
        },
      },
      this.policy,
    );
  }

  async bootOpen(): Promise<OpenNode> {
    const booted = await this.boot();
    if (booted.kind !== "open") throw new Error(`in quarantine: ${booted.reason}`);
    return booted;
  }

  /** Boots, looks, and switches off. */
  async states(): Promise<string> {
    await using booted = await this.boot();
    const states = booted.steps.map(({ state }) => state).join(" ");
    return `${booted.kind === "open" ? booted.state : booted.kind}: ${states}`;
  }

  get fileNames(): readonly string[] {
    return [...this.memory.files.keys()].sort();
  }
}

const WELL = "running: tested measured attested seeded unsealed open settled";
const FIRST = "running: tested measured attested seeded created open settled";

describe.each([
  ["the fake TPM", () => fakeChip()],
  ["a software TPM", () => swtpmChip()],
])("booting with %s", (_name, makeChip) => {
  let machine: Machine;

  beforeEach((context) => {
    const chip = makeChip() ?? context.skip("swtpm is not installed");
    machine = new Machine(chip);
  });
  afterEach(() => machine.chip.dispose());

  test("makes a key at the first boot and opens with it at every later one", async () => {
    expect(await machine.states()).toBe(FIRST);
    expect(await machine.states()).toBe(WELL);
    expect(await machine.states()).toBe(WELL);
    expect(machine.fileNames).toEqual(["measurements.json", "reference.json", "sealed.bin"]);
  });

  test("an agent that restarts without its TPM does not measure twice", async () => {
    await machine.states();
    machine.openTpm = () => machine.chip.connect();
    expect(await machine.states()).toBe(WELL);
    await using booted = await machine.bootOpen();
    expect(booted.steps[1]?.detail).toContain("already measured");
  });

  test("a changed file ends in quarantine that names it, and putting it back ends the quarantine", async () => {
    await machine.states();
    machine.code = "v2";
    await using booted = await machine.boot();
    expect(booted).toMatchObject({ kind: "quarantine", reason: "code changed: src/main.ts" });
    expect(booted.kind === "quarantine" && booted.fix).toContain("allow-update");
    machine.code = "v1";
    expect(await machine.states()).toBe(WELL);
  });

  test("the TPM refuses the key of a changed node even when the disk's own memory of it is forged", async () => {
    await machine.states();
    machine.code = "v2";
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
    await using booted = await machine.boot();
    expect(booted.steps.at(-1)?.detail).toContain("0x99d POLICY_FAIL");
    expect(machine.fileNames).toContain("sealed.bin");
  });

  test("under enforce an announced change opens, and the state before it then no longer", async () => {
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ files: machine.files("v2"), configBytes: utf8("new") });
    await before[Symbol.asyncDispose]();
    expect(await machine.states()).toBe(WELL); // not installed yet: the running state stays accepted
    expect(machine.fileNames).toContain("sealed-next.bin");
    machine.code = "v2";
    machine.config = "new";
    expect(await machine.states()).toBe(WELL);
    expect(machine.fileNames).toEqual(["measurements.json", "reference.json", "sealed.bin"]);
    expect(await machine.states()).toBe(WELL);
    machine.code = "v1";
    machine.config = 'mode = "x"';
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
  });

  test("with a way back both states open, in turn, until the file of the way back is removed", async () => {
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ files: machine.files("v2"), wayBack: true });
    await before[Symbol.asyncDispose]();
    expect(await machine.states()).toBe(WELL);
    machine.code = "v2";
    expect(await machine.states()).toBe(WELL);
    expect(machine.fileNames).toContain("sealed-before.bin");
    machine.code = "v1"; // taken back
    expect(await machine.states()).toBe(WELL);
    machine.code = "v3"; // neither the one nor the other
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    machine.code = "v1";
    await using again = await machine.bootOpen();
    await again.keychain.allowNext({ files: machine.files("v2"), wayBack: true });
    await again[Symbol.asyncDispose]();
    machine.code = "v2";
    expect(await machine.states()).toBe(WELL);
    machine.memory.files.delete("sealed-before.bin"); // confirmed
    expect(await machine.states()).toBe(WELL);
    machine.code = "v1";
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
  });

  test("the power may fail at any write of the start after an update with a way back: both states open", async () => {
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ files: machine.files("v2"), wayBack: true });
    await before[Symbol.asyncDispose]();
    for (let writes = 0; writes < 6; writes++) {
      const files = new Map(machine.memory.files);
      machine.code = "v2";
      machine.memory.changesLeft = writes;
      await machine.states().catch(() => undefined);
      machine.memory.changesLeft = Infinity;
      machine.code = "v1";
      expect(await machine.states(), `after ${writes} writes`).toBe(WELL);
      machine.memory.files.clear();
      for (const [name, bytes] of files) machine.memory.files.set(name, bytes);
    }
  });

  test("an announcement without a way back ends the one before", async () => {
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ files: machine.files("v2"), wayBack: true });
    await before.keychain.allowNext({ files: machine.files("v2") });
    await before[Symbol.asyncDispose]();
    expect(machine.fileNames).not.toContain("sealed-before.bin");
  });

  test("another change than the announced one does not open", async () => {
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ files: machine.files("v2") });
    await before[Symbol.asyncDispose]();
    machine.code = "v3";
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
  });

  test("under warn a changed node still opens, says so, and is well at the next boot", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    expect(await machine.states()).toBe(FIRST);
    expect(machine.fileNames).toContain("sealed-fallback.bin");
    machine.code = "v2";
    await using updated = await machine.bootOpen();
    const [, , attest, , unseal] = updated.steps;
    expect([attest?.state, unseal?.state, updated.state]).toEqual(["mismatch", "unsealed-fallback", "warned"]);
    expect(attest?.fix).toMatch(/^after an update nothing: it is accepted at the next start; .* caye allow-update\)$/);
    await updated[Symbol.asyncDispose]();
    expect(machine.log.some(({ level }) => level === "warn")).toBe(true);
    expect(await machine.states()).toBe(WELL);
  });

  test("from warn to enforce the copy that opens in any state goes, once the change is announced", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await using before = await machine.bootOpen();
    await before.keychain.allowNext({ configBytes: utf8("enforce") });
    await before[Symbol.asyncDispose]();
    machine.config = "enforce";
    machine.policy = { ...machine.policy, mode: "enforce" };
    expect(await machine.states()).toBe(WELL);
    expect(machine.fileNames).toEqual(["measurements.json", "reference.json", "sealed.bin"]);
  });

  test("under enforce the copy that opens in any state is not used, though it lies there", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    machine.policy = { ...machine.policy, mode: "enforce" };
    machine.code = "v2";
    machine.memory.files.delete("reference.json");
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded mismatch");
  });

  test("a change without a restart of the machine spoils the register until it restarts", async () => {
    await machine.states();
    machine.openTpm = () => machine.chip.connect();
    machine.code = "v2";
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    machine.code = "v1";
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    const log = new TextDecoder().decode(machine.memory.files.get(MEASUREMENTS_FILE));
    expect(JSON.parse(log).events).toHaveLength(12);
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    machine.openTpm = () => machine.powerOn();
    expect(await machine.states()).toBe(WELL);
  });

  test("an upgrade under warn without a restart of the machine is accepted for its next start", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    machine.openTpm = () => machine.chip.connect();
    machine.code = "v2";
    const spoilt = "warned: tested measured mismatch seeded unsealed-fallback open settled";
    expect(await machine.states()).toBe(spoilt);
    expect(await machine.states()).toBe(spoilt);
    machine.openTpm = () => machine.powerOn();
    expect(await machine.states()).toBe(WELL);
  });

  test("a register that others use is not taken for ours", async () => {
    const powerOn = machine.openTpm;
    machine.openTpm = async () => {
      const tpm = await powerOn();
      await tpm.pcrExtend(PCR, sha256("somebody else"));
      return tpm;
    };
    expect(await machine.states()).toBe("quarantine: tested measured not-measured");
  });

  test.each([
    ["the agent's own left out", [7], "leaves out PCR 14"],
    ["one that was never extended", [5, PCR], "was never extended"],
    ["one that any program resets", [PCR, 16], "can be reset"],
    ["one that is not in use", [PCR, 18], "not in use"],
  ])("a policy over registers with %s attests nothing", async (_what, pcrs, reason) => {
    machine.policy = { ...machine.policy, pcrs };
    await using booted = await machine.boot();
    expect(booted.steps.at(-1)).toMatchObject({ step: "attest", state: "not-measured", ok: false });
    expect(booted.kind === "quarantine" && booted.reason).toContain(reason);
  });

  test("a policy over a register that nothing explains attests nothing", async () => {
    const powerOn = machine.openTpm;
    machine.openTpm = async () => {
      const tpm = await powerOn();
      await tpm.pcrExtend(7, sha256("firmware"));
      return tpm;
    };
    machine.policy = { ...machine.policy, pcrs: [7, PCR] };
    await using booted = await machine.boot();
    expect(booted.kind === "quarantine" && booted.reason).toBe("PCR 7 has no log that explains it");
  });

  test("a key file from the time before the TPM moves into it", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    machine.openTpm = () => Promise.reject(new AgentError("TPM_GONE", "no TPM"));
    const bare = "warned: tested no-tpm no-tpm seeded unsealed-without-tpm open settled";
    expect(await machine.states()).toBe(bare);
    expect(await machine.states()).toBe(bare);
    const aloud = machine.log.filter(({ level, fields }) => level === "warn" && fields["step"] === "unseal");
    expect(aloud.map(({ fields }) => fields["detail"])).toEqual(
      Array(2).fill(expect.stringContaining("lies unsealed")),
    );
    machine.openTpm = () => machine.powerOn();
    {
      await using booted = await machine.boot();
      const steps = booted.steps.map(({ state }) => state).join(" ");
      expect(steps).toBe("tested measured attested seeded unsealed-without-tpm open settled");
      expect(booted.steps[4]?.detail).toContain("lay unsealed in store.key until now");
    }
    expect(machine.fileNames).not.toContain("store.key");
    expect(await machine.states()).toBe(WELL);
  });

  test("without its TPM a node makes no new key while a sealed one lies there", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    machine.openTpm = () => Promise.reject(new AgentError("TPM_GONE", "no TPM"));
    expect(await machine.states()).toBe("quarantine: tested no-tpm no-tpm seeded sealed-away");
    expect(machine.fileNames).not.toContain("store.key");
    machine.openTpm = () => machine.powerOn();
    expect(await machine.states()).toBe(WELL);
  });

  test("a damaged sealed file is told from a TPM that refuses, and under warn it is replaced", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    const sealed = machine.memory.files.get("sealed.bin") ?? new Uint8Array();
    sealed[60] = (sealed[60] ?? 0) ^ 1;
    expect(await machine.states()).toBe("warned: tested measured attested seeded unsealed-fallback open settled");
    expect(machine.fileNames).toContain("sealed-damaged.bin");
    expect(await machine.states()).toBe(WELL);
  });

  test("a damaged sealed file under enforce is its own state", async () => {
    await machine.states();
    machine.memory.files.set("sealed.bin", randomBytes(300));
    expect(await machine.states()).toBe("quarantine: tested measured attested seeded damaged");
  });

  test("another TPM in its place is a mismatch, and opens nothing under either policy", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    machine.openTpm = async () => new FakeChip().powerOn();
    await using warned = await machine.boot();
    expect(warned).toMatchObject({ kind: "quarantine" });
    expect(warned.steps[2]?.detail).toContain("exchanged or cleared");
  });

  test("whenever the power fails, the next boots are well and the key is the first one", async () => {
    for (const mode of ["enforce", "warn"] as const) {
      for (let changes = 0; changes < 8; changes++) {
        const victim = new Machine(machine.chip);
        victim.policy = { ...victim.policy, mode };
        victim.memory.changesLeft = changes;
        await victim.boot().then(
          (booted) => booted[Symbol.asyncDispose](),
          (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
        );
        victim.memory.changesLeft = Number.POSITIVE_INFINITY;
        expect(await victim.states()).toMatch(/^(running|warned)/);
        expect(await victim.states()).toBe(WELL);
        const key = toHex(victim.storeKey ?? new Uint8Array());

        // An announced change, cut at every point of its first boot.
        await using before = await victim.bootOpen();
        await before.keychain.allowNext({ files: victim.files("v2") });
        await before[Symbol.asyncDispose]();
        victim.code = "v2";
        victim.memory.changesLeft = changes;
        await victim.boot().then(
          (booted) => booted[Symbol.asyncDispose](),
          (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
        );
        victim.memory.changesLeft = Number.POSITIVE_INFINITY;
        expect(await victim.states()).toBe(WELL);
        expect(toHex(victim.storeKey ?? new Uint8Array())).toBe(key);
      }
    }
  });

  test("gives a stranger a quote of the stranger's nonce, and notices a register that moved", async () => {
    await using booted = await machine.bootOpen();
    const nonce = new Uint8Array(randomBytes(20));
    const quoted = await booted.requote?.(nonce);
    expect(quoted).toMatchObject({ kind: "quoted", findings: [], report: { nonce: toHex(nonce) } });
    const other = await machine.chip.connect();
    await other.pcrExtend(PCR, sha256("late"));
    expect(await booted.requote?.(nonce)).toMatchObject({
      kind: "quoted",
      findings: ["PCR 14 holds something else than the agent's own log leads to"],
    });
  });
});

describe("booting with a TPM that fails", () => {
  let chip: FakeChip;
  let machine: Machine;

  beforeEach(() => {
    chip = new FakeChip();
    machine = new Machine(fakeChip(chip));
  });

  test("in quarantine under enforce when there is none", async () => {
    const cause = new Error("spawn swtpm ENOENT");
    const missing = new AgentError("TPM_NO_SWTPM", "not installed", { fix: "install it", cause });
    machine.openTpm = () => Promise.reject(missing);
    await using booted = await machine.boot();
    expect(booted).toMatchObject({ kind: "quarantine", reason: "not installed", fix: "install it", tpm: "none" });
    expect(booted.requote).toBeUndefined();
    expect(machine.fileNames).toEqual([]);
  });

  test("a TPM that goes away midway is a named state", async () => {
    await using booted = await machine.bootOpen();
    chip.gone = true;
    expect(await booted.requote?.(randomBytes(32))).toMatchObject({ kind: "tpm-gone" });
    await expect(booted.keychain.allowNext({})).rejects.toMatchObject({ code: "TPM_GONE" });
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])("at its call number %i, no key is lost", async (calls) => {
    for (const mode of ["enforce", "warn"] as const) {
      const victim = new Machine(fakeChip());
      victim.policy = { ...victim.policy, mode };
      const whole = victim.openTpm;
      victim.openTpm = async () => failingAfter(await whole(), calls);
      await (await victim.boot())[Symbol.asyncDispose]();
      victim.openTpm = whole;
      expect(await victim.states()).toMatch(/^(running|warned)/);
      expect(await victim.states()).toBe(WELL);
    }
  });

  test("without the SHA-256 bank nothing is measured, and warn opens with the copy that needs none", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    chip.noBank = true;
    expect(await machine.states()).toBe(
      "warned: tested not-measured not-measured seeded unsealed-fallback open settled",
    );
    machine.policy = { ...machine.policy, mode: "enforce" };
    expect(await machine.states()).toBe("quarantine: tested not-measured");
  });

  test("a quote that does not hold is its own state", async () => {
    await machine.states();
    chip.tamper = ({ attest }) => ({ attest, signature: new Uint8Array(72) });
    expect(await machine.states()).toBe("quarantine: tested measured quote-invalid");
    machine.policy = { ...machine.policy, mode: "warn" };
    expect(await machine.states()).toBe("warned: tested measured quote-invalid seeded unsealed open settled");
  });

  test("a reset counter that goes back is a mismatch", async () => {
    await machine.states();
    await machine.states();
    chip.resetCount = 0;
    await using booted = await machine.boot();
    expect(booted.kind === "quarantine" && booted.reason).toContain("reset counter went back");
  });

  test("a sealed file that holds another key is left alone", async () => {
    machine.policy = { ...machine.policy, mode: "warn" };
    await machine.states();
    const stranger = new Machine(fakeChip(chip));
    stranger.policy = machine.policy;
    stranger.config = "other";
    await stranger.states();
    const foreign = stranger.memory.files.get("sealed.bin") ?? new Uint8Array();
    machine.memory.files.set("sealed.bin", foreign);
    await using booted = await machine.bootOpen();
    expect(booted.steps.at(-1)?.detail).toContain("left alone");
    expect(machine.memory.files.get("sealed.bin")).toEqual(foreign);
  });
});

describe("booting with an entropy source that fails", () => {
  function source(read: (count: number) => Uint8Array): () => Promise<EntropySource> {
    return async () => ({ ...kernelEntropy(7), name: "test", raw: true, read: async (count) => read(count) });
  }

  test.each([
    [
      "sticks",
      source((count) => randomBytes(count).fill(0xa5, 500)),
      "unhealthy",
      "fails the repetition test at sample 506",
    ],
    [
      "is silent",
      source(() => {
        throw new AgentError("ENTROPY_SOURCE", "silent");
      }),
      "source-error",
      "silent",
    ],
    ["gives too little", source(() => randomBytes(10)), "source-error", "too few"],
    ["is not there", () => Promise.reject(new AgentError("ENTROPY_SOURCE", "gone")), "source-error", "gone"],
  ] as const)(
    "that %s: quarantine under enforce; under warn, or where that may only degrade, what is left of the generator",
    async (_what, entropy, state, why) => {
      const machine = new Machine(fakeChip());
      machine.entropy = entropy;
      await using shut = await machine.boot();
      expect(shut.kind === "quarantine" && shut.reason).toContain(why);
      const on = `warned: tested measured attested ${state} created open settled`;
      machine.policy = { ...machine.policy, entropyFailure: "degrade" };
      expect(await machine.states()).toBe(on);
      machine.policy = { ...machine.policy, mode: "warn", entropyFailure: "quarantine" };
      expect(await machine.states()).toBe(on.replace("created", "unsealed"));
    },
  );
});

test("a store that does not open ends in quarantine, and everything is closed", async () => {
  const machine = new Machine(fakeChip());
  machine.storeKey = new Uint8Array(32);
  expect(await machine.states()).toBe("quarantine: tested measured attested seeded created store-error");
});

test("no secret is logged or reported", async () => {
  const machine = new Machine(fakeChip());
  await using booted = await machine.bootOpen();
  const said = JSON.stringify([booted.steps, machine.log]);
  expect(said).not.toContain(toHex(machine.storeKey ?? new Uint8Array()));
});

test("a fault of ours is thrown, not turned into a state", async () => {
  const machine = new Machine(fakeChip());
  machine.openTpm = () => Promise.reject(new TypeError("a fault"));
  await expect(machine.boot()).rejects.toThrow(TypeError);
});

/** Answers so many calls, then is gone. */
function failingAfter(tpm: Tpm, calls: number): Tpm {
  let left = calls;
  return new Proxy(tpm, {
    get(target, name) {
      if (name === Symbol.asyncDispose) return () => target[Symbol.asyncDispose]();
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (left-- > 0) return Reflect.apply(value, target, args);
        return Promise.reject(new AgentError("TPM_GONE", "the TPM is gone"));
      };
    },
  });
}

describe("booting with cryptography that gives wrong answers", () => {
  test.each(["enforce", "warn"] as const)("ends in quarantine under %s, before anything is touched", async (mode) => {
    const machine = new Machine(fakeChip());
    machine.policy = { ...machine.policy, mode };
    machine.powerUpTests = () => ({ ok: false, failed: ["HMAC_DRBG", "ML-DSA-44 verification"] });
    await using booted = await machine.boot();
    expect(booted).toMatchObject({ kind: "quarantine", requote: undefined, tpm: "none" });
    expect(booted.steps).toMatchObject([
      {
        step: "selftest",
        state: "selftest-failed",
        ok: false,
        detail: "this machine's cryptography gives wrong answers: HMAC_DRBG, ML-DSA-44 verification",
        fix: expect.stringContaining("caye selftest --full"),
      },
    ]);
    expect([machine.fileNames, machine.storeKey]).toEqual([[], undefined]);
  });

  test("opens again once the answers are right, with the tests of the cryptography in use", async () => {
    const machine = new Machine(fakeChip());
    machine.powerUpTests = undefined;
    expect(await machine.states()).toBe(FIRST);
  });
});
