/**
 * Attacks on a TPM and its wires, each by the name of its row in the table of measured attacks. What a verifier must see
 * in evidence is tested beside the verifier.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test, vi, type TestContext } from "vitest";
import { makeCredential } from "../../../src/attest/credential.ts";
import { decodeAttest } from "../../../src/attest/quote.ts";
import { systemClock } from "../../../src/drivers/clock.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { COMMAND } from "../../../src/drivers/tpm/commands.ts";
import { openDeviceTransport } from "../../../src/drivers/tpm/device.ts";
import { openTpm } from "../../../src/drivers/tpm/open.ts";
import { openSocketTransport } from "../../../src/drivers/tpm/socket.ts";
import { StreamTransport } from "../../../src/drivers/tpm/stream.ts";
import { attestationKeyTemplate } from "../../../src/drivers/tpm/templates.ts";
import { DEFAULT_LIMITS } from "../../../src/drivers/tpm/tpm.ts";
import { ByteWriter } from "../../../src/kernel/bytes.ts";
import { isAgentError } from "../../../src/kernel/errors.ts";
import { decodePublic, objectName } from "../../../src/kernel/tpm-public.ts";
import type { Tpm } from "../../../src/ports/tpm.ts";
import { openSwtpm, temporaryDirectory } from "../../fakes/chips.ts";
import { silentLog } from "../../fakes/log.ts";
import { startSwtpmServer, type SwtpmServer } from "../../fakes/swtpm-server.ts";
import { sha256 } from "../../fakes/tpm.ts";
import { leftInside, needs, raw, sealedTo, tapped, tpmOver } from "./rig.ts";

const SIGN = 0x15d;
const STARTUP = 0x144;
const PCR_RESET = 0x13d;
const ENDORSEMENT = 0x4000_000b;

function open(uri: string): Promise<Tpm> {
  return openTpm(uri, { stateDir: "", clock: systemClock(), random: systemRandom(), log: silentLog });
}

async function server(context: TestContext): Promise<SwtpmServer> {
  needs(context, "swtpm", "tpm2_create", "swtpm_ioctl");
  const running = await startSwtpmServer("tcp");
  onTestFinished(async () => running[Symbol.asyncDispose]());
  return running;
}

/** TPM2B_SENSITIVE_CREATE, a template, nothing from outside, no creation registers. */
function creation(password: string, template: Uint8Array): Uint8Array {
  const sensitive = new ByteWriter().u16(password.length).bytes(Buffer.from(password)).u16(0).finish();
  const writer = new ByteWriter().u16(sensitive.length).bytes(sensitive).u16(template.length).bytes(template);
  return writer.u16(0).u32(0).finish();
}

describe("keys", () => {
  test("restricted AK asked to sign a forged attest: 0x3E0 TICKET", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    const forged = (await tpm.quote(randomBytes(32), [14])).attest;
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const parameters = creation("", attestationKeyTemplate());
    const made = await raw(real, { code: COMMAND.CreatePrimary, handles: [ENDORSEMENT], password: true, parameters });
    expect(made.rc).toBe(0);
    const digest = createHash("sha256").update(forged).digest();
    const asked = new ByteWriter().u16(32).bytes(digest).u16(0x0010).u16(0x8024).u32(0x4000_0007).u16(0).finish();
    const signed = await raw(real, { code: SIGN, handles: [made.body.u32()], password: true, parameters: asked });
    expect(signed.rc).toBe(0x3e0);
  });

  test("same template with another auth; power cycle: the same primary key; resetCount + 1", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    const { publicArea } = await tpm.attestationKey();
    const parameters = creation("another", attestationKeyTemplate());
    const { rc, body } = await raw(real, {
      code: COMMAND.CreatePrimary,
      handles: [ENDORSEMENT],
      password: true,
      parameters,
    });
    expect(rc).toBe(0);
    body.take(8); // handle, size of the parameters
    expect(Uint8Array.from(body.take(body.u16()))).toEqual(publicArea);

    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    const states = [];
    for (let start = 0; start < 2; start++) {
      await using tpm = await openSwtpm(directory.path);
      states.push({ clock: await tpm.clock(), key: await tpm.attestationKey() });
    }
    const [before, after] = states;
    expect(after?.key).toEqual(before?.key);
    expect(after?.clock.resetCount).toBe((before?.clock.resetCount ?? 0) + 1);
    expect(after?.clock.safe).toBe(true);
  });

  test.for(["rsa", "ecc"] as const)(
    "credential for another AK; tampered credential: 0x1DF (%s)",
    async (kind, context) => {
      needs(context, "swtpm");
      const { tpm, real } = await tapped();
      const found = (await tpm.endorsementKeys()).find((key) => key.kind === kind);
      const ek = decodePublic(found?.publicArea ?? new Uint8Array());
      if (!ek.ok) throw new Error(ek.reason);
      const name = objectName((await tpm.attestationKey()).publicArea);
      const good = makeCredential(ek.value, name, new Uint8Array(32), systemRandom());
      const bad = { code: "TPM_RC", message: expect.stringContaining("0x1df INTEGRITY") };
      const other = makeCredential(ek.value, objectName(sha256("another key")), new Uint8Array(32), systemRandom());
      await expect(tpm.activateCredential(kind, other)).rejects.toMatchObject(bad);
      const blob = Uint8Array.from(good.blob);
      blob[10] = (blob[10] ?? 0) ^ 1;
      await expect(tpm.activateCredential(kind, { ...good, blob })).rejects.toMatchObject(bad);
      expect(await leftInside(real)).toBe(0);
    },
  );
});

