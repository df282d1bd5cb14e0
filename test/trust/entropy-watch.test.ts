/** The watch over the sources: each way to fail while the agent runs has its name and its fix, and recovery is earned. */
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../src/kernel/bytes.ts";
import { aborted } from "../../src/kernel/service.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { EntropyAssessor, EntropyOpening } from "../../src/ports/entropy.ts";
import type { Random } from "../../src/ports/random.ts";
import { decodeEntropyRecord, ENTROPY_RECORD_FILE } from "../../src/trust/entropy-record.ts";
import { EntropyWatch, type EntropyWatchPolicy } from "../../src/trust/entropy-watch.ts";
import { seed, type Seeded } from "../../src/trust/seed.ts";
import type { SourceChange } from "../../src/trust/watched-source.ts";
import type { EnrolmentReport } from "../../src/kernel/entropy-reports.ts";
import { ownThreadAssessor } from "../fakes/assessor.ts";
import { FakeMemory } from "../fakes/chips.ts";
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
import { keepingLog, type LogLine } from "../fakes/log.ts";
import { enrolmentOf } from "./enrolments.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const noKernel: Random = { bytes: (length) => new Uint8Array(length) };

/** Says at once what a test wants to hear. */
function saying(assessed: (count: number) => number): EntropyAssessor {
  const shape = enrolmentOf();
  return {
    assess: async (samples, bits, signal, onStep) => {
      signal.throwIfAborted();
      onStep?.({ view: "literal", estimator: "mcv", symbols: samples.length, done: 0, total: 20 });
      const value = assessed(samples.length);
      const { literal, bitstring } = shape;
      return {
        bits,
        samples: samples.length,
        symbols: 256,
        literal,
        bitstring,
        hOriginal: value,
        hBitstring: 1,
        assessed: value,
      };
    },
  };
}

/** A node with its sources, which runs until the test ends. */
class Node {
  readonly clock = new FakeClock();
  readonly memory = new FakeMemory();
  readonly log: LogLine[] = [];
  readonly changes: SourceChange[] = [];
  readonly stop = new AbortController();
  instance = { pid: 1, monotonicMs: 0, wallMs: 0 };
  assessor: EntropyAssessor = saying((count) => (count > 10_000 ? 7.3 : 6));
  policy: EntropyWatchPolicy = { onFailure: "degrade", endsOnFailure: false, reseedMinutes: 10, assessDays: 7 };
  watch!: EntropyWatch;
  seeded!: Seeded;
  running: Promise<void> | undefined;
  ended: unknown;

  async start(sources: readonly (FakeEntropy | EntropyOpening)[], enrolments: readonly EnrolmentReport[] = []) {
    const openings = sources.map((source): EntropyOpening =>
      "uri" in source ? source : { uri: source.name, optional: false, open: async () => reopened(source) },
    );
    const seeding = await seed({
      sources: openings,
      tpm: undefined,
      kernelRandom: noKernel,
      assessor: this.assessor,
      instance: () => this.instance,
      memory: this.memory,
      clock: this.clock,
      signal: this.stop.signal,
    });
    this.seeded = seeding.evidence;
    const { seeded, memory, assessor, clock, policy } = this;
    const onChange = (change: SourceChange): void => void this.changes.push(change);
    const parts = { seeded, memory, assessor, clock, policy, log: keepingLog(this.log), onChange };
    this.watch = new EntropyWatch(parts, new Map(enrolments.map((enrolment) => [enrolment.source, enrolment])));
    this.running = this.watch.run(this.stop.signal).catch((error: unknown) => void (this.ended = error));
    return this;
  }

  /** So many looks. */
  async looks(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.clock.advance(MINUTE);
  }

  get source() {
    const [source] = this.watch.report().sources;
    return source ?? expect.unreachable();
  }

  get path(): string {
    return this.changes.map(({ to }) => to).join(" ");
  }
}

/** A device that can be opened again after it was closed. */
function reopened(source: FakeEntropy): FakeEntropy {
  return new Proxy(source, {
    get: (device, key) => (key === Symbol.asyncDispose ? async () => undefined : Reflect.get(device, key)),
  });
}

let node: Node;
beforeEach(() => {
  node = new Node();
});
afterEach(async () => {
  node.stop.abort();
  await node.running;
});

