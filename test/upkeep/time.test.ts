/** The time without internet: what is certain is never undercut, and nobody who may lie moves it further than the limit. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CLOCK_SET_S } from "../../src/kernel/clock-set.ts";
import { TIME_SOURCES, type TimeReport, type TimeSource } from "../../src/kernel/time.ts";
import { applyTime } from "../../src/upkeep/time-apply.ts";
import { decodeLastTime, encodeLastTime, LAST_TIME_FILE, TimeKeeper } from "../../src/upkeep/time-keeper.ts";
import { CLOCK_ABSURD_S, estimateTime, stepOf, type TimeEvidence } from "../../src/upkeep/time-policy.ts";
import { machineClocks, type MachineClocks, ORIGIN_FILE } from "../../src/upkeep/time-sources.ts";
import { FakeClock } from "../fakes/clock.ts";
import { silentLog } from "../fakes/log.ts";
import { fakeMachine } from "../fakes/machine.ts";

const DAY_S = 86_400;
/** Some day in the life of a node. */
const NOW_S = 1_800_000_000;
const MAX_AHEAD_S = 3_650 * DAY_S;

function evidence(changes: Partial<TimeEvidence> = {}): TimeEvidence {
  return { machineS: NOW_S, claims: [], bounds: [], signedS: [], ownSignedS: 0, maxAheadS: MAX_AHEAD_S, ...changes };
}

function claim(source: TimeSource, atS: number): TimeEvidence["claims"][number] {
  return { source, atS, ageS: 0, errorS: 60 };
}

const anyTime = fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.constant(Number.NaN), fc.constant(Infinity));
const anyEvidence = fc.record({
  machineS: fc.integer({ min: 0, max: 2 ** 33 }),
  claims: fc.array(
    fc.record({ source: fc.constantFrom(...TIME_SOURCES), atS: anyTime, ageS: fc.nat(1e6), errorS: fc.nat(4_000) }),
  ),
  bounds: fc.array(fc.record({ by: fc.constant("x"), atS: anyTime })),
  signedS: fc.array(fc.integer({ min: 0, max: 2 ** 33 })),
  ownSignedS: fc.integer({ min: 0, max: 2 ** 33 }),
  maxAheadS: fc.integer({ min: DAY_S, max: MAX_AHEAD_S }),
});

describe("an estimate", () => {
  test("is never before what is certain, and never absurd, whatever is claimed", () => {
    fc.assert(
      fc.property(anyEvidence, (all) => {
        const report = estimateTime(all);
        for (const { atS } of all.bounds) {
          if (atS < CLOCK_ABSURD_S) expect(report.bound_s).toBeGreaterThanOrEqual(Math.floor(atS));
        }
        expect(report.bound_s).toBeGreaterThanOrEqual(CLOCK_SET_S);
        expect(report.estimate_s).toBeGreaterThanOrEqual(report.bound_s);
        expect(report.estimate_s).toBeLessThan(CLOCK_ABSURD_S + 1);
        const step = stepOf(report);
        if (step.kind === "set") expect(step.toS).toBeGreaterThanOrEqual(report.bound_s);
      }),
      { numRuns: 2_000 },
    );
  });

  test("more that is certain never makes the bound earlier", () => {
    fc.assert(
      fc.property(anyEvidence, anyTime, (all, atS) => {
        const more = { ...all, bounds: [...all.bounds, { by: "y", atS }] };
        expect(estimateTime(more).bound_s).toBeGreaterThanOrEqual(estimateTime({ ...all, signedS: [] }).bound_s);
      }),
    );
  });

  test("what a radio says moves neither the bound, nor the time beyond the limit, nor a clock that is known better", () => {
    fc.assert(
      fc.property(anyEvidence, anyTime, (all, atS) => {
        const quiet = { ...all, claims: all.claims.filter(({ source }) => source !== "radio") };
        const [without, told] = [
          estimateTime(quiet),
          estimateTime({ ...quiet, claims: [...quiet.claims, claim("radio", atS)] }),
        ];
        expect(told.bound_s).toBe(without.bound_s);
        if (without.source !== "none") expect(told.estimate_s).toBe(without.estimate_s);
        else expect(told.estimate_s).toBeLessThanOrEqual(told.bound_s + all.maxAheadS);
      }),
      { numRuns: 2_000 },
    );
  });

  test("one neighbour alone speaks against nothing; two speak against a radio, not beyond the limit", () => {
    const bounds = [{ by: "x", atS: NOW_S }];
    const told = (signedS: readonly number[], maxAheadS = MAX_AHEAD_S): TimeReport =>
      estimateTime(evidence({ bounds, signedS, maxAheadS, claims: [claim("radio", NOW_S + DAY_S)] }));
    expect(told([NOW_S + 30 * DAY_S]).source).toBe("radio");
    const two = told([NOW_S + 30 * DAY_S, NOW_S + 20 * DAY_S]);
    expect(two).toMatchObject({ source: "none", bound_s: NOW_S, refused: [{ source: "radio" }] });
    expect(two.refused[0]?.reason).toContain("two neighbours");
    expect(told([CLOCK_ABSURD_S - 1, CLOCK_ABSURD_S - 1], 2 * DAY_S).source).toBe("radio");
  });

  test("a date that somebody was made to sign speaks against nobody who knows better, and sets no clock", () => {
    fc.assert(
      fc.property(anyEvidence, anyTime, (all, atS) => {
        const bare = { ...all, signedS: [], ownSignedS: 0 };
        expect(estimateTime(all).bound_s).toBe(estimateTime(bare).bound_s);
        for (const source of ["network", "operator", "hardware-clock"] as const) {
          const claims = [claim(source, atS)];
          expect(estimateTime({ ...all, claims })).toEqual(estimateTime({ ...bare, claims }));
        }
        expect(stepOf(estimateTime({ ...all, claims: [] }))).toEqual(stepOf(estimateTime({ ...bare, claims: [] })));
      }),
      { numRuns: 1_000 },
    );
  });

  test("follows the order of those who say it", () => {
    const claims = TIME_SOURCES.filter((source) => source !== "none").map((source) => claim(source, NOW_S));
    for (const [i, source] of TIME_SOURCES.slice(0, -1).entries()) {
      expect(estimateTime(evidence({ claims: claims.slice(i).toReversed() })).source).toBe(source);
    }
    const late = estimateTime(evidence({ claims: [claim("machine", 37), claim("radio", NOW_S)], machineS: 37 }));
    expect(late).toMatchObject({ source: "radio", set: true, fix: "sudo caye time apply" });
    expect(late.refused).toMatchObject([{ source: "machine", at_s: 37 }]);
  });

  test("in 1970, with nobody who knows: not set, and why", () => {
    const report = estimateTime(evidence({ machineS: 12, claims: [claim("machine", 12)] }));
    expect(report).toMatchObject({ set: false, source: "none", uncertainty_s: null });
    expect(report.detail).toContain("2025-01-01 or later");
  });
});

