/** A new key for the store: wherever the power fails, nothing is lost, and in the end the former key is nowhere. */
import { describe, expect, test } from "vitest";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { decodeSealed, SEALED_FILES } from "../../src/trust/key-files.ts";
import { decodeBox, openBox, RECOVERY_FILE, recoveryPair } from "../../src/trust/recovery.ts";
import { keyId } from "../../src/trust/store-keys.ts";
import { fakeChip, PowerCut, swtpmChip } from "../fakes/chips.ts";
import { KeyMachine, untilSettled } from "../fakes/key-machine.ts";

const WELL = "running: tested measured attested seeded unsealed open settled";
const SECRET = new Uint8Array(32).fill(0x5a);
const TEXTS = ["tide", "storm", "clinic", "school"];

/** A machine with values in its store, recovery words, and in its files all that can hold a key. */
async function furnished(mode: "enforce" | "warn", chip = fakeChip()): Promise<KeyMachine> {
  const machine = new KeyMachine(chip);
  machine.policy = { ...machine.policy, mode };
  machine.trustAuthority();
  await using node = await machine.bootOpen();
  machine.disk.putAll(TEXTS);
  await node.keychain.makeRecovery(recoveryPair(SECRET).publicKey);
  await node.keychain.allowNext({ files: machine.files("v2") });
  return machine;
}

/** The ids that each file tells of the keys within. */
function idsInFiles(machine: KeyMachine): Map<string, readonly string[]> {
  const ids = new Map<string, readonly string[]>();
  for (const name of [...SEALED_FILES, RECOVERY_FILE]) {
    const bytes = machine.memory.files.get(name);
    if (bytes === undefined) continue;
    const found = name === RECOVERY_FILE ? decodeBox(bytes) : decodeSealed(bytes);
    if (!found.ok) throw new Error(`${name}: ${found.reason}`);
    const { keyId: first, nextKeyId } = found.value;
    ids.set(name, [first, nextKeyId].filter((id) => id !== undefined).map(toHex));
  }
  return ids;
}

function expectTidy(machine: KeyMachine): void {
  const current = toHex(keyId(Buffer.from(machine.disk.key, "hex")));
  expect(machine.disk.header.kind).toBe("single");
  for (const [name, ids] of idsInFiles(machine)) expect([name, ids]).toEqual([name, [current]]);
  expect([...machine.disk.values.keys()]).toEqual(TEXTS);
  for (const { under } of machine.disk.values.values()) expect(under).toBe(machine.disk.key);
  const boxed = openBox(machine.memory.files.get(RECOVERY_FILE) ?? new Uint8Array(), SECRET);
  expect(toHex(boxed.key)).toBe(machine.disk.key);
}

describe.each([
  ["the fake TPM", () => fakeChip()],
  ["a software TPM", () => swtpmChip()],
])("a new store key with %s", (_name, makeChip) => {
  test("moves every value, is in every file, opens at the next boots, and the former key opens nothing", async (context) => {
    const chip = makeChip() ?? context.skip("swtpm is not installed");
    try {
      for (const mode of ["enforce", "warn"] as const) {
        const machine = await furnished(mode, chip);
        const before = machine.disk.key;
        {
          await using node = await machine.bootOpen();
          await untilSettled(node, async () => {
            expect((await node.keychain.rotateStoreKey()).state).toBe("moving");
            await expect(node.keychain.rotateStoreKey()).rejects.toMatchObject({ code: "ROTATION_UNDER_WAY" });
          });
          expect(node.keychain.storeKey()).toMatchObject({ state: "settled", moved: TEXTS.length });
        }
        expect(machine.disk.key).not.toBe(before);
        expectTidy(machine);
        expect(await machine.states()).toBe(WELL);
        machine.code = "v2"; // announced before the rotation
        expect(await machine.states()).toBe(WELL);
        expectTidy(machine);
      }
    } finally {
      await chip.dispose();
    }
  });
});