describe("a good source", () => {
  test("is drawn from each minute, and stays healthy", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    await node.looks(30);
    expect(node.source).toMatchObject({ state: "healthy", ok: true, samples: 30 * 1024, failures: 0, fix: "" });
    expect([node.changes, node.watch.report().state]).toEqual([[], "healthy"]);
  });

  test("is assessed again whenever ten thousand samples are together", async () => {
    let assessments = 0;
    node.assessor = saying(() => (assessments++, 6.1));
    await node.start([fakeEntropy(ideal(1))]);
    await node.looks(9);
    expect(assessments).toBe(1);
    await node.looks(1);
    expect([assessments, node.source.assessed, node.source.threshold]).toEqual([2, 6.1, 3.5]);
  });
});

describe("a source that fails while the agent runs", () => {
  const unplugged = (device: FakeEntropy): void => device.unplug(100);
  test.each([
    ["is unplugged mid-read", unplugged, "source-error", /it is gone/, /plug the device in/],
    ["sticks", (device: FakeEntropy) => device.become(stuck(1, 200)), "unhealthy", /repetition/, /check the entropy/],
    [
      "is biased",
      (device: FakeEntropy) => device.become(biased(1, 0.4)),
      "unhealthy",
      /proportion|repetition/,
      /check/,
    ],
    ["gives text", (device: FakeEntropy) => device.become(text()), "not-samples", /text/, /no other program/],
    [
      "flags itself",
      (device: FakeEntropy) => {
        device.flags = ["voltage low"];
      },
      "flagged",
      /voltage low/,
      /check/,
    ],
  ] as const)(
    "because it %s is degraded by name, with a fix, and told at once",
    async (_how, fail, state, why, fix) => {
      const device = fakeEntropy(ideal(1));
      await node.start([device]);
      await node.looks(2);
      fail(device);
      await node.looks();
      expect(node.source).toMatchObject({ state, ok: false, failures: 1 });
      expect([node.source.detail, node.source.fix]).toEqual([expect.stringMatching(why), expect.stringMatching(fix)]);
      expect(node.watch.report().state).toBe("degraded");
      expect(node.changes).toMatchObject([{ from: "healthy", to: state, ok: false }]);
      expect(node.log.filter(({ level }) => level === "warn")).toHaveLength(1);
    },
  );

  test("because it repeats itself is seen by the estimators, within ten looks and three sets", async () => {
    node.assessor = ownThreadAssessor;
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.become(periodic(1, 3000));
    await node.looks(10);
    expect(node.source).toMatchObject({ state: "below-threshold", ok: false });
    expect(node.source.fix).toContain("caye entropy enrol");
  });

  test("slowly is seen before half of its entropy is gone", async () => {
    node.assessor = ownThreadAssessor;
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    // By the time that it says one value only.
    const lifetime = 60_000;
    device.become(slowlyFailing(1, lifetime));
    const before = device.taken;
    while (node.source.ok && device.taken - before < lifetime) await node.looks();
    expect(node.source.ok).toBe(false);
    expect(device.taken - before).toBeLessThan(lifetime / 2);
  });

  test("slowly, below what the health tests see, is seen against its own record", async () => {
    const device = fakeEntropy(ideal(1), { claimedMinEntropyBits: 4 });
    const enrolment = enrolmentOf({ firmware: "1.0" });
    let worth = 6;
    node.assessor = saying(() => worth);
    await node.start([device], [enrolment]);
    worth = 4.9;
    await node.looks(10);
    expect(node.source).toMatchObject({ state: "below-threshold", assessed: 4.9, threshold: 5 });
  });

  test("because another device is in its place is told so", async () => {
    const device = fakeEntropy(ideal(1), { serial: "OTHER" });
    await node.start([device], [enrolmentOf({ firmware: "1.0" })]);
    await node.looks();
    expect(node.source).toMatchObject({ state: "other-device", fix: expect.stringContaining("enrol") });
  });

  test("in turn recovers, and its failures still count: the tests fire after each recovery", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    for (let round = 0; round < 3; round++) {
      device.become(stuck(round, 100, round));
      await node.looks();
      device.become(ideal(round));
      // The window that it stuck in goes on with the first good samples, and may cost it one look more.
      await node.looks(2);
    }
    expect(node.path).toBe("unhealthy recovered unhealthy recovered unhealthy recovered");
    expect(node.source.failures).toBe(3);
    await node.looks(10);
    expect(node.path.endsWith("recovered healthy")).toBe(true);
  });

  test("recovers only by the whole gate: ten thousand good samples", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.become(stuck(1, 100));
    await node.looks();
    const before = device.taken;
    device.become(stuck(2, 5_000));
    await node.looks();
    expect([node.source.state, device.taken - before]).toEqual(["unhealthy", 10_000]);
    device.become(ideal(2));
    await node.looks();
    expect(node.source.state).toBe("recovered");
  });

  test("recovers when it is plugged in again", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.unplug();
    await node.looks(3);
    device.plug();
    await node.looks();
    expect(node.path).toBe("source-error recovered");
  });

  test("is closed, and opened anew: what was plugged in is another line", async () => {
    const device = fakeEntropy(ideal(1));
    const did: string[] = [];
    const open = async () => {
      did.push("open");
      return new Proxy(reopened(device), {
        get: (target, key) =>
          key === Symbol.asyncDispose ? async () => void did.push("close") : Reflect.get(target, key),
      });
    };
    await node.start([{ uri: device.name, optional: false, open }]);
    did.length = 0;
    await node.looks(2);
    expect(did).toEqual(["open"]);
    device.unplug();
    await node.looks();
    device.plug();
    await node.looks();
    expect(did).toEqual(["open", "close", "open"]);
  });

  test("since the boot is degraded from the start", async () => {
    const device = fakeEntropy(stuck(1, 100));
    await node.start([device]);
    expect(node.watch.report().state).toBe("degraded");
    device.become(ideal(1));
    await node.looks();
    expect(node.path).toBe("recovered");
  });

  test("and that nobody asked for degrades nothing", async () => {
    const device = fakeEntropy(ideal(1), { name: "hwrng:/dev/hwrng" });
    const optional = { uri: device.name, optional: true, open: async () => reopened(device) };
    await node.start([fakeEntropy(ideal(2)), optional]);
    device.unplug();
    await node.looks();
    expect(node.watch.report()).toMatchObject({ state: "healthy", sources: [{ ok: true }, { ok: false }] });
  });

  test("ends the agent where the policy says so, but not for one bad look", async () => {
    node.policy = { ...node.policy, endsOnFailure: true };
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.unplug();
    await node.looks(2);
    device.plug();
    await node.looks();
    expect(node.ended).toBeUndefined();
    device.unplug();
    await node.looks(2);
    expect(node.ended).toBeUndefined();
    await node.looks();
    expect(node.ended).toMatchObject({ code: "ENTROPY_UNHEALTHY", message: expect.stringContaining("keeps failing") });
  });

  test("in a way that nobody foresaw ends the service with that fault", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.become(() => {
      throw new TypeError("a fault");
    });
    await node.looks();
    expect(node.ended).toBeInstanceOf(TypeError);
  });
});

