/** The physics of the air, on frames that meet at chosen moments. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { meshFrameBytes, PRESETS, timeOnAirUs } from "../../src/radio/airtime.ts";
import { Air, symbolMs, type Reception, type SentFrame } from "../../src/sim/air.ts";
import { BurstChannel } from "../../src/sim/burst-loss.ts";
import { linksBetween } from "../../src/sim/propagation.ts";
import { drawBelow, seededRandom } from "../../src/sim/seeded-random.ts";
import { timetableOn } from "../../src/sim/timetable.ts";
import { fullMesh, line, nodeNumber, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { openRadios } from "../fakes/radios.ts";

const modulation = PRESETS.LongFast;
const FRAME_BYTES = meshFrameBytes(PRIVATE_APP, 100);
const AIRTIME_MS = timeOnAirUs(FRAME_BYTES, modulation) / 1000;
const HUB = 0;

/** Stations 1 and up send to the hub, at their own moments, whatever else is on the air. */
async function collide(
  strengthsDbm: readonly (number | undefined)[],
  startsMs: readonly number[],
  changes: Partial<AirLink> = {},
): Promise<{ heard: number[]; collisions: number; captures: number; busy: boolean }> {
  const clock = new VirtualClock();
  const timetable = timetableOn(clock, new AbortController().signal);
  const links = strengthsDbm.map((dbm, i) => ({
    a: nodeNumber(i + 1),
    b: nodeNumber(HUB),
    loss: 0,
    ...(dbm !== undefined && { rssiDbm: dbm }),
    ...changes,
  }));
  const air = new Air({ timetable, random: seededRandom("air"), modulation, links });
  const heard: number[] = [];
  const listener = {
    heard: ({ frame }: Reception) => void heard.push(frame.from - nodeNumber(0)),
    used: () => undefined,
  };
  air.listen(nodeNumber(HUB), listener);
  let busy = false;
  for (const [i, startMs] of startsMs.entries()) {
    const from = nodeNumber(i + 1);
    const head = { from, to: BROADCAST, id: i + 1, hopLimit: 0, hopStart: 0 };
    const frame = { ...head, port: PRIVATE_APP, payload: new Uint8Array(100) };
    timetable.after(startMs, () => air.transmit(from, frame, FRAME_BYTES, () => undefined));
  }
  timetable.after(AIRTIME_MS / 2, () => (busy = air.busyForMs(nodeNumber(HUB)) > 0));
  await clock.advance(60_000);
  const { collisions, captures } = air.stats(nodeNumber(HUB));
  return { heard, collisions, captures, busy };
}

describe("two frames that overlap", () => {
  test("both are lost when nothing is said of their strength, or of that of one", async () => {
    expect(await collide([undefined, undefined], [0, 100])).toMatchObject({ heard: [], collisions: 2 });
    expect(await collide([-60, undefined], [0, 100])).toMatchObject({ heard: [], collisions: 2 });
  });

  test.each([
    [-100, -106, [1]],
    [-100, -105.5, []],
    [-106, -100, [2]],
    [-105.5, -100, []],
  ])("of %d and %d dBm only one that is six decibels stronger survives", async (first, second, heard) => {
    const seen = await collide([first, second], [0, 300]);
    expect(seen).toMatchObject({ heard, collisions: 2 - heard.length, captures: heard.length });
  });

  test("a frame must stand above the sum of all others", async () => {
    // Two rivals 7 dB below make one 4 dB below.
    expect(await collide([-100, -107], [0, 300])).toMatchObject({ heard: [1] });
    expect(await collide([-100, -107, -107], [0, 300, 400])).toMatchObject({ heard: [], collisions: 3 });
    // One after the other they never add up.
    const second = AIRTIME_MS + 20;
    expect((await collide([-100, -107, -107], [AIRTIME_MS / 2, 0, second])).heard).toEqual([1]);
  });

  test("an end that falls into the other's preamble does no harm to that one", async () => {
    const spared = AIRTIME_MS - 10 * symbolMs(modulation);
    expect((await collide([-100, -100], [0, spared])).heard).toEqual([2]);
    const hurt = AIRTIME_MS - 12 * symbolMs(modulation);
    expect((await collide([-100, -100], [0, hurt])).heard).toEqual([]);
  });

  test("what is too weak to be heard is not sensed, yet disturbs", async () => {
    const faint = await collide([-120], [0], { loss: 1, onlyDisturbs: true });
    expect(faint).toMatchObject({ heard: [], busy: false, collisions: 0 });
    const links = (disturbing: number): AirLink[] => [
      { a: nodeNumber(1), b: nodeNumber(0), loss: 0, rssiDbm: -118 },
      { a: nodeNumber(2), b: nodeNumber(0), loss: 1, rssiDbm: disturbing, onlyDisturbs: true },
    ];
    const meet = async (disturbing: number): Promise<number> => {
      await using r = openRadios(links(disturbing), { preset: "LongFast" });
      r.say(1, 1);
      r.say(2, 2);
      await r.clock.advance(30_000);
      return r.heard[0]?.length ?? 0;
    };
    expect([await meet(-122), await meet(-126)]).toEqual([0, 1]);
  });
});