describe("the clock", () => {
  test("is left to the network, and set back only by a person or the hardware clock", () => {
    const ahead = (source: TimeSource): TimeReport =>
      estimateTime(evidence({ machineS: NOW_S + 5 * DAY_S, claims: [claim(source, NOW_S)] }));
    expect(stepOf(ahead("network"))).toMatchObject({ kind: "leave" });
    expect(stepOf(ahead("radio"))).toMatchObject({ kind: "leave" });
    expect(stepOf(ahead("operator"))).toEqual({ kind: "set", toS: NOW_S, reason: "by operator" });
    expect(stepOf(ahead("hardware-clock"))).toMatchObject({ kind: "set" });
  });

  test("in 1970 goes to the least that it can be", () => {
    const bounds = [{ by: "this node knew it to be later", atS: NOW_S }];
    expect(stepOf(estimateTime(evidence({ machineS: 12, bounds })))).toMatchObject({ kind: "set", toS: NOW_S });
  });

  test("without an agent: by the state's file and the hardware clock; not before the file", async () => {
    const machine = fakeMachine();
    machine.files.set("/var/lib/caye/last-time", encodeLastTime(NOW_S));
    const options = { report: undefined, statePath: "/var/lib/caye", machineS: 12, maxAheadS: MAX_AHEAD_S };
    expect(await applyTime(machine, options)).toMatchObject({ changed: true, to_s: NOW_S, source: "none" });
    expect(machine.commands).toEqual([`date --utc --set=@${NOW_S}`]);
    machine.files.set("/sys/class/rtc/rtc0/since_epoch", new TextEncoder().encode(`${NOW_S + DAY_S}\n`));
    expect(await applyTime(machine, options)).toMatchObject({ to_s: NOW_S + DAY_S, source: "hardware-clock" });
    machine.files.set("/sys/class/rtc/rtc0/since_epoch", new TextEncoder().encode(`${NOW_S - DAY_S}\n`));
    expect(await applyTime(machine, options)).toMatchObject({ to_s: NOW_S, source: "none" });
    expect(machine.text(ORIGIN_FILE)).toBe("none\n");
  });

  test("without a network: by what the agent left in /run, while that is fresh", async () => {
    const told = estimateTime(evidence({ machineS: 12, claims: [claim("operator", NOW_S)] }));
    const machine = fakeMachine({ "/run/caye/time.json": JSON.stringify(told) });
    const options = { report: undefined, statePath: "/var/lib/caye", maxAheadS: MAX_AHEAD_S };
    expect(await applyTime(machine, { ...options, machineS: 42 })).toMatchObject({ changed: true, to_s: NOW_S + 30 });
    expect(await applyTime(machine, { ...options, machineS: 600 })).toMatchObject({ source: "none" });
    for (const text of ["", "{}", "null", '{"set":true}']) {
      const odd = fakeMachine({ "/run/caye/time.json": text });
      expect(await applyTime(odd, { ...options, machineS: 42 })).toMatchObject({ source: "none" });
    }
  });

  test("only what a person says goes to the hardware clock; only root may; what fails is said", async () => {
    const machine = fakeMachine();
    const report = (source: TimeSource): TimeReport =>
      estimateTime(evidence({ machineS: 12, claims: [claim(source, NOW_S)] }));
    const options = { statePath: "/var/lib/caye", machineS: 12, maxAheadS: MAX_AHEAD_S };
    await applyTime(machine, { ...options, report: report("radio") });
    expect(machine.commands.join()).not.toContain("hwclock");
    await applyTime(machine, { ...options, report: report("operator") });
    expect(machine.commands.join()).toContain("hwclock");
    machine.answer = () => ({ status: 1, stderr: "Operation not permitted" });
    machine.root = false;
    await expect(applyTime(machine, { ...options, report: report("radio") })).rejects.toMatchObject({
      code: "NOT_ROOT",
    });
    machine.root = true;
    await expect(applyTime(machine, { ...options, report: report("radio") })).rejects.toMatchObject({
      code: "CLOCK_STUCK",
    });
  });
});