describe("the generator", () => {
  const drawn = (): string => toHex(node.seeded.random.bytes(16));

  /** What is drawn after so many looks, by what the source gave meanwhile. */
  async function after(looks: number, number: number): Promise<string> {
    node = new Node();
    const device = fakeEntropy(ideal(1), { name: "tpm" });
    await node.start([device]);
    device.become(ideal(number));
    await node.looks(looks);
    const bytes = drawn();
    node.stop.abort();
    return bytes;
  }

  test("takes the samples of all looks in, when it is time", async () => {
    expect(await after(9, 1)).toBe(await after(9, 2));
    expect(await after(10, 1)).not.toBe(await after(10, 2));
    await node.running;
  });

  test("is reseeded as often as the policy says", async () => {
    await node.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    expect(node.watch.report()).toMatchObject({ reseeds: 0, reseeded_s_ago: null });
    await node.looks(35);
    expect(node.watch.report()).toMatchObject({ reseeds: 3, reseeded_s_ago: 300 });
  });

  test("is reseeded from all sources at the look after the machine slept", async () => {
    await node.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    node.instance = { pid: 1, monotonicMs: 0, wallMs: 3_600_000 };
    drawn();
    expect(node.seeded.random.stale).toBe(true);
    await node.looks();
    expect([node.seeded.random.stale, node.watch.report().reseeds]).toEqual([false, 1]);
  });
});

