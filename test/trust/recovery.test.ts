/** Recovery words: the box that they open, and the way from them to a store on another machine. */
import { createECDH, createHash, diffieHellman, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { x25519FromSeed, x25519PublicKey } from "../../src/kernel/x25519.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { closeBox, decodeBox, followKeys, makeRecovery, openBox, recoveryPair } from "../../src/trust/recovery.ts";
import { recoveryTools } from "../../src/trust/recover.ts";
import { idsOf, type StoreKeys } from "../../src/trust/store-keys.ts";
import { fakeChip, FakeMemory, PowerCut, swtpmChip } from "../fakes/chips.ts";
import { KeyMachine, untilSettled } from "../fakes/key-machine.ts";
import { FakeChip } from "../fakes/tpm.ts";

const random = systemRandom();
const SECRET = new Uint8Array(32).fill(0x5a);
const OTHER = new Uint8Array(32).fill(0x5b);
const { publicKey } = recoveryPair(SECRET);
const ONE: StoreKeys = { key: new Uint8Array(32).fill(1), next: undefined };
const TWO: StoreKeys = { key: new Uint8Array(32).fill(1), next: new Uint8Array(32).fill(2) };
const WELL = "running: tested measured attested seeded unsealed open settled";

test("the exchange of keys is X25519, with the vectors of RFC 7748, section 6.1", () => {
  const bytes = (hex: string): Bytes => new Uint8Array(Buffer.from(hex, "hex"));
  const alice = x25519FromSeed(bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const bob = x25519FromSeed(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  expect(toHex(alice.publicKey)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  expect(toHex(bob.publicKey)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const theirs = x25519PublicKey(bob.publicKey);
  if (theirs === undefined) throw new Error("no point");
  const shared = diffieHellman({ privateKey: alice.privateKey, publicKey: theirs });
  expect(toHex(shared)).toBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
});

describe("a recovery box", () => {
  test.each([
    ["one key", ONE],
    ["two keys", TWO],
  ])("with %s opens with its words alone", (_what, keys) => {
    const file = closeBox(publicKey, keys, [], random);
    expect(openBox(file, SECRET)).toEqual(keys);
    expect(() => openBox(file, OTHER)).toThrow(expect.objectContaining({ code: "RECOVERY_WORDS" }));
    expect(closeBox(publicKey, keys, [], random)).not.toEqual(file);
    for (const key of [keys.key, keys.next ?? keys.key]) expect(toHex(file)).not.toContain(toHex(key));
  });

  test("is refused as damaged with any bit flipped, any byte missing, or its parts exchanged", () => {
    const file = closeBox(publicKey, TWO, [random.bytes(8)], random);
    const isDamaged = (bytes: Uint8Array): void =>
      expect(() => openBox(bytes, SECRET)).toThrow(expect.objectContaining({ code: "RECOVERY_DAMAGED" }));
    for (let at = 0; at < file.length; at++) {
      const damaged = Uint8Array.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      isDamaged(damaged);
      isDamaged(file.subarray(0, at));
      // Whoever changes it and makes the hash fit, too.
      const content = damaged.subarray(0, -32);
      const forged = Buffer.concat([content, createHash("sha256").update(content).digest()]);
      if (at < file.length - 32)
        expect(() => openBox(forged, SECRET)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^RECOVERY_/) }),
        );
    }
  });

  test("is decoded from any bytes without an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (soup) => {
        expect(decodeBox(soup).ok).toBe(false);
        const hashed = Buffer.concat([soup, createHash("sha256").update(soup).digest()]);
        expect(decodeBox(hashed).ok).toBe(false);
        const likely = Buffer.concat([utf8("CAYERCV\u0001"), soup]);
        decodeBox(Buffer.concat([likely, createHash("sha256").update(likely).digest()]));
      }),
    );
  });

  test("is not closed to what is no public key", () => {
    for (const bad of [new Uint8Array(32), new Uint8Array(31).fill(9), createECDH("prime256v1").generateKeys()]) {
      expect(() => closeBox(bad, ONE, [], random)).toThrow(expect.objectContaining({ code: "RECOVERY_KEY" }));
    }
  });

  test("tells words that were replaced from words of somebody else, of the last sixteen", async () => {
    const memory = new FakeMemory();
    const secrets = Array.from({ length: 20 }, () => random.bytes(32));
    for (const secret of secrets) await makeRecovery(memory, recoveryPair(secret).publicKey, ONE, random);
    const file = memory.files.get("recovery.bin") ?? new Uint8Array();
    const codes = secrets.map((secret) => {
      try {
        openBox(file, secret);
        return "opens";
      } catch (error) {
        return isAgentError(error) ? error.code : String(error);
      }
    });
    const replaced: string[] = Array(16).fill("RECOVERY_REPLACED");
    expect(codes).toEqual(["RECOVERY_WORDS", "RECOVERY_WORDS", "RECOVERY_WORDS", ...replaced, "opens"]);
  });

  test("that somebody put there who has not the store's key is not closed again, whatever ids it tells", async () => {
    const memory = new FakeMemory();
    const stranger: StoreKeys = { key: random.bytes(32), next: random.bytes(32) };
    await makeRecovery(memory, publicKey, ONE, random);
    const good = memory.files.get("recovery.bin") ?? new Uint8Array();
    const at = 8 + 32;
    const forged = Buffer.from(closeBox(recoveryPair(OTHER).publicKey, stranger, [], random).subarray(0, -32));
    forged.set(good.subarray(at, at + 8), at);
    const file = Buffer.concat([forged, createHash("sha256").update(forged).digest()]);
    expect(decodeBox(file)).toMatchObject({ ok: true, value: { keyId: idsOf(ONE).keyId } });
    memory.files.set("recovery.bin", new Uint8Array(file));
    expect(await followKeys(memory, ONE, idsOf(ONE), random)).toBe(false);
    expect(Buffer.from(memory.files.get("recovery.bin") ?? []).equals(file)).toBe(true);
    const moved = Buffer.from(good.subarray(0, -32));
    moved.set(recoveryPair(OTHER).publicKey, 8);
    memory.files.set(
      "recovery.bin",
      new Uint8Array(Buffer.concat([moved, createHash("sha256").update(moved).digest()])),
    );
    expect(await followKeys(memory, TWO, idsOf(ONE), random)).toBe(false);
    // Though nothing would have to be written: its words are worth nothing, and their owner should know.
    expect(await followKeys(memory, ONE, idsOf(ONE), random)).toBe(false);
  });

  test("follows the store's key without the words, and leaves another store's box alone", async () => {
    const memory = new FakeMemory();
    expect(await followKeys(memory, ONE, idsOf(ONE), random)).toBe(true);
    await makeRecovery(memory, publicKey, ONE, random);
    expect(await followKeys(memory, TWO, idsOf(ONE), random)).toBe(true);
    expect(openBox(memory.files.get("recovery.bin") ?? new Uint8Array(), SECRET)).toEqual(TWO);
    const stranger: StoreKeys = { key: random.bytes(32), next: undefined };
    expect(await followKeys(memory, stranger, idsOf(stranger), random)).toBe(false);
    memory.files.set("recovery.bin", new Uint8Array(randomBytes(100)));
    expect(await followKeys(memory, ONE, idsOf(ONE), random)).toBe(false);
  });
});

