import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test, vi, type TestContext } from "vitest";
import { systemClock } from "../../../src/drivers/clock.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { COMMAND } from "../../../src/drivers/tpm/channel.ts";
import { openDeviceTransport } from "../../../src/drivers/tpm/device.ts";
import { openTpm } from "../../../src/drivers/tpm/open.ts";
import { describeReturnCode } from "../../../src/drivers/tpm/return-code.ts";
import { StreamTransport } from "../../../src/drivers/tpm/stream.ts";
import { startSwtpm } from "../../../src/drivers/tpm/swtpm.ts";
import { TransportTpm } from "../../../src/drivers/tpm/tpm.ts";
import type { Transport } from "../../../src/drivers/tpm/transport.ts";
import { ByteReader, ByteWriter } from "../../../src/kernel/bytes.ts";
import { isAgentError } from "../../../src/kernel/errors.ts";
import { pcrPolicyDigest } from "../../../src/kernel/pcr.ts";
import type { Tpm } from "../../../src/ports/tpm.ts";
import { quoteFindings } from "../../../src/attest/quote.ts";
import { isInstalled, openSwtpm, temporaryDirectory } from "../../fakes/chips.ts";
import { silentLog } from "../../fakes/log.ts";
import { seeded } from "../../fakes/seeded.ts";
import { sha256 } from "../../fakes/tpm.ts";
import { publicAreaOf, signatureOf } from "../../fakes/tpm-keys.ts";

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function tpmOver(transport: Transport): TransportTpm {
  return new TransportTpm(transport, { uri: "test:", software: false, random: systemRandom(), log: silentLog });
}

function needs(context: TestContext, program: string): void {
  if (!isInstalled(program)) context.skip(`${program} is not installed`);
}

/** A real software TPM, with somebody on the wire between it and us. */
async function tapped(change: (name: number, response: Uint8Array) => Uint8Array | Promise<Uint8Array> = (_, r) => r) {
  const directory = temporaryDirectory();
  cleanups.push(directory.remove);
  const real = await startSwtpm(directory.path);
  cleanups.push(() => real.close());
  const seen: Uint8Array[] = [];
  const transport: Transport = {
    send: async (command, ms) => {
      const response = await real.send(command, ms);
      seen.push(Uint8Array.from(command), Uint8Array.from(response));
      return change(new DataView(command.buffer, command.byteOffset).getUint32(6), response);
    },
    close: () => real.close(),
  };
  return { real, tpm: tpmOver(transport), seen };
}

async function sealedTo(tpm: Tpm, pcr: number, secret: Uint8Array) {
  return tpm.seal(secret, pcrPolicyDigest([pcr], await tpm.pcrRead([pcr])));
}

/** How many objects and sessions are in the TPM. */
async function leftInside(real: Transport): Promise<number> {
  let count = 0;
  for (const first of [0x8000_0000, 0x0200_0000]) {
    const body = new ByteWriter().u32(1).u32(first).u32(100).finish();
    const command = new ByteWriter().u16(0x8001).u32(22).u32(COMMAND.GetCapability).bytes(body).finish();
    const reader = new ByteReader(await real.send(command, 1000));
    reader.take(15);
    count += reader.u32();
    expect(reader.failure).toBeUndefined();
  }
  return count;
}

