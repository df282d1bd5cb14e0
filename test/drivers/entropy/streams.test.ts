/** Generators that stream: TrueRNG and OneRNG, and each way in which they can let us down. */
import { describe, expect, test } from "vitest";
import { SimulatedOnerng, SimulatedTruerng, cableTo } from "../../fakes/entropy-devices.ts";
import { ideal, stuck, text } from "../../fakes/entropy.ts";
import { HealthTests } from "../../../src/entropy/health.ts";
import { IMPATIENT, openers, patience } from "./openers.ts";

const never = new AbortController().signal;
const failure = (message: RegExp) => ({
  code: "ENTROPY_SOURCE",
  message: expect.stringMatching(message),
  fix: expect.stringMatching(/\S/),
});

describe("a TrueRNG", () => {
  test("Pro is knocked into raw samples, and gives four bits of each generator", async () => {
    const device = new SimulatedTruerng(true);
    device.generators = [() => 0b10_1100_0101, () => 0b01_0011_1010];
    await using source = await openers("truerng")(cableTo(device).port);
    expect(device.bauds.slice(0, 4)).toEqual([110, 300, 110, 19_200]);
    expect(source).toMatchObject({ raw: true, bitsPerSample: 8 });
    expect([...(await source.read(3, never))]).toEqual([0x5a, 0x5a, 0x5a]);
  });

  test("V3 hears no knock: its samples are whitened, and say so", async () => {
    const device = new SimulatedTruerng(false);
    await using source = await openers("truerng")(cableTo(device).port);
    expect(source.raw).toBe(false);
    expect(device.bauds.slice(-4)).toEqual([110, 300, 110, 300]);
    await expect(openers("truerngpro")(cableTo(new SimulatedTruerng(false)).port)).rejects.toMatchObject(
      failure(/does not change to raw samples/),
    );
  });

  test("V3 of which nothing but text comes is refused", async () => {
    const device = new SimulatedTruerng(false);
    device.whitened = text();
    await expect(openers("truerng")(cableTo(device).port)).rejects.toMatchObject(failure(/text instead of samples/));
    device.whitened = ideal(1);
    await using source = await openers("truerng")(cableTo(device).port);
    device.whitened = text();
    await expect(source.read(100, never)).rejects.toMatchObject(failure(/text instead of samples/));
  });

  test("Pro whose second generator sticks is caught by the health tests", async () => {
    const device = new SimulatedTruerng(true);
    device.generators = [ideal(1, 10), stuck(2, 0, 0x155, 10)];
    await using source = await openers("truerngpro")(cableTo(device).port);
    expect(new HealthTests(7).feedAll(await source.read(1024, never))).toMatchObject({ test: "proportion" });
  });

  test("Pro that loses a byte now and then is read on, one that loses many is not", async () => {
    const device = new SimulatedTruerng(true);
    await using source = await openers("truerngpro")(cableTo(device).port);
    device.losesEvery = 997;
    expect(await source.read(2000, never)).toHaveLength(2000);
    device.losesEvery = 50;
    await expect(source.read(2000, never)).rejects.toMatchObject(failure(/loses bytes/));
  });

  test("Pro that leaves its mode is noticed", async () => {
    const device = new SimulatedTruerng(true);
    await using source = await openers("truerngpro")(cableTo(device).port);
    device.mode = 38_400;
    await expect(source.read(100, never)).rejects.toMatchObject(failure(/left the mode/));
  });

  test.each(["truerng", "truerngpro", "onerng"])("%s: silent, or unplugged in the middle of a read", async (kind) => {
    const device = kind === "onerng" ? new SimulatedOnerng() : new SimulatedTruerng(kind === "truerngpro");
    const cable = cableTo(device);
    const limits = patience();
    await using impatient = await openers(kind, limits)(cable.port);
    limits.end();
    cable.hush(200);
    await expect(impatient.read(1000, never)).rejects.toMatchObject(failure(/gave 200 of \d+ bytes and fell silent/));
    await expect(impatient.read(1000, never)).rejects.toMatchObject(failure(/is silent/));
    const second = cableTo(device);
    await using source = await openers(kind)(second.port);
    second.hush(200);
    const reading = source.read(1000, never);
    setTimeout(second.unplug, 1);
    await expect(reading).rejects.toMatchObject(failure(/is gone: it was unplugged/));
    await expect(source.status(never)).rejects.toMatchObject(failure(/is gone/));
  });

  test("is not asked when nobody waits any more", async () => {
    await using source = await openers("truerng")(cableTo(new SimulatedTruerng(true)).port);
    await expect(source.status(AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});

describe("a OneRNG", () => {
  test("is set to the diode's own bits, and paused when nobody reads", async () => {
    const device = new SimulatedOnerng();
    await using source = await openers("onerng")(cableTo(device).port);
    expect(source).toMatchObject({ raw: true, identity: { serial: "4F2A11", firmware: "3" } });
    await source.read(100, never);
    expect([device.mode, device.running]).toEqual([1, false]);
    device.mode = 0;
    await source.read(100, never);
    expect(device.mode).toBe(1);
  });

  test("of version 2 has no identity, and is asked for none", async () => {
    const device = new SimulatedOnerng();
    device.version = "\r\nVersion 2\r\n";
    device.identity = undefined;
    await using source = await openers("onerng")(cableTo(device).port);
    expect(source.identity).toEqual({ serial: undefined, firmware: "2" });
    const pinned = openers("onerng", undefined, { serial: "4F2A11" })(cableTo(device).port);
    await expect(pinned).rejects.toMatchObject(failure(/is the OneRNG without a number, not 4F2A11/));
  });

  test("is held against the identity of the URI", async () => {
    const pinned = openers("onerng", undefined, { serial: "OTHER" })(cableTo(new SimulatedOnerng()).port);
    await expect(pinned).rejects.toMatchObject(failure(/is the OneRNG 4F2A11, not OTHER/));
  });

  test("that tells no version, or talks, is none", async () => {
    const device = new SimulatedOnerng();
    device.version = "AT OK\r\n";
    await expect(openers("onerng", IMPATIENT)(cableTo(device).port)).rejects.toMatchObject(failure(/is no OneRNG/));
    const talker = new SimulatedOnerng();
    await using source = await openers("onerng")(cableTo(talker).port);
    talker.samples = text();
    await expect(source.read(100, never)).rejects.toMatchObject(failure(/text instead of samples/));
  });
});