/** The tools over a machine's files, as if its state directory had been copied. */
function toolsOn(memory: FakeMemory) {
  return recoveryTools({
    random,
    lookAt: () => memory,
    open: async () => ({
      read: (name) => memory.read(name),
      writeAtomic: (name, bytes) => memory.writeAtomic(name, bytes),
      remove: (name) => memory.remove(name),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  });
}

/** A machine with a store and recovery words; its directory is then copied to one with another chip. */
async function lostMachine(mode: "enforce" | "warn", chip = fakeChip(new FakeChip())): Promise<KeyMachine> {
  const machine = new KeyMachine(fakeChip(new FakeChip()));
  machine.policy = { ...machine.policy, mode };
  {
    await using node = await machine.bootOpen();
    machine.disk.putAll(["tide"]);
    await node.keychain.makeRecovery(publicKey);
  }
  machine.openTpm = () => {
    machine.record.boot++;
    return chip.powerOn();
  };
  return machine;
}

describe("on another machine", () => {
  test.each([
    ["enforce", "the fake TPM", () => fakeChip(new FakeChip())],
    ["warn", "the fake TPM", () => fakeChip(new FakeChip())],
    ["enforce", "a software TPM", () => swtpmChip()],
  ] as const)(
    "under %s with %s the words open the store, and the next boot seals it there",
    async (mode, _name, make) => {
      const chip = make();
      if (chip === undefined) throw new Error("swtpm is not installed");
      try {
        const machine = await lostMachine(mode, chip);
        expect(await machine.states()).toMatch(/^quarantine/);
        const aside = await toolsOn(machine.memory).open("/state", SECRET);
        expect(aside).toContain("sealed.bin.lost");
        expect(machine.fileNames).toContain("store.key");
        {
          await using node = await machine.bootOpen();
          expect(node.state).toBe("warned");
          expect(node.steps.map(({ state }) => state).join(" ")).toBe(
            "tested measured attested seeded unsealed-recovered open settled",
          );
          expect(node.steps[4]?.detail).toContain("taken on trust, once");
        }
        expect(machine.fileNames).not.toContain("store.key");
        expect(machine.fileNames).not.toContain("recovered");
        expect(await machine.states()).toBe(WELL);
        expect([...machine.disk.values.values()]).toEqual([{ under: machine.disk.key, text: "tide" }]);
        machine.code = "v2";
        expect(await machine.states()).toMatch(mode === "enforce" ? /^quarantine/ : /^warned/);
      } finally {
        await chip.dispose();
      }
    },
  );

  test("whenever the power fails, it can be done again", async () => {
    for (let changes = 0; changes < 8; changes++) {
      const machine = await lostMachine("enforce");
      machine.memory.changesLeft = changes;
      await toolsOn(machine.memory)
        .open("/state", SECRET)
        .catch((error: unknown) => expect(error).toBeInstanceOf(PowerCut));
      machine.memory.changesLeft = Number.POSITIVE_INFINITY;
      await toolsOn(machine.memory).open("/state", SECRET);
      machine.memory.changesLeft = changes;
      await machine.boot().then(
        (booted) => booted[Symbol.asyncDispose](),
        (error: unknown) => expect(error).toBeInstanceOf(PowerCut),
      );
      machine.memory.changesLeft = Number.POSITIVE_INFINITY;
      expect(await machine.states()).toMatch(/^(running|warned)/);
      expect(await machine.states()).toBe(WELL);
    }
  });

  test("after a rotation the same words open the new key, in the middle of it both", async () => {
    const machine = new KeyMachine(fakeChip());
    await using node = await machine.bootOpen();
    machine.disk.putAll(["tide"]);
    await node.keychain.makeRecovery(publicKey);
    await node.keychain.rotateStoreKey();
    const tools = toolsOn(machine.memory);
    expect(await tools.check("/state", SECRET)).toMatchObject({ current: true });
    expect(openBox(machine.memory.files.get("recovery.bin") ?? new Uint8Array(), SECRET).next).toBeDefined();
    await untilSettled(node);
    expect(await tools.check("/state", SECRET)).toMatchObject({ current: true });
    expect(toHex(openBox(machine.memory.files.get("recovery.bin") ?? new Uint8Array(), SECRET).key)).toBe(
      machine.disk.key,
    );
    expect((await node.keychain.report()).recovery.state).toBe("made");
  });

  test("a store that was left in the middle of a rotation opens with the words, and arrives", async () => {
    const machine = await lostMachine("enforce");
    const away = machine.openTpm;
    machine.openTpm = () => machine.powerOn();
    {
      await using node = await machine.bootOpen();
      await node.keychain.rotateStoreKey();
    }
    machine.openTpm = away;
    await toolsOn(machine.memory).open("/state", SECRET);
    await using node = await machine.bootOpen();
    await untilSettled(node);
    expect(machine.disk.header.kind).toBe("single");
  });

  test("says what is wrong: no box, other words, a box that holds an older key", async () => {
    const machine = new KeyMachine(fakeChip());
    await machine.states();
    const tools = toolsOn(machine.memory);
    await expect(tools.check("/state", SECRET)).rejects.toMatchObject({ code: "RECOVERY_NONE" });
    await expect(tools.open("/state", SECRET)).rejects.toMatchObject({ code: "RECOVERY_NONE" });
    machine.memory.files.set("recovery.bin", closeBox(publicKey, ONE, [], random));
    await expect(tools.open("/state", OTHER)).rejects.toMatchObject({ code: "RECOVERY_WORDS" });
    expect(await tools.check("/state", SECRET)).toMatchObject({ current: false });
    expect(machine.fileNames).not.toContain("store.key");
    await using node = await machine.bootOpen();
    expect((await node.keychain.report()).recovery.state).toBe("stale");
  });
});
