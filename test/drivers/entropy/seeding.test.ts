/** The seed step of the boot with each generator at its end of the line: well, and with the faults that only samples show. */
import { expect, test } from "vitest";
import { systemClock } from "../../../src/drivers/clock.ts";
import { processInstance } from "../../../src/drivers/instance.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { seed } from "../../../src/trust/seed.ts";
import { ownThreadAssessor } from "../../fakes/assessor.ts";
import { FakeMemory } from "../../fakes/chips.ts";
import {
  type Cable,
  SimulatedOnerng,
  SimulatedQcicada,
  SimulatedTruerng,
  type SimulatedDevice,
  cableTo,
} from "../../fakes/entropy-devices.ts";
import { biased, ideal, periodic, stuck } from "../../fakes/entropy.ts";
import { openers } from "./openers.ts";

async function seeding(kind: string, device: SimulatedDevice, meddle?: (cable: Cable) => void) {
  const cable = cableTo(device);
  const open = async () => {
    const source = await openers(kind)(cable.port);
    meddle?.(cable);
    return source;
  };
  const {
    kind: state,
    evidence,
    ...rest
  } = await seed({
    sources: [{ uri: `qrng:${kind}:/dev/tty`, optional: false, open }],
    tpm: undefined,
    kernelRandom: systemRandom(),
    assessor: ownThreadAssessor,
    instance: processInstance,
    memory: new FakeMemory(),
    clock: systemClock(),
    signal: new AbortController().signal,
  });
  // Whatever the device does, the node has a generator.
  expect(evidence.random.bytes(32)).toHaveLength(32);
  return { state, evidence, fix: "fix" in rest ? rest.fix : "" };
}

test.each([
  ["qcicada", new SimulatedQcicada()],
  ["truerngpro", new SimulatedTruerng(true)],
  ["onerng", new SimulatedOnerng()],
] as const)("a %s that is well seeds with 10,000 raw samples", async (kind, device) => {
  const { state, evidence } = await seeding(kind, device);
  expect([state, evidence.detail]).toEqual([
    "seeded",
    expect.stringContaining(`10000 samples of qrng:${kind}:/dev/tty`),
  ]);
});

test("a TrueRNG V3 seeds with samples that are said to be conditioned", async () => {
  const { state, evidence } = await seeding("truerng", new SimulatedTruerng(false));
  expect([state, evidence.detail]).toEqual([
    "seeded",
    expect.stringMatching(/^10000 samples .*conditioned, so the tests see only a broken device/),
  ]);
});

test.each([
  ["sticks", stuck(1, 3_000), "unhealthy"],
  ["has lost three quarters of its entropy", biased(2, 0.3), "unhealthy"],
  ["repeats itself", periodic(3, 4_096), "below-threshold"],
])("a QCicada whose noise %s is seen, although its own flags are well", async (_, samples, expected) => {
  const device = new SimulatedQcicada();
  device.samples = samples;
  const { state, fix } = await seeding("qcicada", device);
  expect([state, fix]).toEqual([expected, expect.stringMatching(/\S/)]);
});

test("a QCicada that finds itself ill is flagged, in its own words", async () => {
  const device = new SimulatedQcicada();
  device.flags = 0b0000_0101;
  const { state, evidence, fix } = await seeding("qcicada", device);
  expect([state, fix]).toEqual(["flagged", expect.stringMatching(/\S/)]);
  expect(evidence.sources[0]?.fault?.detail).toContain("says of itself: voltage too low");
});

test("a TrueRNGpro of which one generator sticks is seen", async () => {
  const device = new SimulatedTruerng(true);
  device.generators = [stuck(4, 0, 0x15a, 10), ideal(5, 10)];
  expect((await seeding("truerngpro", device)).state).toBe("unhealthy");
});

test("a device that is unplugged in the middle of its samples is a state of its own", async () => {
  const { state, fix } = await seeding("onerng", new SimulatedOnerng(), (cable) => {
    cable.hush(2_000);
    setTimeout(cable.unplug, 5);
  });
  expect([state, fix]).toEqual(["source-error", expect.stringContaining("plug the device in again")]);
});
