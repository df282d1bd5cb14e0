/** The QCicada's protocol, and each way in which the device can let us down. */
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LineLimits } from "../../../src/drivers/entropy/byte-line.ts";
import { infoOf, isCertified, isSigned, rawConfig, statusOf } from "../../../src/drivers/entropy/qcicada-protocol.ts";
import { type Cable, SimulatedQcicada, cableTo } from "../../fakes/entropy-devices.ts";
import { text } from "../../fakes/entropy.ts";
import { IMPATIENT, type Pins, openers, patience } from "./openers.ts";

const never = new AbortController().signal;
const START = 0x04;
const SET_CONFIG = 0x08;

function plugged(device = new SimulatedQcicada()): { device: SimulatedQcicada; cable: Cable } {
  return { device, cable: cableTo(device) };
}

const opened = ({ cable }: { cable: Cable }, pins: Pins = {}, limits?: LineLimits) =>
  openers("qcicada", limits, pins)(cable.port);
const failure = (message: RegExp) => ({
  code: "ENTROPY_SOURCE",
  message: expect.stringMatching(message),
  fix: expect.stringMatching(/\S/),
});

describe("a QCicada", () => {
  test("is set to raw noise with its tests on, and tells who it is", async () => {
    const rig = plugged();
    await using source = await opened(rig);
    expect(source).toMatchObject({
      raw: true,
      bitsPerSample: 8,
      identity: { serial: "QC0000000217", firmware: "5.14" },
    });
    expect([...rig.device.config]).toEqual([1, 0, 0, 0x80, 0x3f, 0b0001_1111, 1, 64, 0xc0, 1, 0, 8]);
  });

  test("that is set already is not written to again", async () => {
    const rig = plugged();
    rig.device.config = Uint8Array.from(rawConfig(rig.device.config));
    await using source = await opened(rig);
    expect(await source.read(10, never)).toHaveLength(10);
    expect(rig.device.commands).not.toContain(SET_CONFIG);
  });

  test("gives more than one block by several one-shot reads", async () => {
    const rig = plugged();
    await using source = await opened(rig);
    await source.read(10_000, never);
    expect(rig.device.commands.filter((code) => code === START)).toHaveLength(3);
  });

  test("that was left streaming is stopped first", async () => {
    const rig = plugged();
    rig.device.streaming = true;
    await using source = await opened(rig);
    expect(await source.read(100, never)).toHaveLength(100);
    expect(rig.device.commands[0]).toBe(0x05);
  });

  test("whose answer to the stop comes late is asked again", async () => {
    const rig = plugged();
    const receive = rig.device.receive.bind(rig.device);
    rig.device.receive = (bytes) => {
      // The stop is answered only once the next command is there.
      if (rig.device.commands.length === 1) receive(Uint8Array.of(0x05));
      if (rig.device.commands.length === 0) rig.device.commands.push(0x05);
      else receive(bytes);
    };
    await using source = await opened(rig);
    expect(source.identity.serial).toBe("QC0000000217");
  });

  test("falls in step again after a read that was given up", async () => {
    const rig = plugged();
    await using source = await opened(rig);
    rig.cable.hush(40);
    const stop = new AbortController();
    const reading = source.read(1000, stop.signal);
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("stop"));
    await expect(reading).rejects.toThrow("stop");
    rig.cable.speak();
    expect(await source.read(1000, never)).toHaveLength(1000);
    expect(await source.status(never)).toEqual({ ok: true, flags: [] });
  });

  test.each([
    [2, "voltage too low"],
    [3, "voltage too high"],
    [4, "voltage undefined"],
    [5, "bit count"],
    [6, "repetition count"],
    [7, "adaptive proportion"],
  ])("that raises flag %d while it runs gives no more samples: %s", async (bit, words) => {
    const rig = plugged();
    await using source = await opened(rig);
    rig.device.flags |= 1 << bit;
    await expect(source.read(100, never)).rejects.toMatchObject(failure(new RegExp(`reports: .*${words}`)));
    const status = await source.status(never);
    expect([status.ok, status.flags.join()]).toEqual([false, expect.stringContaining(words)]);
    rig.device.flags = 1;
    expect(await source.read(100, never)).toHaveLength(100);
  });

  test("that raises a flag at once says so when it is asked, and gives no sample", async () => {
    const rig = plugged();
    rig.device.flags = 0b0100_0001;
    await using source = await opened(rig);
    expect(await source.status(never)).toEqual({ ok: false, flags: ["its repetition count test failed"] });
    await expect(source.read(100, never)).rejects.toMatchObject(failure(/its repetition count test failed/));
  });

  test("that never ends its start-up test is not waited for", async () => {
    const rig = plugged();
    rig.device.flags = 0b11;
    await expect(opened(rig, {}, IMPATIENT)).rejects.toMatchObject(failure(/start-up test/));
  });

  test("is waited for while it starts up", async () => {
    const rig = plugged();
    rig.device.flags = 0b11;
    const receive = rig.device.receive.bind(rig.device);
    rig.device.receive = (bytes) => {
      if (rig.device.commands.filter((code) => code === 1).length === 1) rig.device.flags = 1;
      receive(bytes);
    };
    await using source = await openers("qcicada")(rig.cable.port);
    expect(await source.status(never)).toMatchObject({ ok: true });
  });

  test.each([0x0b, 0x07, SET_CONFIG, 0x01])("that refuses command %d is not opened", async (code) => {
    const rig = plugged();
    rig.device.refuses.add(code);
    await expect(opened(rig)).rejects.toMatchObject(failure(/refuses the command/));
  });

  test("that refuses to start says so, and is asked again", async () => {
    const rig = plugged();
    await using source = await opened(rig);
    rig.device.refuses.add(START);
    await expect(source.read(10, never)).rejects.toMatchObject(failure(/refuses the command "start"/));
    rig.device.refuses.clear();
    expect(await source.read(10, never)).toHaveLength(10);
  });

  test("that keeps its own configuration is not taken for raw", async () => {
    const rig = plugged();
    rig.device.stubborn = true;
    await expect(opened(rig)).rejects.toMatchObject(failure(/configuration/));
  });

  test("that gives short blocks is given up", async () => {
    const rig = plugged();
    const limits = patience();
    await using source = await opened(rig, {}, limits);
    rig.device.shortTo = 100;
    limits.end();
    await expect(source.read(4096, never)).rejects.toMatchObject(failure(/gave 100 of 4096 bytes and fell silent/));
  });

  test("that falls silent is given up", async () => {
    const rig = plugged();
    const limits = patience();
    await using source = await opened(rig, {}, limits);
    rig.cable.hush();
    limits.end();
    await expect(source.read(10, never)).rejects.toMatchObject(failure(/is silent/));
    await expect(source.status(never)).rejects.toMatchObject(failure(/is silent/));
  });

  test("that is unplugged in the middle of a read says so at once", async () => {
    const rig = plugged();
    await using source = await openers("qcicada")(rig.cable.port);
    rig.cable.hush(40);
    const reading = source.read(1000, never);
    setImmediate(() => setImmediate(rig.cable.unplug));
    await expect(reading).rejects.toMatchObject(failure(/is gone: it was unplugged/));
  });

  test.each([
    ["garbage", Uint8Array.of(0x99, 1, 2, 3), /answers 0x99 to the command "info": it is no QCicada/],
    ["text", new TextEncoder().encode("login: "), /no QCicada/],
    ["a serial number that is none", Uint8Array.from({ length: 57 }, (_, i) => (i === 0 ? 0x1b : 7)), /serial number/],
    ["too little", Uint8Array.of(0x1b, 1), /gave 1 of 56 bytes/],
  ])("that answers with %s is not taken for one", async (_, garbage, words) => {
    const rig = plugged();
    rig.device.garbage = garbage;
    await expect(opened(rig, {}, IMPATIENT)).rejects.toMatchObject(failure(words));
  });

  test("whose samples are text is refused", async () => {
    const rig = plugged();
    await using source = await opened(rig);
    rig.device.samples = text();
    await expect(source.read(100, never)).rejects.toMatchObject(failure(/sends text instead of samples: "ERROR/));
  });
});

describe("which QCicada it is", () => {
  test("is held against the serial number of the URI", async () => {
    await using source = await opened(plugged(), { serial: "QC0000000217" });
    expect(source.identity.serial).toBe("QC0000000217");
    await expect(opened(plugged(), { serial: "QC0000000218" })).rejects.toMatchObject(
      failure(/is the QCicada QC0000000217, not QC0000000218/),
    );
  });

  test("is proven by the maker's certificate and a signed read", async () => {
    const rig = plugged();
    await using source = await opened(rig, { authority: rig.device.authority.raw });
    expect(await source.read(10, never)).toHaveLength(10);
    expect(rig.device.commands).toContain(0x51);
  });

  test("is not proven by a certificate of another maker, for another number, or without the key", async () => {
    const other = plugged();
    await expect(opened(other, { authority: plugged().device.authority.raw })).rejects.toMatchObject(
      failure(/no certificate/),
    );
    const renamed = plugged();
    renamed.device.serial = "QC0000000218";
    await expect(opened(renamed, { authority: renamed.device.authority.raw })).rejects.toMatchObject(
      failure(/no certificate/),
    );
    const copied = plugged();
    copied.device.otherKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    await expect(opened(copied, { authority: copied.device.authority.raw })).rejects.toMatchObject(
      failure(/does not hold the key/),
    );
  });
});

describe("the QCicada's bytes", () => {
  test("any status, any information and any key is a value or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 56, maxLength: 56 }), (bytes) => {
        const info = infoOf(bytes);
        expect(info.ok ? info.value.serial.length : info.reason.length).toBeGreaterThan(0);
        expect(statusOf(bytes).failures.length).toBeLessThanOrEqual(6);
        expect(isSigned(bytes, bytes, bytes)).toBe(false);
        const keys = { authority: bytes, device: bytes, certificate: bytes };
        expect(isCertified({ serial: "QC1", firmware: "1.0", hardware: "CICADA-QRNG-1.1" }, keys)).toBe(false);
      }),
    );
  });

  test("raw noise keeps all of a configuration but its mode and its tests", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (config) => {
        const raw = rawConfig(config);
        expect([raw[0], (raw[5] ?? 0) & 0b0011_1101]).toEqual([1, 0b0001_1101]);
        expect((raw[5] ?? 0) & 0b1100_0010).toBe((config[5] ?? 0) & 0b1100_0010);
        const rest = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11];
        expect(rest.map((at) => raw[at])).toEqual(rest.map((at) => config[at]));
      }),
    );
  });
});
