import { spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../../src/drivers/clock.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { openTpm } from "../../../src/drivers/tpm/open.ts";
import { StreamTransport } from "../../../src/drivers/tpm/stream.ts";
import { ByteWriter } from "../../../src/kernel/bytes.ts";
import { isAgentError } from "../../../src/kernel/errors.ts";
import { pcrPolicyDigest } from "../../../src/kernel/pcr.ts";
import { approvalMessage, authorizePolicyDigest, orPolicyDigest } from "../../../src/kernel/tpm-policy.ts";
import { authorityKeyArea, decodePublic, objectName } from "../../../src/kernel/tpm-public.ts";
import type { PolicyPath, Tpm } from "../../../src/ports/tpm.ts";
import { makeCredential } from "../../../src/attest/credential.ts";
import { quoteFindings } from "../../../src/attest/quote.ts";
import { p256FromSecret } from "../../../src/kernel/p256.ts";
import { openSwtpm, temporaryDirectory } from "../../fakes/chips.ts";
import { silentLog } from "../../fakes/log.ts";
import { seeded } from "../../fakes/seeded.ts";
import { sha256 } from "../../fakes/tpm.ts";
import { publicAreaOf, signatureOf } from "../../fakes/tpm-keys.ts";
import { needs, sealedTo, tapped, tpmOver } from "./rig.ts";

describe("somebody on the wires", () => {
  test("sees neither a secret that goes in nor one that comes out", async (context) => {
    needs(context, "swtpm");
    const { tpm, seen } = await tapped();
    const secret = new Uint8Array(randomBytes(32));
    const blob = await sealedTo(tpm, 14, secret);
    expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(secret);
    const found = (await tpm.endorsementKeys()).find(({ kind }) => kind === "ecc");
    const ek = decodePublic(found?.publicArea ?? new Uint8Array());
    if (!ek.ok) throw new Error(ek.reason);
    const name = objectName((await tpm.attestationKey()).publicArea);
    const credential = makeCredential(ek.value, name, secret, systemRandom());
    expect(await tpm.activateCredential("ecc", credential)).toEqual(secret);
    expect(seen.length).toBeGreaterThan(30);
    for (const bytes of seen) expect(Buffer.from(bytes).includes(Buffer.from(secret))).toBe(false);
  });
});

describe("a quote", () => {
  async function claim(pcrs: readonly number[] = [14]) {
    const { tpm } = await tapped();
    for (const pcr of pcrs) await tpm.pcrExtend(pcr, sha256("event"));
    const nonce = new Uint8Array(randomBytes(32));
    const quote = await tpm.quote(nonce, pcrs);
    const { publicArea } = await tpm.attestationKey();
    return { tpm, quote, publicArea, nonce, pcrs, values: await tpm.pcrRead(pcrs) };
  }

  test("holds, and does not with another nonce, fewer registers, or a lie about a value", async (context) => {
    needs(context, "swtpm");
    const good = await claim([0, 7, 14]);
    expect(quoteFindings(good)).toEqual([]);
    expect(quoteFindings({ ...good, nonce: randomBytes(32) })).toEqual(["nonce"]);
    expect(quoteFindings({ ...good, nonce: new Uint8Array() })).toEqual(["nonce"]);
    expect(quoteFindings({ ...good, pcrs: [0, 7] })).toEqual(["selection", "values"]);
    expect(quoteFindings({ ...good, pcrs: [0, 7, 13, 14] })).toEqual(["selection", "values"]);
    const lie = new Map([...good.values, [7, sha256("lie")]]);
    expect(quoteFindings({ ...good, values: lie })).toEqual(["values"]);
  });

  test("does not hold with any single bit flipped", async (context) => {
    needs(context, "swtpm");
    const good = await claim();
    for (let at = 0; at < good.quote.attest.length; at += 3) {
      const attest = Uint8Array.from(good.quote.attest);
      attest[at] = (attest[at] ?? 0) ^ 1;
      expect(quoteFindings({ ...good, quote: { ...good.quote, attest } }).length).toBeGreaterThan(0);
    }
    for (let at = 0; at < good.quote.signature.length; at++) {
      const signature = Uint8Array.from(good.quote.signature);
      signature[at] = (signature[at] ?? 0) ^ 1;
      const [finding, ...more] = quoteFindings({ ...good, quote: { ...good.quote, signature } });
      expect(more).toEqual([]);
      expect(["signature", "malformed"]).toContain(finding);
    }
  });

  test("forged and signed by a key that signs anything is told apart by the key's attributes alone", async (context) => {
    needs(context, "swtpm");
    const good = await claim();
    const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const unrestricted = 0x4_0072;
    const quote = { attest: good.quote.attest, signature: signatureOf(own.privateKey, good.quote.attest) };
    const publicArea = publicAreaOf(own.publicKey, unrestricted);
    expect(quoteFindings({ ...good, quote, publicArea })).toEqual(["key-attributes"]);
  });
});

describe("a TPM that fails", () => {
  test("by not being installed names the package", async () => {
    vi.stubEnv("PATH", "/nowhere");
    onTestFinished(() => void vi.unstubAllEnvs());
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    await expect(openSwtpm(directory.path)).rejects.toMatchObject({
      code: "TPM_NO_SWTPM",
      fix: "sudo apt-get install -y swtpm, and start the agent again",
    });
  });

  test.each([
    "tpm:relative",
    "swtpm:/x",
    "swtpm:unix:x.sock",
    "swtpm:tcp://192.168.1.5:2321",
    "swtpm:tcp://tpm.example:2321",
    "swtpm:tcp://127.0.0.1:0",
    "swtpm:tcp://127.0.0.1:70000",
  ])("by the URI %s, that names none, is a mistake of the configuration", async (uri) => {
    const options = { stateDir: "", clock: systemClock(), random: systemRandom(), log: silentLog };
    await expect(openTpm(uri, options)).rejects.toMatchObject({ code: "TPM_URI" });
  });

  test("by being busy is asked again", async () => {
    let busy = 3;
    const body = new ByteWriter().u16(4).u32(7).finish();
    const good = new ByteWriter().u16(0x8001).u32(16).u32(0).bytes(body).finish();
    const retry = new ByteWriter().u16(0x8001).u32(10).u32(0x922).finish();
    const tpm = tpmOver({ send: async () => (busy-- > 0 ? retry : good), close: async () => undefined });
    expect(await tpm.random(4)).toEqual(Uint8Array.of(0, 0, 0, 7));
  });

  test("by too many waiting callers refuses the next one", async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const tpm = tpmOver({ send: () => promise, close: async () => undefined });
    const calls = Array.from({ length: 65 }, () => tpm.random(4));
    const outcomes = Promise.allSettled(calls);
    await expect(calls[64]).rejects.toMatchObject({ code: "TPM_BUSY" });
    resolve(new Uint8Array());
    for (const outcome of await outcomes) expect(outcome.status).toBe("rejected");
  });

  test.each([
    ["an impossible size", Uint8Array.of(0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0)],
    ["two answers at once", Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0)],
  ])("by streaming %s is dead for good", async (_what, bytes) => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const tpm = tpmOver(new StreamTransport(stream));
    const waiting = expect(tpm.random(2)).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
    setImmediate(() => stream.push(bytes));
    await waiting;
    await expect(tpm.random(2)).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
  });
});