describe("registers", () => {
  test("bank missing: PCR_Read gives nothing; Quote SUCCEEDS with an empty selection, digest = SHA-256 of nothing", async (context) => {
    needs(context, "swtpm", "swtpm_setup");
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    const args = ["--tpm2", "--tpmstate", directory.path, "--pcr-banks", "sha1", "--overwrite"];
    const made = spawnSync("swtpm_setup", args, { encoding: "utf8" });
    expect(made.status, made.stdout + made.stderr).toBe(0);
    await using tpm = await openSwtpm(directory.path);
    expect((await tpm.identity()).banks).toEqual(["sha1"]);
    await expect(tpm.pcrRead([14])).rejects.toMatchObject({
      code: "TPM_NO_BANK",
      fix: expect.stringContaining("tpm2_pcrallocate"),
    });
    const attest = decodeAttest((await tpm.quote(randomBytes(32), [14])).attest);
    expect(attest).toMatchObject({ ok: true, value: { pcrDigest: sha256() } });
    expect(attest.ok && attest.value.selections.flatMap(({ pcrs }) => pcrs)).toEqual([]);
  });

  test("PCR_Reset of 16, 23; of 0: allowed; 0x907 LOCALITY", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    for (const [pcr, rc] of [
      [16, 0],
      [23, 0],
      [0, 0x907],
      [14, 0x907],
    ] as const) {
      await tpm.pcrExtend(pcr, sha256("event"));
      expect((await raw(real, { code: PCR_RESET, handles: [pcr], password: true })).rc).toBe(rc);
    }
    const zero = new Uint8Array(32);
    const values = await tpm.pcrRead([0, 14, 16, 23]);
    expect([...values].filter(([, value]) => Buffer.from(value).equals(zero)).map(([pcr]) => pcr)).toEqual([16, 23]);
  });

  test("PCR 17–22: all FF at start", async (context) => {
    needs(context, "swtpm");
    const { tpm } = await tapped();
    for (const value of (await tpm.pcrRead([17, 18, 19, 20, 21, 22])).values()) {
      expect(value).toEqual(new Uint8Array(32).fill(0xff));
    }
  });
});