describe("somebody on the wires", () => {
  test("sees neither a secret that goes in nor one that comes out", async (context) => {
    needs(context, "swtpm");
    const { tpm, seen } = await tapped();
    const secret = new Uint8Array(randomBytes(32));
    const blob = await sealedTo(tpm, 14, secret);
    expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(secret);
    expect(seen.length).toBeGreaterThan(10);
    for (const bytes of seen) expect(Buffer.from(bytes).includes(Buffer.from(secret))).toBe(false);
  });

  test("is noticed on changing any bit of the answer to Unseal", async (context) => {
    needs(context, "swtpm");
    let at = 14;
    const { tpm, real } = await tapped((code, response) => {
      if (code === COMMAND.Unseal) response[at] = (response[at] ?? 0) ^ 0x04;
      return response;
    });
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    for (at = 14; at < 95; at += 7)
      await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
    expect(await leftInside(real)).toBe(0);
  });

  test("is noticed on moving the register between PolicyPCR and Unseal", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped(async (code, response) => {
      if (code === COMMAND.PolicyPCR) {
        const body = new ByteWriter().u32(14).u32(9).u32(0x4000_0009).u16(0).u8(1).u16(0).u32(1).u16(0xb);
        const content = body.bytes(new Uint8Array(32)).finish();
        const header = new ByteWriter()
          .u16(0x8002)
          .u32(10 + content.length)
          .u32(COMMAND.PCR_Extend);
        await real.send(header.bytes(content).finish(), 1000);
      }
      return response;
    });
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({
      code: "TPM_POLICY",
      message: expect.stringContaining("0x128 PCR_CHANGED"),
    });
    expect(await leftInside(real)).toBe(0);
  });

  test("gets no object or session to stay, whether commands go well or not", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    await tpm.pcrExtend(14, new Uint8Array(32));
    for (let i = 0; i < 5; i++)
      await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_POLICY" });
    for (let i = 0; i < 5; i++) await tpm.quote(randomBytes(16), [14]);
    expect(await leftInside(real)).toBe(0);
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
      expect(quoteFindings({ ...good, quote: { ...good.quote, signature } })).toEqual(["signature"]);
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

  test("of a missing bank says nothing, and is refused as such", async (context) => {
    needs(context, "swtpm");
    needs(context, "swtpm_setup");
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    const args = ["--tpm2", "--tpmstate", directory.path, "--pcr-banks", "sha1", "--overwrite"];
    const made = spawnSync("swtpm_setup", args, { encoding: "utf8" });
    expect(made.status, made.stdout + made.stderr).toBe(0);
    await using tpm = await openSwtpm(directory.path);
    expect((await tpm.identity()).banks).toEqual(["sha1"]);
    await expect(tpm.pcrRead([14])).rejects.toMatchObject({ code: "TPM_NO_BANK" });
    const nonce = randomBytes(32);
    const quote = await tpm.quote(nonce, [14]);
    const { publicArea } = await tpm.attestationKey();
    const values = new Map([[14, new Uint8Array(32)]]);
    expect(quoteFindings({ quote, publicArea, nonce, pcrs: [14], values })).toEqual(["selection", "values"]);
  });
});