describe("the air's losses", () => {
  test("are heavier on weak links, and follow the length of the frame", async () => {
    const heardAt = async (rssiDbm: number, bytes: number): Promise<number> => {
      const link = { a: nodeNumber(0), b: nodeNumber(1), loss: 0, rssiDbm, fadingDb: 2 };
      await using r = openRadios([link], { preset: "ShortFast" });
      for (let id = 1; id <= 300; id++) {
        r.say(0, id, { payload: new Uint8Array(bytes) });
        await r.clock.advance(1000);
      }
      return r.heard[1]?.length ?? 0;
    };
    // The limit is at -121.5 dBm.
    expect(await heardAt(-112, 200)).toBe(300);
    const [long, short] = [await heardAt(-122.5, 230), await heardAt(-122.5, 5)];
    expect(long).toBeLessThan(200);
    expect(long).toBeGreaterThan(20);
    expect(short).toBeGreaterThan(long + 30);
    expect(await heardAt(-130, 200)).toBe(0);
  });

  test("come in bursts of the length and the share that were asked for", () => {
    const random = seededRandom("burst");
    const channel = new BurstChannel({ goodMs: 9000, badMs: 1000 });
    const lost = Array.from({ length: 100_000 }, (_, i) => channel.loses(i * 100, random));
    const share = lost.filter(Boolean).length / lost.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.01);
    const starts = lost.filter((isLost, i) => isLost && lost[i - 1] !== true).length;
    const meanMs = (lost.filter(Boolean).length / starts) * 100;
    expect(Math.abs(meanMs - 1050)).toBeLessThan(120);
    // Far apart the frames know nothing of each other.
    const rare = new BurstChannel({ goodMs: 9, badMs: 1, goodLoss: 0.2, badLoss: 0.7 });
    const far = Array.from({ length: 20_000 }, (_, i) => rare.loses(i * 1e6, random)).filter(Boolean).length;
    expect(Math.abs(far / 20_000 - 0.25)).toBeLessThan(0.02);
  });

  test("can be one direction's only", async () => {
    const link = { a: nodeNumber(0), b: nodeNumber(1), loss: 0, oneWay: true };
    await using r = openRadios([link]);
    r.say(0, 1);
    await r.clock.advance(5000);
    r.say(1, 2);
    await r.clock.advance(5000);
    expect(r.heard.map((list) => list.length)).toEqual([0, 1]);
  });

  test("are an oracle's where one is given: the same for another way of sending", async () => {
    const asked: string[] = [];
    const losesBy = (from: number, to: number, ordinal: number, payload: Uint8Array): boolean => {
      asked.push(`${from - nodeNumber(0)}>${to - nodeNumber(0)} #${ordinal} ${payload.length}`);
      return ordinal % 2 === 1 && to === nodeNumber(2);
    };
    await using r = openRadios(fullMesh(3, 0.9), { losesBy });
    for (let id = 1; id <= 4; id++) {
      r.say(0, id, { payload: new Uint8Array(id) });
      await r.clock.advance(5000);
    }
    expect(r.heard.map((list) => list.map(({ frame }) => frame.id))).toEqual([[], [1, 2, 3, 4], [1, 3]]);
    expect(asked.slice(0, 4)).toEqual(["0>1 #0 1", "0>2 #0 1", "0>1 #1 2", "0>2 #1 2"]);
  });
});