describe("sealed objects", () => {
  test("PCR moved before PolicyPCR: 0x99D", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    await tpm.pcrExtend(14, sha256("event"));
    await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({
      code: "TPM_POLICY",
      message: expect.stringContaining("0x99d POLICY_FAIL"),
    });
    expect(await leftInside(real)).toBe(0);
  });

  test("PCR moved between PolicyPCR and Unseal: 0x128, each time that it is tried again", async (context) => {
    needs(context, "swtpm");
    let policies = 0;
    const { tpm, real } = await tapped(async (code, response) => {
      if (code === COMMAND.PolicyPCR) {
        policies++;
        const parameters = new ByteWriter().u32(1).u16(0xb).bytes(new Uint8Array(32)).finish();
        await raw(real, { code: COMMAND.PCR_Extend, handles: [14], password: true, parameters });
      }
      return response;
    });
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({
      code: "TPM_POLICY",
      message: expect.stringContaining("0x128 PCR_CHANGED"),
    });
    expect(policies).toBe(4);
    expect(await leftInside(real)).toBe(0);
  });

  test("another register moved between PolicyPCR and Unseal, as a busy machine does: it opens all the same", async (context) => {
    needs(context, "swtpm");
    let moves = 2;
    const { tpm, real } = await tapped(async (code, response) => {
      if (code === COMMAND.PolicyPCR && moves-- > 0) {
        const parameters = new ByteWriter().u32(1).u16(0xb).bytes(new Uint8Array(32)).finish();
        await raw(real, { code: COMMAND.PCR_Extend, handles: [10], password: true, parameters });
      }
      return response;
    });
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(new Uint8Array(32).fill(5));
  });

  test("interposer flips a bit of the Unseal response (salted): response HMAC mismatch", async (context) => {
    needs(context, "swtpm");
    let at = 14;
    const { tpm, real } = await tapped((code, response) => {
      if (code === COMMAND.Unseal) response[at] = (response[at] ?? 0) ^ 0x04;
      return response;
    });
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    for (at = 14; at < 95; at += 7) {
      await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
    }
    expect(await leftInside(real)).toBe(0);
  });

  test("TPM reset and replay: opens; only counters tell", async (context) => {
    const swtpm = await server(context);
    const golden = sha256("golden");
    const secret = new Uint8Array(randomBytes(32));
    let before = 0;
    let blob;
    {
      await using tpm = await open(swtpm.uri);
      await tpm.pcrExtend(14, golden);
      blob = await sealedTo(tpm, 14, secret);
      await tpm.pcrExtend(14, sha256("evil"));
      await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_POLICY" });
      before = (await tpm.clock()).resetCount;
    }
    swtpm.reset();
    await expect(open(swtpm.uri)).rejects.toMatchObject({
      code: "TPM_RC",
      message: expect.stringContaining("0x100 INITIALIZE"),
      fix: expect.stringContaining("restart the machine"),
    });
    const wire = await openSocketTransport({ host: "127.0.0.1", port: Number(/\d+$/.exec(swtpm.uri)?.[0]) });
    expect((await raw(wire, { code: STARTUP, parameters: Uint8Array.of(0, 0) })).rc).toBe(0);
    await wire.close();
    await using tpm = await open(swtpm.uri);
    await tpm.pcrExtend(14, golden);
    expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(secret);
    expect((await tpm.clock()).resetCount).toBe(before + 1);
  });
});