describe("whenever the power fails while the store gets a new key", () => {
  test.each(["enforce", "warn"] as const)(
    "under %s the next boot opens, and it arrives",
    { timeout: 60_000 },
    async (mode) => {
      let cuts = 0;
      for (let changes = 0; ; changes++) {
        const machine = await furnished(mode);
        const cut = await rotateWith(machine, changes);
        const ids = idsInFiles(machine);
        machine.memory.changesLeft = Number.POSITIVE_INFINITY;
        {
          await using node = await machine.bootOpen();
          expect(node.state, `${changes} ${JSON.stringify([...ids])}`).toBe("running");
          await untilSettled(node);
        }
        expectTidy(machine);
        // And an announced change, made while it was under way, opens.
        machine.code = "v2";
        expect(await machine.states()).toBe(WELL);
        expectTidy(machine);
        if (!cut) break;
        cuts++;
      }
      expect(cuts).toBeGreaterThanOrEqual(12);
    },
  );

  test("and fails again at the boot that tidies up", { timeout: 60_000 }, async () => {
    // After some files, after all, in the midst of the values, and after some of the files at the end.
    for (const changes of [2, 5, 8, 12]) {
      for (const later of [1, 2, 4]) {
        const machine = await furnished("warn");
        await rotateWith(machine, changes);
        machine.memory.changesLeft = later;
        await machine.boot().then(
          (booted) => booted[Symbol.asyncDispose](),
          (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
        );
        machine.memory.changesLeft = Number.POSITIVE_INFINITY;
        {
          await using node = await machine.bootOpen();
          await untilSettled(node);
        }
        expectTidy(machine);
      }
    }
  });
});

/** True when the power failed before it was done. */
async function rotateWith(machine: KeyMachine, changes: number): Promise<boolean> {
  await using node = await machine.bootOpen();
  machine.memory.changesLeft = changes;
  try {
    await untilSettled(node, () => node.keychain.rotateStoreKey());
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(PowerCut);
    return true;
  }
}

test("a TPM that goes away between two seals leaves a store that opens, and a second try succeeds", async () => {
  for (let seals = 0; seals < 6; seals++) {
    const machine = await furnished("warn");
    let left = Number.POSITIVE_INFINITY;
    const whole = machine.openTpm;
    machine.openTpm = async () => {
      const tpm = await whole();
      const seal = tpm.seal.bind(tpm);
      return Object.assign(tpm, {
        seal: (secret: Uint8Array, digest: Uint8Array) =>
          left-- > 0 ? seal(secret, digest) : Promise.reject(new AgentError("TPM_GONE", "gone")),
      });
    };
    {
      await using node = await machine.bootOpen();
      left = seals;
      await node.keychain.rotateStoreKey().catch((error: unknown) => expect(error).toMatchObject({ code: "TPM_GONE" }));
      left = Number.POSITIVE_INFINITY;
      await untilSettled(node, async () => {
        if (node.keychain.storeKey().state === "settled") await node.keychain.rotateStoreKey();
      });
    }
    expectTidy(machine);
    machine.openTpm = whole;
    expect(await machine.states()).toBe(WELL);
  }
});

test("without a TPM the key file follows", async () => {
  const machine = new KeyMachine(fakeChip());
  machine.policy = { ...machine.policy, mode: "warn" };
  machine.openTpm = () => Promise.reject(new AgentError("TPM_GONE", "no TPM"));
  {
    await using node = await machine.bootOpen();
    machine.disk.putAll(TEXTS);
    await untilSettled(node, () => node.keychain.rotateStoreKey());
  }
  expect(toHex(machine.memory.files.get("store.key") ?? new Uint8Array())).toBe(machine.disk.key);
  await using node = await machine.bootOpen();
  expect(node.steps.at(-1)?.state).toBe("settled");
});

test("no key that was ever in use stands in a file, a log line or a report", async () => {
  const machine = await furnished("enforce");
  await using node = await machine.bootOpen();
  await untilSettled(node, () => node.keychain.rotateStoreKey());
  const seen = machine.seen() + JSON.stringify([node.steps, await node.keychain.report()]);
  expect(machine.disk.brought.size).toBe(2);
  for (const key of machine.disk.brought) expect(seen).not.toContain(key);
  expect(seen).not.toContain(toHex(SECRET));
});

describe("another attestation key", () => {
  test("is used from the next start on, and is no other TPM", async () => {
    const machine = await furnished("enforce");
    const names: string[] = [];
    const name = async (): Promise<void> => {
      await using node = await machine.bootOpen();
      expect(node.state).toBe("running");
      const evidence = await node.attestation?.evidence(utf8("a nonce of 20 bytes!"));
      names.push(toHex(evidence?.akPublic ?? new Uint8Array()));
    };
    await name();
    {
      await using node = await machine.bootOpen();
      expect(await node.keychain.rotateAttestationKey()).toBe(1);
      expect((await node.keychain.report()).attestation_key).toEqual({ generation: 0, next_generation: 1 });
      await expect(node.keychain.rotateAttestationKey()).rejects.toMatchObject({ code: "ROTATION_UNDER_WAY" });
    }
    await name();
    await name();
    expect(new Set(names).size).toBe(2);
    expect(names[1]).toBe(names[2]);
  });

  test("a file that claims a replacement of another key than the remembered one changes nothing", async () => {
    const machine = await furnished("enforce");
    const file = { version: 1, generation: 1, replaces: "00".repeat(34) };
    machine.memory.files.set("attestation-key.json", utf8(JSON.stringify(file)));
    expect(await machine.states()).toBe("quarantine: tested measured mismatch");
    machine.memory.files.set("attestation-key.json", utf8("{}"));
    expect(await machine.states()).toBe(WELL);
  });
});