describe("an enrolment", () => {
  test("runs beside the watch, tells how far it is, and is kept", async () => {
    const phases = new Set<string>();
    const device = fakeEntropy(ideal(1));
    node.assessor = saying((count) => {
      phases.add(node.watch?.report().job?.phase ?? "");
      return count > 10_000 ? 7.25 : 6 - (phases.size % 2) / 10;
    });
    await node.start([device]);
    await node.looks();
    expect(node.watch.enrol(undefined, 200_000).job).toMatchObject({
      kind: "enrol",
      source: "qrng:fake",
      phase: "reading",
    });
    await node.looks(2);
    expect(node.watch.report().job).toMatchObject({
      phase: "done",
      detail: expect.stringContaining("7.250 bits a sample"),
    });
    expect([...phases]).toEqual(expect.arrayContaining(["assessing", "gate"]));
    const kept = decodeEntropyRecord(node.memory.files.get(ENTROPY_RECORD_FILE) ?? new Uint8Array());
    const enrolment = kept.ok ? kept.value.get("qrng:fake") : undefined;
    expect(enrolment).toMatchObject({
      serial: "FAKE-1",
      samples: 200_000,
      assessed: 7.25,
      gate: { samples: 10_000, pieces: 20 },
      check: null,
    });
    expect(node.source.enrolment).toEqual(enrolment);
  });

  test("says when more is claimed than was found", async () => {
    node.assessor = saying((count) => (count > 10_000 ? 3.1 : 6));
    await node.start([fakeEntropy(ideal(1))]);
    node.watch.enrol("qrng:fake", 200_000);
    await node.looks();
    expect(node.watch.report().job?.detail).toContain("lower entropy.min_entropy_bits");
  });

  test("of real samples finds a threshold that the same source passes", { timeout: 60_000 }, async () => {
    node.assessor = ownThreadAssessor;
    const device = fakeEntropy(ideal(9, 1), { bitsPerSample: 1, claimedMinEntropyBits: 0.8 });
    await node.start([device]);
    node.watch.enrol(undefined, 200_000);
    await node.looks();
    const { gate, assessed } = node.source.enrolment ?? expect.unreachable();
    expect([assessed > 0.6, gate.pieces, gate.threshold < gate.lowest]).toEqual([true, 20, true]);
    await node.looks(20);
    expect(node.source).toMatchObject({ ok: true, threshold: gate.threshold });
  });

  test("of a source that fails meanwhile fails by name, and nothing is kept", async () => {
    const device = fakeEntropy(ideal(1));
    await node.start([device]);
    device.unplug(50_000);
    node.watch.enrol(undefined, 200_000);
    await node.looks();
    expect(node.watch.report().job).toMatchObject({ phase: "failed", detail: expect.stringContaining("it is gone") });
    expect([node.memory.files.has(ENTROPY_RECORD_FILE), node.source.state]).toEqual([false, "source-error"]);
  });

  test("is one at a time, of a source that is there, with enough samples, while the agent runs", async () => {
    await node.start([fakeEntropy(ideal(1))]);
    const refused = (code: string) => expect.objectContaining({ code, fix: expect.any(String) });
    expect(() => node.watch.enrol("qrng:other")).toThrow(refused("NOT_FOUND"));
    for (const samples of [199_999, 4_000_001, 3e5 + 0.5]) {
      expect(() => node.watch.enrol(undefined, samples)).toThrow(refused("BAD_REQUEST"));
    }
    node.watch.enrol(undefined, 200_000);
    expect(() => node.watch.enrol(undefined, 200_000)).toThrow(refused("ENTROPY_BUSY"));
    node.stop.abort();
    await node.running;
    expect(() => node.watch.enrol(undefined)).toThrow(expect.objectContaining({ code: "ENTROPY_BUSY" }));
  });

  test("ends with the agent, and nothing runs on", async () => {
    await node.start([fakeEntropy(ideal(1))]);
    node.watch.enrol(undefined, 4_000_000);
    node.stop.abort();
    await node.running;
    expect([node.ended, node.clock.sleepers, node.memory.files.size]).toEqual([undefined, 0, 0]);
  });

  test("has ended when the service has: its thread is waited for", async () => {
    let ended = false;
    node.assessor = {
      assess: async (_samples, _bits, signal) => {
        await aborted(signal);
        for (let i = 0; i < 5; i++) await setImmediate();
        ended = true;
        throw signal.reason;
      },
    };
    await node.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    node.watch.enrol(undefined, 200_000);
    await node.looks();
    expect(node.watch.report().job?.phase).toBe("reading");
    node.stop.abort();
    await node.running;
    expect(ended).toBe(true);
  });

  test("that fails by a fault of ours ends the service", async () => {
    await node.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    const failing = new Node();
    failing.assessor = { assess: () => Promise.reject(new TypeError("a fault")) };
    await failing.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    failing.watch.enrol(undefined, 200_000);
    await failing.looks(2);
    expect(failing.ended).toBeInstanceOf(TypeError);
  });

  test("whose thread fails is told, and the watch goes on", async () => {
    node.assessor = { assess: () => Promise.reject(new AgentError("ASSESSOR", "out of memory", { fix: "free some" })) };
    await node.start([fakeEntropy(ideal(1), { name: "kernel" })]);
    node.watch.enrol(undefined, 200_000);
    await node.looks(2);
    expect(node.watch.report().job).toMatchObject({ phase: "failed", detail: "out of memory", fix: "free some" });
    expect(node.watch.report().state).toBe("healthy");
  });
});