describe("a TPM that fails", () => {
  function swtpmChild(): { child: ChildProcess; tpm: Tpm } {
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    const args = ["socket", "--tpm2", "--tpmstate", `dir=${directory.path}`, "--fd", "3"];
    const child = spawn("swtpm", [...args, "--flags", "not-need-init,startup-clear", "--terminate"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const socket = child.stdio[3];
    if (!(socket instanceof Duplex)) throw new Error("no socket");
    cleanups.push(() => void child.kill("SIGKILL"));
    return { child, tpm: tpmOver(new StreamTransport(socket)) };
  }

  test("by being killed midway gives a typed error at once, and for ever after", async (context) => {
    needs(context, "swtpm");
    const { child, tpm } = swtpmChild();
    await tpm.random(8);
    const endless = (async () => {
      for (;;) await tpm.attestationKey();
    })();
    setImmediate(() => child.kill("SIGKILL"));
    await expect(endless).rejects.toSatisfy((error) => isAgentError(error) && /TPM_(GONE|BAD_WIRE)/.test(error.code));
    await expect(tpm.random(8)).rejects.toSatisfy((error) => isAgentError(error));
    await tpm[Symbol.asyncDispose]();
  });

  test("by never answering is given up on, and a late answer is not taken for another's", async () => {
    vi.useFakeTimers();
    const silent = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const tpm = tpmOver(new StreamTransport(silent));
    const waiting = tpm.random(8);
    waiting.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(4_999);
    await vi.advanceTimersByTimeAsync(1);
    await expect(waiting).rejects.toMatchObject({ code: "TPM_GONE", message: expect.stringContaining("5000 ms") });
    silent.push(new Uint8Array(10));
    await expect(tpm.random(8)).rejects.toMatchObject({ code: "TPM_GONE" });
  });

  test("by its device file not being there says what to do", async () => {
    await expect(openDeviceTransport("/dev/there-is-no-tpm")).rejects.toMatchObject({
      code: "TPM_GONE",
      fix: expect.stringContaining("swtpm:"),
    });
  });

  test("by not being installed names the package", async () => {
    vi.stubEnv("PATH", "/nowhere");
    const directory = temporaryDirectory();
    cleanups.push(directory.remove, () => void vi.unstubAllEnvs());
    await expect(openSwtpm(directory.path)).rejects.toMatchObject({
      code: "TPM_NO_SWTPM",
      fix: "sudo apt-get install -y swtpm, and start the agent again",
    });
  });

  test("by a URI that names none is a mistake of the configuration", async () => {
    const options = { stateDir: "", clock: systemClock(), random: systemRandom(), log: silentLog };
    await expect(openTpm("tpm:relative", options)).rejects.toMatchObject({ code: "TPM_URI" });
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
    ["nothing", Uint8Array.of()],
    ["half a header", Uint8Array.of(0x80, 1, 0, 0, 0)],
    ["a size field that is too small", Uint8Array.of(0x80, 1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 2, 1, 2)],
    ["a size field that is huge", Uint8Array.of(0x80, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 2, 1, 2)],
    ["an inner size that is too large", Uint8Array.of(0x80, 1, 0, 0, 0, 14, 0, 0, 0, 0, 0xff, 0xff, 1, 2)],
    ["fewer bytes than asked for", Uint8Array.of(0x80, 1, 0, 0, 0, 13, 0, 0, 0, 0, 0, 1, 1)],
    ["trailing bytes", Uint8Array.of(0x80, 1, 0, 0, 0, 15, 0, 0, 0, 0, 0, 2, 1, 2, 3)],
    ["another tag", Uint8Array.of(0x80, 2, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 1, 2)],
  ])("by answering with %s gives a typed error", async (_what, response) => {
    const tpm = tpmOver({ send: async () => response, close: async () => undefined });
    await expect(tpm.random(2)).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
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
  cleanups.push(directory.remove);
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
  cleanups.push(directory.remove);
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

test("response codes read as tpm2_rc_decode reads them", () => {
  expect(describeReturnCode(0x99d)).toBe("0x99d POLICY_FAIL (session 1)");
  expect(describeReturnCode(0x1df)).toBe("0x1df INTEGRITY (parameter 1)");
  expect(describeReturnCode(0x18b)).toBe("0x18b HANDLE (handle 1)");
  expect(describeReturnCode(0x921)).toBe("0x921 LOCKOUT");
  expect(describeReturnCode(0x9bf)).toBe("0x9bf unknown code (session 1)");
});

describe("100,000 answers of garbage", () => {
  const operations: readonly ((tpm: Tpm) => Promise<unknown>)[] = [
    (tpm) => tpm.identity(),
    (tpm) => tpm.pcrRead([0, 14]),
    (tpm) => tpm.pcrExtend(14, new Uint8Array(32)),
    (tpm) => tpm.attestationKey(),
    (tpm) => tpm.quote(new Uint8Array(32), [14]),
    (tpm) => tpm.seal(new Uint8Array(32), new Uint8Array(32)),
    (tpm) => tpm.unseal({ publicPart: new Uint8Array(8), privatePart: new Uint8Array(8) }, { pcrs: [14] }),
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
    }, 80_000);
  });

  test("that are damaged real answers give typed errors, and no hang", async (context) => {
    needs(context, "swtpm");
    const { tpm, seen } = await tapped();
    for (const operation of operations) await operation(tpm).catch(() => undefined);
    await tpm.unseal(await sealedTo(tpm, 14, new Uint8Array(32)), { pcrs: [14] });
    const real = seen.filter((_, i) => i % 2 === 1);
    const { below } = seeded(2);
    await typedErrorsOnly(() => {
      const answer = Uint8Array.from(real[below(real.length)] ?? []);
      const at = below(answer.length);
      if (at < 2 || at > 9) answer[at] = below(256);
      return answer;
    }, 20_000);
  });
});