test("an answer that comes byte by byte is one answer", async () => {
  const answer = [0x80, 1, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 1, 2];
  const stream = new Duplex({
    read: () => undefined,
    write(_chunk, _encoding, done) {
      for (const byte of answer) this.push(Uint8Array.of(byte));
      done();
    },
  });
  expect(await tpmOver(new StreamTransport(stream)).random(2)).toEqual(Uint8Array.of(1, 2));
});

test("two software TPMs do not share a directory, and the second waits for the first to go", async (context) => {
  needs(context, "swtpm");
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  const path = join(directory.path, "swtpm");
  const first = await openSwtpm(path);
  const second = openSwtpm(path);
  await first[Symbol.asyncDispose]();
  await using tpm = await second;
  expect(await tpm.random(4)).toHaveLength(4);
});

test("a software TPM ends with its owner, even by SIGKILL, and opens again with what it sealed", async (context) => {
  needs(context, "swtpm");
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  const path = join(directory.path, "swtpm");
  const script = `
    import { startSwtpm } from ${JSON.stringify(join(import.meta.dirname, "../../../src/drivers/tpm/swtpm.ts"))};
    globalThis.tpm = await startSwtpm(${JSON.stringify(path)});
    const answer = await globalThis.tpm.send(Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8), 5000);
    process.stdout.write(String(answer.length));`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(owner, "close");
  const [said] = await once(owner.stdout, "data");
  expect(String(said)).toBe("20");
  owner.kill("SIGKILL");
  await ended;
  await using tpm = await openSwtpm(path);
  expect(await tpm.random(4)).toHaveLength(4);
});