describe("impairments", () => {
  test("lose frames at the named radios only, until they are mended", async () => {
    await using r = openRadios(fullMesh(3));
    const say = async (id: number): Promise<void> => {
      r.say(0, id);
      await r.clock.advance(5000);
    };
    r.ether.impair({ loss: 1 }, [nodeNumber(1)]);
    await say(1);
    r.ether.impair({ burst: { goodMs: 1e-9, badMs: 1e9 } });
    await say(2);
    r.ether.impair({});
    await say(3);
    expect(r.heard.map((list) => list.map(({ frame }) => frame.id))).toEqual([[], [3], [1, 3]]);
  });

  test("change one byte of a frame now and then, and nothing else", async () => {
    await using r = openRadios(line(2));
    r.ether.impair({ corruption: 0.5 });
    const sent = seededRandom("payload").bytes(180);
    for (let id = 1; id <= 300; id++) {
      r.say(0, id, { payload: sent });
      await r.clock.advance(2000);
    }
    const { heard, corrupted, losses } = r.ether.stats();
    expect(heard + losses).toBe(300);
    // A change that no receiver could read counts as a loss.
    expect(losses).toBeGreaterThan(5);
    expect(corrupted).toBeGreaterThan(90);
    const differing = (r.heard[1] ?? []).map(
      ({ frame }) => [...frame.payload].filter((byte, i) => byte !== sent[i]).length,
    );
    expect(new Set(differing)).toEqual(new Set([0, 1]));
    // The sender's own bytes are as they were.
    expect(Buffer.from(r.frames.at(-1)?.payload ?? []).equals(sent)).toBe(true);
  });

  test("give a host packets twice, and late", async () => {
    await using r = openRadios(line(2));
    r.ether.impair({ duplication: 0.3, reordering: 0.3, reorderMs: 9000 });
    for (let id = 1; id <= 200; id++) {
      r.say(0, id);
      await r.clock.advance(1000);
    }
    await r.clock.advance(10_000);
    const ids = (r.heard[1] ?? []).map(({ frame }) => frame.id);
    expect(new Set(ids).size).toBe(200);
    expect(ids.length).toBeGreaterThan(240);
    expect(ids.length).toBeLessThan(280);
    expect(ids).not.toEqual(ids.toSorted((a, b) => a - b));
  });
});

describe("the watch on the air", () => {
  test("sees every frame with its time on air, and whether it is relayed", async () => {
    await using r = openRadios(line(3));
    r.say(0, 7, { hopLimit: 1, payload: Uint8Array.of(1, 2) });
    await r.clock.advance(10_000);
    const airtimeUs = timeOnAirUs(meshFrameBytes(PRIVATE_APP, 2), PRESETS.ShortFast);
    expect(r.frames).toMatchObject([
      { station: nodeNumber(0), from: nodeNumber(0), id: 7, hopLimit: 1, relayed: false, airtimeUs },
      { station: nodeNumber(1), from: nodeNumber(0), id: 7, hopLimit: 0, relayed: true, airtimeUs },
    ]);
    expect(r.ether.stats().airtimeUs).toBe(2 * airtimeUs);
  });

  test("sees the same frames at the same moments in two runs of one seed, byte for byte", async () => {
    const run = async (seed: string): Promise<string> => {
      const random = seededRandom(`${seed}/places`);
      const places = Array.from({ length: 25 }, (_, i) => {
        return { number: nodeNumber(i), xMetres: drawBelow(random, 3000), yMetres: drawBelow(random, 3000) };
      });
      const links = linksBetween(places, { modulation, seed }).map((link, i) => {
        return i % 5 === 0 ? { ...link, burst: { goodMs: 60_000, badMs: 5000 } } : link;
      });
      await using r = openRadios(links, { seed, preset: "LongFast" });
      r.ether.impair({ corruption: 0.01, duplication: 0.05, reordering: 0.05 });
      for (let id = 1; id <= 80; id++) {
        const to = id % 4 === 0 ? nodeNumber(drawBelow(random, 25)) : BROADCAST;
        r.say(drawBelow(random, 25), id, { to, wantAck: id % 3 === 0, hopLimit: 3, payload: random.bytes(40) });
        await r.clock.advance(drawBelow(random, 9000));
      }
      await r.clock.advance(120_000);
      expect(r.frames.length).toBeGreaterThan(200);
      expect(r.ether.stats().captures).toBeGreaterThan(0);
      return traceHash(r.frames, r.heard);
    };
    expect(await run("one")).toBe(await run("one"));
    expect(await run("one")).not.toBe(await run("two"));
  });
});

function traceHash(frames: readonly SentFrame[], heard: readonly (readonly Reception[])[]): string {
  const hash = createHash("sha256");
  for (const { payload, ...head } of frames) hash.update(JSON.stringify(head)).update(payload);
  for (const { frame, ...signal } of heard.flat())
    hash.update(JSON.stringify([frame.id, signal])).update(frame.payload);
  return hash.digest("hex");
}