interface Rig {
  readonly clock: FakeClock;
  readonly files: Map<string, Uint8Array>;
  clocks: MachineClocks;
  radio: { atS: number; msAgo: number } | undefined;
  signed: { others: readonly number[]; own: number };
  published: TimeReport | undefined;
  open(): Promise<TimeKeeper>;
}

function rig(wallS = NOW_S): Rig {
  const made: Rig = {
    clock: new FakeClock(wallS * 1_000),
    files: new Map(),
    clocks: { networkSynced: false, hardwareS: undefined, origin: undefined },
    radio: undefined,
    signed: { others: [], own: 0 },
    published: undefined,
    open: () =>
      TimeKeeper.open({
        clock: made.clock,
        memory: {
          read: async (name) => made.files.get(name),
          writeAtomic: async (name, bytes) => void made.files.set(name, bytes),
          remove: async (name) => void made.files.delete(name),
        },
        log: silentLog,
        clocks: async () => made.clocks,
        radio: () => made.radio,
        signed: () => made.signed,
        maxAheadS: MAX_AHEAD_S,
        publish: async (report) => void (made.published = report),
      }),
  };
  return made;
}

describe("a node", () => {
  test("that the network told the time is not before that after a power cut, with a clock in 1970", async () => {
    const node = rig();
    node.clocks = { ...node.clocks, networkSynced: true };
    await node.open();
    node.clock.setWall(9_000);
    node.clocks = { ...node.clocks, networkSynced: false };
    const report = (await node.open()).report();
    expect(report).toMatchObject({ set: false, source: "none" });
    expect(report.bound_s).toBeGreaterThanOrEqual(NOW_S - 2);
  });

  test("believes its radio then; but a hostile one moves neither bound nor file", async () => {
    const node = rig(9);
    node.files.set(LAST_TIME_FILE, encodeLastTime(NOW_S));
    const before = node.files.get(LAST_TIME_FILE);
    const keeper = await node.open();
    node.radio = { atS: NOW_S + 5 * DAY_S, msAgo: 1_000 };
    await keeper.look();
    expect(keeper.report()).toMatchObject({ set: true, source: "radio", estimate_s: NOW_S + 5 * DAY_S + 1 });
    for (const atS of [0, 5, NOW_S - 7 * DAY_S, NOW_S + MAX_AHEAD_S + DAY_S, 2 ** 32 - 1]) {
      node.radio = { atS, msAgo: 0 };
      await keeper.look();
      expect(keeper.report(), String(atS)).toMatchObject({ set: false, source: "none", bound_s: NOW_S });
    }
    expect(node.files.get(LAST_TIME_FILE)).toBe(before);
  });

  test("takes a person's clock, keeps it for the next start, and goes on counting", async () => {
    const node = rig(9);
    const keeper = await node.open();
    await keeper.set({ at_s: NOW_S, from: "ana's phone" });
    await node.clock.advance(3_600_000);
    expect(keeper.report()).toMatchObject({ source: "operator", estimate_s: NOW_S + 3_600 });
    expect(decodeLastTime(node.files.get(LAST_TIME_FILE))).toBe(NOW_S - 60);
    await expect(keeper.set({ at_s: NOW_S - DAY_S, from: "a fool" })).rejects.toMatchObject({ code: "TIME_REFUSED" });
    expect(keeper.report().estimate_s).toBe(NOW_S + 3_600);
  });

  test("whose operator typed a wrong year is not caught in it", async () => {
    const node = rig(9);
    const keeper = await node.open();
    await keeper.set({ at_s: NOW_S + 3_000 * DAY_S, from: "typed 2035" });
    const wish = { at_s: NOW_S, from: "ana" };
    await expect(keeper.set(wish)).rejects.toMatchObject({ code: "TIME_REFUSED" });
    node.signed = { others: [], own: NOW_S + 3_000 * DAY_S };
    expect(await keeper.set({ ...wish, force: true })).toMatchObject({ source: "operator", estimate_s: NOW_S });
    expect(decodeLastTime(node.files.get(LAST_TIME_FILE))).toBe(NOW_S - 60);
  });

  test("does not believe a radio that is behind what it signed itself; a person may say so", async () => {
    const node = rig(9);
    const keeper = await node.open();
    node.signed = { others: [], own: NOW_S + DAY_S };
    node.radio = { atS: NOW_S, msAgo: 0 };
    expect(keeper.report()).toMatchObject({ set: false, source: "none" });
    await keeper.set({ at_s: NOW_S, from: "ana's watch" });
    expect(keeper.report()).toMatchObject({ set: true, source: "operator", estimate_s: NOW_S });
    // Also after the next start: what a liar made it sign does not come back as a clock.
    node.radio = undefined;
    expect((await node.open()).report().bound_s).toBe(NOW_S - 60);
  });

  test("does not take a clock for its own that a radio has set", async () => {
    const node = rig();
    node.clocks = { ...node.clocks, origin: "radio" };
    expect((await node.open()).report().source).toBe("radio");
    node.clocks = { ...node.clocks, origin: "none" };
    expect((await node.open()).report().set).toBe(false);
  });

  test("never has a bound that goes back, whatever happens in whatever order", async () => {
    const happening = fc.oneof(
      fc.record({ wall: fc.integer({ min: 0, max: 2 ** 32 }) }),
      fc.record({ radio: fc.integer({ min: 0, max: 2 ** 32 }) }),
      fc.record({ hardware: fc.integer({ min: 0, max: 2 ** 32 }) }),
      fc.record({ synced: fc.boolean() }),
      fc.record({ told: fc.integer({ min: 0, max: 2 ** 32 }) }),
      fc.record({ passes: fc.integer({ min: 1, max: 7_200_000 }) }),
      fc.record({ restarts: fc.constant(true) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 25 }), async (story) => {
        const node = rig();
        let keeper = await node.open();
        let least = 0;
        for (const event of story) {
          if ("wall" in event) node.clock.setWall(event.wall * 1_000);
          if ("radio" in event) node.radio = { atS: event.radio, msAgo: 0 };
          if ("hardware" in event) node.clocks = { ...node.clocks, hardwareS: event.hardware };
          if ("synced" in event) node.clocks = { ...node.clocks, networkSynced: event.synced };
          if ("told" in event) await keeper.set({ at_s: event.told, from: "x" }).catch(() => undefined);
          if ("passes" in event) await node.clock.advance(event.passes);
          // What was certain since the last save, an hour at most, is lost with the power.
          if ("restarts" in event) [keeper, least] = [await node.open(), least - 3_600];
          await keeper.look();
          const { bound_s: bound } = keeper.report();
          expect(bound).toBeGreaterThanOrEqual(least);
          least = bound;
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("the file of the last time has one form, and whatever else lies there tells nothing", () => {
  const file = encodeLastTime(NOW_S);
  expect(decodeLastTime(file)).toBe(NOW_S);
  for (let at = 0; at < file.length; at++) {
    expect(decodeLastTime(file.with(at, (file[at] ?? 0) ^ 1))).toBeUndefined();
    expect(decodeLastTime(file.subarray(0, at))).toBeUndefined();
  }
  for (const atS of [0, CLOCK_SET_S - 1, CLOCK_ABSURD_S]) expect(decodeLastTime(encodeLastTime(atS))).toBeUndefined();
  fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeLastTime(bytes) === undefined));
});

test("the machine's clocks are read from its files", async () => {
  const none = { networkSynced: false, hardwareS: undefined, origin: undefined };
  expect(await machineClocks(fakeMachine())).toEqual(none);
  const files = {
    "/run/systemd/timesync/synchronized": "",
    "/sys/class/rtc/rtc0/since_epoch": "1800000000\n",
    [ORIGIN_FILE]: "operator\n",
  };
  expect(await machineClocks(fakeMachine(files))).toEqual({
    networkSynced: true,
    hardwareS: NOW_S,
    origin: "operator",
  });
  const odd = { "/sys/class/rtc/rtc0/since_epoch": "soon", [ORIGIN_FILE]: "network" };
  expect(await machineClocks(fakeMachine(odd))).toEqual(none);
});