describe("100,000 answers of garbage", () => {
  const authority = p256FromSecret(new Uint8Array(32), "authority");
  const key = authorityKeyArea(authority.x, authority.y);
  const policyRef = new Uint8Array(4);
  const blob = { publicPart: new Uint8Array(8), privatePart: new Uint8Array(8) };
  const approval = { key, policyRef, signature: new Uint8Array(64) };
  const branches = [new Uint8Array(32), new Uint8Array(32).fill(1)];
  const operations: readonly ((tpm: Tpm) => Promise<unknown>)[] = [
    (tpm) => tpm.identity(),
    (tpm) => tpm.clock(),
    (tpm) => tpm.selfTest(),
    (tpm) => tpm.pcrRead([0, 14]),
    (tpm) => tpm.pcrExtend(14, new Uint8Array(32)),
    (tpm) => tpm.endorsementKeys(),
    (tpm) => tpm.attestationKey({ kind: "rsa" }),
    (tpm) => tpm.quote(new Uint8Array(32), [14]),
    (tpm) => tpm.activateCredential("ecc", { blob: new Uint8Array(8), secret: new Uint8Array(8) }),
    (tpm) => tpm.seal(new Uint8Array(32), new Uint8Array(32)),
    (tpm) => tpm.unseal(blob, { pcrs: [14], approval, branches }),
    (tpm) => tpm.random(8),
  ];

  async function typedErrorsOnly(answer: () => Uint8Array, answers: number): Promise<void> {
    const given = { answers: 0 };
    const send = async (): Promise<Uint8Array> => {
      given.answers++;
      return answer();
    };
    const tpm = tpmOver({ send, close: async () => undefined });
    for (let i = 0; given.answers < answers; i++) {
      try {
        await operations[i % operations.length]?.(tpm);
      } catch (error) {
        if (!isAgentError(error)) throw error;
      }
    }
  }

  test("with a good header give typed errors, and no hang", async () => {
    const { below, random } = seeded(1);
    await typedErrorsOnly(() => {
      const body = random.bytes(below(200));
      const header = new ByteWriter()
        .u16(0x8001 + below(2))
        .u32(10 + body.length)
        .u32(below(8) === 0 ? below(0x900) : 0);
      return header.bytes(body).finish();
    }, 60_000);
  });

  test("that are damaged real answers give typed errors, and no hang", async (context) => {
    needs(context, "swtpm");
    const { tpm, seen } = await tapped();
    for (const operation of operations) await operation(tpm).catch(() => undefined);
    const now = pcrPolicyDigest([14], await tpm.pcrRead([14]));
    const approved = authorizePolicyDigest(objectName(key), policyRef);
    const sealed = await tpm.seal(new Uint8Array(32), orPolicyDigest([approved, now]));
    const path: PolicyPath = {
      pcrs: [14],
      approval: { key, policyRef, signature: authority.sign(approvalMessage(now, policyRef)) },
      branches: [approved, now],
    };
    expect(await tpm.unseal(sealed, path)).toEqual(new Uint8Array(32));
    const real = seen.filter((_, i) => i % 2 === 1);
    const { below } = seeded(2);
    await typedErrorsOnly(() => {
      const answer = Uint8Array.from(real[below(real.length)] ?? []);
      const at = below(answer.length);
      if (at < 2 || at > 9) answer[at] = below(256);
      return answer;
    }, 20_000);
  });

  test("to the command that they answer, but for one bit or their end, give typed errors, and no hang", async (context) => {
    needs(context, "swtpm");
    const { tpm, seen } = await tapped();
    const sealed = await sealedTo(tpm, 14, new Uint8Array(32));
    await tpm.endorsementKeys();
    await tpm.quote(new Uint8Array(32), [14]);
    await tpm.unseal(sealed, { pcrs: [14] });
    // Answers by command, so that what is damaged gets past what only looks at the wrong kind of answer.
    const byCommand = new Map<string, Uint8Array>();
    for (let i = 0; i < seen.length; i += 2)
      byCommand.set(Buffer.from(seen[i] ?? []).toString("hex", 6, 10), seen[i + 1] ?? new Uint8Array());
    const { below } = seeded(3);
    const calls: readonly ((tpm: Tpm) => Promise<unknown>)[] = [
      (tpm) => tpm.endorsementKeys(),
      (tpm) => tpm.quote(new Uint8Array(32), [14]),
      (tpm) => tpm.unseal(sealed, { pcrs: [14] }),
      (tpm) => tpm.seal(new Uint8Array(32), new Uint8Array(32)),
    ];
    const given = { answers: 0 };
    const damaged = tpmOver({
      send: async (command) => {
        given.answers++;
        const answer = Uint8Array.from(byCommand.get(Buffer.from(command).toString("hex", 6, 10)) ?? []);
        if (below(4) > 0) return answer;
        if (below(2) === 0) return answer.subarray(0, below(answer.length));
        const at = below(answer.length);
        answer[at] = (answer[at] ?? 0) ^ (1 << below(8));
        return codeIsBusy(answer) ? new Uint8Array() : answer;
      },
      close: async () => undefined,
    });
    for (let i = 0; given.answers < 20_000; i++) {
      await calls[i % calls.length]?.(damaged).catch((error: unknown) => {
        if (!isAgentError(error)) throw error;
      });
    }
  });
});

/** An answer that asks for patience is not damage. */
function codeIsBusy(answer: Uint8Array): boolean {
  return [0x908, 0x90a, 0x922].includes(new DataView(answer.buffer).getUint32(6));
}
