/** The seed step: each way a source can fail ends in a named state with a fix, and what is left still seeds. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/drivers/clock.ts";
import { kernelEntropy } from "../../src/drivers/entropy/kernel.ts";
import { processInstance } from "../../src/drivers/instance.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { EntropyOpening, EntropySource } from "../../src/ports/entropy.ts";
import type { Random } from "../../src/ports/random.ts";
import { ENTROPY_RECORD_FILE, encodeEntropyRecord } from "../../src/trust/entropy-record.ts";
import { seed, type SeedInputs, type Seeding } from "../../src/trust/seed.ts";
import { ownThreadAssessor } from "../fakes/assessor.ts";
import { FakeClock } from "../fakes/clock.ts";
import {
  biased,
  fakeEntropy,
  ideal,
  periodic,
  slowlyFailing,
  stuck,
  text,
  type FakeEntropy,
} from "../fakes/entropy.ts";
import { FakeChip } from "../fakes/tpm.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { enrolmentOf } from "./enrolments.ts";

const never = new AbortController().signal;

function opening(
  source: EntropySource | (() => Promise<EntropySource>),
  optional = false,
  uri = "qrng:fake",
): EntropyOpening {
  return { uri, optional, open: typeof source === "function" ? source : async () => source };
}

function seedOf(sources: readonly EntropyOpening[], inputs: Partial<SeedInputs> = {}): Promise<Seeding> {
  return seed({
    sources,
    tpm: undefined,
    kernelRandom: systemRandom(),
    assessor: ownThreadAssessor,
    instance: processInstance,
    memory: new FakeMemory(),
    clock: systemClock(),
    signal: never,
    ...inputs,
  });
}

describe("a good source", () => {
  test("that is raw passes all tests over 10,000 samples, and is told to be not enrolled", async () => {
    const source = fakeEntropy(ideal(1));
    const seeding = await seedOf([opening(source)]);
    expect(seeding.kind).toBe("seeded");
    expect([source.taken, source.closed]).toEqual([10_000, true]);
    const { detail, sources } = await evidenceOf(seeding);
    expect(detail).toMatch(
      /^10000 samples of qrng:fake pass the health tests \(claimed 7 bits a sample\); assessed at \d\.\d\d bits a sample, the least for a source that was not enrolled is 3\.50$/,
    );
    expect(sources[0]?.samples.every((set) => set.every((sample) => sample === 0))).toBe(true);
  });

  test.each(["kernel", "tpm"])("named %s is never raw: 1,024 samples, the health tests alone", async (name) => {
    const source = fakeEntropy(ideal(2), { name, raw: false });
    const { detail } = await evidenceOf(await seedOf([opening(source)]));
    expect(source.taken).toBe(1024);
    expect(detail).toContain("conditioned, so the tests see only a broken device");
  });

  test("of single bits, of four, and with a low claim passes by the same rule", async () => {
    for (const [bits, claimed] of [
      [1, 0.9],
      [4, 3.5],
      [8, 2],
    ] as const) {
      const source = fakeEntropy(ideal(3, bits), { bitsPerSample: bits, claimedMinEntropyBits: claimed });
      expect((await seedOf([opening(source)])).kind, `${bits}`).toBe("seeded");
    }
  });

  test("is held against its own record: the enrolled device passes, with its own threshold", async () => {
    const memory = remembering({ gate: { samples: 10_000, pieces: 100, lowest: 5.5, median: 6, threshold: 5 } });
    const { detail } = await evidenceOf(await seedOf([opening(fakeEntropy(ideal(4)))], { memory }));
    expect(detail).toContain("this device's least is 5.00");
  });
});

describe("a bad source", () => {
  const openFailure = () => Promise.reject(new AgentError("ENTROPY_SOURCE", "no such device", { fix: "plug it in" }));

  test.each([
    ["is stuck", opening(fakeEntropy(stuck(1, 500))), "unhealthy", /repetition test at sample \d+ of 10000/],
    ["is biased", opening(fakeEntropy(biased(1, 0.3))), "unhealthy", /proportion test/],
    ["repeats itself", opening(fakeEntropy(periodic(1, 4096))), "below-threshold", /assessed at 0\.\d\d bits/],
    ["counts", opening(fakeEntropy(counter())), "below-threshold", /assessed at 0\.00 bits/],
    ["has failed slowly", opening(fakeEntropy(slowlyFailing(1, 8000))), "unhealthy", /fails the/],
    ["gives text", opening(fakeEntropy(text())), "not-samples", /text instead of samples/],
    ["gives text of much variety", opening(fakeEntropy(base64())), "not-samples", /text instead of samples/],
    [
      "gives bytes where bits were promised",
      opening(fakeEntropy(ideal(1), { bitsPerSample: 1, claimedMinEntropyBits: 0.5 })),
      "not-samples",
      /wider than 1 bits/,
    ],
    ["is not there", opening(openFailure), "source-error", /no such device/],
    ["is unplugged mid-read", opening(unplugged()), "source-error", /it is gone/],
    ["gives too little", opening(short()), "source-error", /too few/],
    ["flags its own failure", opening(flagged()), "flagged", /says of itself: voltage low, its own repetition test/],
  ] as const)("that %s ends in a named state with a fix, and the rest still seeds", async (_how, source, kind, why) => {
    const seeding = await seedOf([source], { tpm: new FakeChip().powerOn() });
    expect(seeding).toMatchObject({ kind, detail: expect.stringMatching(why), fix: expect.stringMatching(/\w/) });
    const { random } = seeding.kind === "seeded" ? expect.unreachable() : seeding.evidence;
    expect(random.bytes(32)).not.toEqual(random.bytes(32));
  });

  test("that guesses too well must do so three times in a row: one unlucky set is no failure", async () => {
    let reads = 0;
    const lucky = fakeEntropy(ideal(5));
    const bad = fakeEntropy(periodic(5, 1000));
    const source = { ...lucky, read: (count: number) => (reads++ === 0 ? bad : lucky).read(count, never) };
    expect((await seedOf([opening(source)])).kind).toBe("seeded");
    expect(reads).toBe(2);
    const dead = fakeEntropy(periodic(5, 1000));
    expect((await seedOf([opening(dead)])).kind).toBe("below-threshold");
    expect(dead.taken).toBe(30_000);
  });

  test("that is another device than the enrolled one, or has another firmware, is told by what differs", async () => {
    for (const [part, fix] of [
      ["serial", /enrol/],
      ["firmware", /enrol/],
    ] as const) {
      const memory = remembering({ [part]: "OTHER" });
      const source = fakeEntropy(ideal(1));
      const seeding = await seedOf([opening(source)], { memory });
      expect(seeding).toMatchObject({
        kind: "other-device",
        detail: expect.stringContaining(`has ${part} `),
        fix: expect.stringMatching(fix),
      });
      expect(source.taken).toBe(0);
    }
  });

  test("that was enrolled and is worth less than it was fails, though it passes for a stranger", async () => {
    const weak = () => fakeEntropy(biased(1, 0.05), { claimedMinEntropyBits: 4 });
    expect((await seedOf([opening(weak())])).kind).toBe("seeded");
    const memory = remembering({ gate: { samples: 10_000, pieces: 100, lowest: 5.5, median: 6, threshold: 5 } });
    expect((await seedOf([opening(weak())], { memory })).kind).toBe("below-threshold");
  });

  test("is told with the others that fail", async () => {
    const both = [opening(fakeEntropy(stuck(1, 500)), false, "a"), opening(openFailure, false, "b")];
    expect((await evidenceAndDetail(await seedOf(both))).detail).toMatch(/repetition test.*; no such device/);
  });

  test("of ours is thrown: a fault of the program is no state of a device", async () => {
    const broken = opening(() => Promise.reject(new TypeError("a fault")));
    await expect(seedOf([broken])).rejects.toThrow(TypeError);
  });
});

describe("a source that nobody asked for", () => {
  test("adds what it can, and is no failure where it is not there", async () => {
    const gone = opening(() => Promise.reject(new AgentError("ENTROPY_SOURCE", "no device")), true, "hwrng:/dev/hwrng");
    const seeding = await seedOf([opening(kernelEntropy(7)), gone]);
    expect(seeding.kind).toBe("seeded");
    expect((await evidenceOf(seeding)).detail).toContain("hwrng:/dev/hwrng adds nothing (no device)");
  });

  test("gives few samples, and the estimators' time is not spent on it", async () => {
    const device = fakeEntropy(ideal(1));
    const seeding = await seedOf([opening(device, true)], {
      assessor: { assess: () => Promise.reject(new TypeError()) },
    });
    expect([seeding.kind, device.taken]).toEqual(["seeded", 1024]);
  });

  test("does not hold up the boot for longer than a second", async () => {
    const clock = new FakeClock();
    const silent = fakeEntropy(ideal(1));
    silent.silence();
    const seeding = seedOf([opening(silent, true)], { clock });
    await clock.advance(1_000);
    expect((await evidenceOf(await seeding)).detail).toContain("silent for 1000 ms");
    expect([silent.closed, clock.sleepers]).toEqual([true, 0]);
  });

  test("leaves no timer behind when it answers", async () => {
    const clock = new FakeClock();
    await seedOf([opening(kernelEntropy(7), true)], { clock });
    expect(clock.sleepers).toBe(0);
  });
});

test("each source counts: the seed is another when any of them gives something else", async () => {
  const stuckKernel: Random = { bytes: (length) => new Uint8Array(length) };
  const instance = () => ({ pid: 1, monotonicMs: 1, wallMs: 1 });
  const drawn = async (a: number, b: number): Promise<string> => {
    const sources = [a, b].map((number, i) => opening(fakeEntropy(ideal(number), { name: "tpm" }), false, `${i}`));
    const { random } = await evidenceOf(await seedOf(sources, { kernelRandom: stuckKernel, instance }));
    return toHex(random.bytes(32));
  };
  expect(await drawn(1, 2)).toBe(await drawn(1, 2));
  expect(new Set([await drawn(1, 2), await drawn(1, 3), await drawn(3, 2), await drawn(2, 1)]).size).toBe(4);
});

test("samples of a source that failed are mixed in, too: they can do no harm", async () => {
  const stuckKernel: Random = { bytes: (length) => new Uint8Array(length) };
  const instance = () => ({ pid: 1, monotonicMs: 1, wallMs: 1 });
  const drawn = async (number: number): Promise<string> => {
    const inputs = { kernelRandom: stuckKernel, instance };
    const { evidence } = await evidenceAndDetail(await seedOf([opening(fakeEntropy(stuck(number, 500)))], inputs));
    return toHex(evidence.random.bytes(32));
  };
  expect(await drawn(1)).not.toBe(await drawn(2));
});

test("a record that can't be read makes no source enrolled, and is told of", async () => {
  const memory = new FakeMemory();
  await memory.writeAtomic(ENTROPY_RECORD_FILE, utf8("{}"));
  const { detail } = await evidenceOf(await seedOf([opening(fakeEntropy(ideal(1)))], { memory }));
  expect(detail).toMatch(/not enrolled.*the record of enrolments can't be read/);
});

test("a stop while samples are read is a failure of the source, not a crash", async () => {
  const seeding = await seedOf([opening(kernelEntropy(7))], { signal: AbortSignal.abort() });
  expect(seeding).toMatchObject({ kind: "source-error", detail: expect.stringContaining("told to stop") });
});

function remembering(change: Parameters<typeof enrolmentOf>[0]): FakeMemory {
  const memory = new FakeMemory();
  const enrolment = enrolmentOf({ serial: "FAKE-1", firmware: "1.0", ...change });
  memory.files.set(ENTROPY_RECORD_FILE, encodeEntropyRecord(new Map([[enrolment.source, enrolment]])));
  return memory;
}

async function evidenceOf(seeding: Seeding) {
  if (seeding.kind !== "seeded") throw new Error(`${seeding.kind}: ${seeding.detail}`);
  return seeding.evidence;
}

async function evidenceAndDetail(seeding: Seeding) {
  if (seeding.kind === "seeded") throw new Error("it passed");
  return seeding;
}

function counter(): () => number {
  let at = 0;
  return () => at++ & 0xff;
}

function base64(): () => number {
  const letters = utf8(Buffer.from(randomBytes(9_000)).toString("base64"));
  let at = 0;
  return () => letters[at++ % letters.length] ?? 0;
}

function unplugged(): FakeEntropy {
  const source = fakeEntropy(ideal(1));
  source.unplug(5_000);
  return source;
}

function short(): EntropySource {
  return { ...fakeEntropy(ideal(1)), read: async () => randomBytes(10) };
}

function flagged(): FakeEntropy {
  const source = fakeEntropy(ideal(1));
  source.flags = ["voltage low", "its own repetition test"];
  return source;
}