describe("the check of many samples", () => {
  const enrolled = (clock: FakeClock): EnrolmentReport =>
    enrolmentOf({ firmware: "1.0", at_ms: clock.nowMs(), samples: 200_000 });

  test("comes again as often as the policy says", async () => {
    await node.start([fakeEntropy(ideal(1))], [enrolled(node.clock)]);
    node.clock.setWall(node.clock.nowMs() + 6 * DAY);
    await node.looks(2);
    expect(node.watch.report().job).toBeNull();
    node.clock.setWall(node.clock.nowMs() + DAY);
    await node.looks(2);
    expect(node.watch.report().job).toMatchObject({ kind: "check", phase: "done" });
    expect(node.source.enrolment?.check).toMatchObject({ samples: 200_000, assessed: 7.3 });
    await node.looks(5);
    expect(node.log.filter(({ sentence }) => sentence.startsWith("Samples of a source"))).toHaveLength(1);
  });

  test("comes, too, when the last one is said to be of a time that has not come: a clock stood wrong then", async () => {
    const wrong = { ...enrolled(node.clock), at_ms: Date.UTC(2100, 0, 1) };
    await node.start([fakeEntropy(ideal(1))], [wrong]);
    await node.looks(2);
    expect(node.watch.report().job).toMatchObject({ kind: "check", phase: "done" });
    expect(node.source.enrolment?.check?.at_ms).toBeLessThan(Date.UTC(2100, 0, 1));
    await node.looks(5);
    expect(node.log.filter(({ sentence }) => sentence.startsWith("Samples of a source"))).toHaveLength(1);
  });

  test("waits for the date where the clock was never set", async () => {
    await node.start([fakeEntropy(ideal(1))], [enrolled(node.clock)]);
    node.clock.setWall(0);
    await node.looks(5);
    expect(node.watch.report().job).toBeNull();
  });

  test("that can't be done is not tried again each minute, but some hours later", async () => {
    const full = new AgentError("ASSESSOR", "out of memory", { fix: "free some" });
    const few = node.assessor;
    let tries = 0;
    node.assessor = {
      assess: (samples, ...rest) => {
        if (samples.length <= 10_000) return few.assess(samples, ...rest);
        tries++;
        return Promise.reject(full);
      },
    };
    await node.start([fakeEntropy(ideal(1))], [enrolled(node.clock)]);
    node.clock.setWall(node.clock.nowMs() + 8 * DAY);
    await node.looks(60);
    expect(tries).toBe(1);
    await node.looks(6 * 60);
    expect(tries).toBe(2);
  });

  test("never comes where it is switched off, nor for what was never enrolled", async () => {
    node.policy = { ...node.policy, assessDays: 0 };
    await node.start([fakeEntropy(ideal(1))], [enrolled(node.clock)]);
    node.clock.setWall(node.clock.nowMs() + 100 * DAY);
    await node.looks(2);
    expect(node.watch.report().job).toBeNull();
  });

  test("that finds less than at the enrolment degrades the source until as many samples say otherwise", async () => {
    let worth = 6;
    node.assessor = saying((count) => (count > 10_000 ? worth : 6));
    await node.start([fakeEntropy(ideal(1))], [enrolled(node.clock)]);
    node.clock.setWall(node.clock.nowMs() + 8 * DAY);
    await node.looks(3);
    expect(node.source).toMatchObject({
      state: "below-threshold",
      detail: expect.stringContaining("7.300 when it was enrolled"),
    });
    await node.looks(20);
    expect(node.source.ok).toBe(false);
    worth = 7.2;
    node.watch.enrol(undefined, 200_000);
    await node.looks(2);
    expect(node.source.state).toBe("recovered");
  });
});