describe("lockout", () => {
  test("wrong auth 4 times (maxTries 4), then the right one: 0x98E four times, then 0x921 LOCKOUT; Quote in lockout: AK without noDA 0x921, with noDA it still quotes", async (context) => {
    const swtpm = await server(context);
    const lockout = ["--max-tries=4", "--recovery-time=1000", "--lockout-recovery-time=1000"];
    swtpm.tools("tpm2_dictionarylockout", "--setup-parameters", ...lockout);
    writeFileSync(join(swtpm.directory, "secret"), "secret");
    const parts = ["-u", "s.pub", "-r", "s.priv"];
    swtpm.tools("tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", "root.ctx");
    swtpm.tools("tpm2_flushcontext", "-t");
    swtpm.tools("tpm2_create", "-Q", "-C", "root.ctx", ...parts, "-p", "right", "-i", "secret");
    swtpm.tools("tpm2_flushcontext", "-t");
    swtpm.tools("tpm2_load", "-Q", "-C", "root.ctx", ...parts, "-c", "s.ctx");
    swtpm.tools("tpm2_flushcontext", "-t");
    const unsealing = (password: string) => () => swtpm.tools("tpm2_unseal", "-c", "s.ctx", "-p", password);
    for (let wrong = 0; wrong < 4; wrong++) {
      expect(unsealing("wrong")).toThrow(/0x98e/i);
      swtpm.tools("tpm2_flushcontext", "-t");
    }
    expect(unsealing("right")).toThrow(/0x921/i);
    swtpm.tools("tpm2_flushcontext", "-t");
    const type = ["-G", "ecc:ecdsa-sha256:null", "-c", "ak.ctx"];
    const guarded = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign";
    swtpm.tools("tpm2_createprimary", "-Q", "-C", "e", ...type, "-a", guarded, "-p", "password");
    swtpm.tools("tpm2_flushcontext", "-t");
    const quoting = ["-c", "ak.ctx", "-l", "sha256:14", "-p", "password", "-m", "q.msg", "-s", "q.sig"];
    expect(() => swtpm.tools("tpm2_quote", ...quoting)).toThrow(/0x921/i);
    swtpm.tools("tpm2_flushcontext", "-t");

    await using tpm = await open(swtpm.uri);
    expect(await tpm.identity()).toMatchObject({ inLockout: true, lockoutCounter: 4, maxAuthFail: 4 });
    await tpm.pcrExtend(14, sha256("event"));
    await expect(tpm.quote(randomBytes(32), [14])).resolves.toBeDefined();
    await expect(tpm.quote(randomBytes(32), [14], { kind: "rsa" })).resolves.toBeDefined();
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    expect(await tpm.unseal(blob, { pcrs: [14] })).toEqual(new Uint8Array(32).fill(5));
  });

  test("100 openings in the wrong state, with wrong policies or damaged blobs: the lockout counter stays 0", async (context) => {
    needs(context, "swtpm");
    const { tpm, real } = await tapped();
    const blob = await sealedTo(tpm, 14, new Uint8Array(32).fill(5));
    await tpm.pcrExtend(14, sha256("event"));
    const privatePart = Uint8Array.from(blob.privatePart).fill(1, -4);
    const branches = [sha256("a"), sha256("b")];
    for (let tries = 0; tries < 25; tries++) {
      await expect(tpm.unseal(blob, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_POLICY" });
      await expect(tpm.unseal(blob, { pcrs: [] })).rejects.toMatchObject({ code: "TPM_POLICY" });
      await expect(tpm.unseal(blob, { pcrs: [14], branches })).rejects.toMatchObject({ code: "TPM_POLICY" });
      await expect(tpm.unseal({ ...blob, privatePart }, { pcrs: [14] })).rejects.toMatchObject({ code: "TPM_RC" });
    }
    expect(await tpm.identity()).toMatchObject({ lockoutCounter: 0, inLockout: false });
    expect(await leftInside(real)).toBe(0);
  });
});

describe("a TPM that fails", () => {
  test("unclean stop: safe = false", async (context) => {
    const first = await server(context);
    {
      await using tpm = await open(first.uri);
      expect(await tpm.clock()).toMatchObject({ safe: true });
      await tpm.pcrExtend(14, sha256("event"));
    }
    await first.kill();
    await using second = await startSwtpmServer("tcp", { directory: first.directory });
    await using tpm = await open(second.uri);
    expect(await tpm.clock()).toMatchObject({ safe: false });
  });

  test("SIGKILL of the TPM midway, next command: typed errors, no crash, no hang", async (context) => {
    needs(context, "swtpm");
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    const args = ["socket", "--tpm2", "--tpmstate", `dir=${directory.path}`, "--fd", "3"];
    const child = spawn("swtpm", [...args, "--flags", "not-need-init,startup-clear", "--terminate"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const socket = child.stdio[3];
    if (!(socket instanceof Duplex)) throw new Error("no socket");
    const tpm = tpmOver(new StreamTransport(socket));
    await tpm.random(8);
    const endless = (async () => {
      for (;;) await tpm.attestationKey();
    })();
    setImmediate(() => child.kill("SIGKILL"));
    await expect(endless).rejects.toSatisfy((error) => isAgentError(error) && /TPM_(GONE|BAD_WIRE)/.test(error.code));
    await expect(tpm.random(8)).rejects.toSatisfy((error) => isAgentError(error));
    await tpm[Symbol.asyncDispose]();
  });

  test("no device node: typed error, and what to do", async () => {
    await expect(openDeviceTransport("/dev/there-is-no-tpm")).rejects.toMatchObject({
      code: "TPM_GONE",
      fix: expect.stringContaining("swtpm:"),
    });
  });

  test("nothing listens: typed errors, and what to do", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a TCP server it is one
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const fix = expect.stringContaining("--flags not-need-init,startup-clear");
    await expect(open(`swtpm:tcp://127.0.0.1:${port}`)).rejects.toMatchObject({ code: "TPM_GONE", fix });
    await expect(open("swtpm:unix:/nowhere/tpm.sock")).rejects.toMatchObject({ code: "TPM_GONE", fix });
  });

  test("never answers: typed error after the command's time; a late answer is not taken for another's", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const silent = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const tpm = tpmOver(new StreamTransport(silent));
    const waiting = tpm.random(8);
    waiting.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(waiting).rejects.toMatchObject({ code: "TPM_GONE", message: expect.stringContaining("5000 ms") });
    silent.push(new Uint8Array(10));
    await expect(tpm.random(8)).rejects.toMatchObject({ code: "TPM_GONE" });
  });

  test.each([
    ["attestationKey, ecc", 20_000, (tpm: Tpm) => tpm.attestationKey()],
    ["attestationKey, rsa", 120_000, (tpm: Tpm) => tpm.attestationKey({ kind: "rsa" })],
    ["selfTest", 30_000, (tpm: Tpm) => tpm.selfTest()],
  ])("never answers to %s: %d ms, for long work has its own time", async (_name, ms, call) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const silent = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const tpm = tpmOver(new StreamTransport(silent));
    let failure: unknown;
    const waiting = call(tpm).catch((error: unknown) => (failure = error));
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(failure).toMatchObject({ code: "TPM_GONE" });
  });

  test("always busy: asked again until the command's time is over", async () => {
    const retry = new ByteWriter().u16(0x8001).u32(10).u32(0x90a).finish();
    let asked = 0;
    const send = async (): Promise<Uint8Array> => {
      asked++;
      return retry;
    };
    const tpm = tpmOver({ send, close: async () => undefined }, { ...DEFAULT_LIMITS, timeoutMs: 35 });
    await expect(tpm.random(4)).rejects.toMatchObject({
      code: "TPM_RC",
      message: expect.stringContaining("0x90a TESTING"),
    });
    expect(asked).toBe(3); // at once, after 10 ms, after 20 ms more; 40 ms more would be beyond its time
  });

  test.each([
    ["truncated by 1", Uint8Array.of(0x80, 1, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 1)],
    ["truncated to 5", Uint8Array.of(0x80, 1, 0, 0, 0)],
    ["truncated to 0", Uint8Array.of()],
    ["size field small", Uint8Array.of(0x80, 1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 2, 1, 2)],
    ["size field huge", Uint8Array.of(0x80, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 2, 1, 2)],
    ["inner size too big", Uint8Array.of(0x80, 1, 0, 0, 0, 14, 0, 0, 0, 0, 0xff, 0xff, 1, 2)],
    ["value short", Uint8Array.of(0x80, 1, 0, 0, 0, 13, 0, 0, 0, 0, 0, 1, 1)],
    ["bytes after it", Uint8Array.of(0x80, 1, 0, 0, 0, 15, 0, 0, 0, 0, 0, 2, 1, 2, 3)],
    ["another tag", Uint8Array.of(0x80, 2, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 1, 2)],
  ])("response %s: typed error", async (_what, response) => {
    const tpm = tpmOver({ send: async () => response, close: async () => undefined });
    await expect(tpm.random(2)).rejects.toMatchObject({ code: "TPM_BAD_WIRE" });
  });

  test("in failure mode (0x101): a named state, what the chip says of it, and what to do", async () => {
    const failure = new ByteWriter().u16(0x8001).u32(10).u32(0x101).finish();
    const result = new ByteWriter().u16(0x8001).u32(18).u32(0).u16(2).u16(0xbeef).u32(0x101).finish();
    const tpm = tpmOver({
      send: async (command) => (command.at(-1) === 0x7c ? result : failure),
      close: async () => undefined,
    });
    const named = { code: "TPM_FAILED", fix: expect.stringContaining("off and on") };
    await expect(tpm.selfTest()).rejects.toMatchObject({
      ...named,
      message: expect.stringMatching(/0x101 FAILURE.*beef/),
    });
    await expect(tpm.random(4)).rejects.toMatchObject(named);
    await expect(tpm.quote(randomBytes(16), [14])).rejects.toMatchObject(named);
    await expect(tpm.identity()).rejects.toMatchObject(named);
  });

  test("whose own test ends badly without failure mode is not taken for sound", async () => {
    const good = new ByteWriter().u16(0x8001).u32(10).u32(0).finish();
    const result = new ByteWriter().u16(0x8001).u32(16).u32(0).u16(0).u32(0x101).finish();
    const tpm = tpmOver({
      send: async (command) => (command.at(-1) === 0x7c ? result : good),
      close: async () => undefined,
    });
    await expect(tpm.selfTest()).rejects.toMatchObject({ code: "TPM_FAILED" });
  });

  test("locked after somebody's wrong passwords (0x921): a named state, and what to do", async () => {
    const locked = new ByteWriter().u16(0x8001).u32(10).u32(0x921).finish();
    const tpm = tpmOver({ send: async () => locked, close: async () => undefined });
    await expect(tpm.attestationKey()).rejects.toMatchObject({
      code: "TPM_LOCKED",
      fix: expect.stringContaining("tpm2_dictionarylockout"),
    });
  });
});
