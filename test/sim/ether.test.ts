import { describe, expect, test } from "vitest";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { payloadAirtimeUs, PRESETS, type PresetName } from "../../src/radio/airtime.ts";
import type { Reception } from "../../src/sim/air.ts";
import { openEther, type Ether } from "../../src/sim/ether.ts";
import type { Admission } from "../../src/sim/radio-node.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { fullMesh, line, nodeNumber, star, type AirLink } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";

interface Village extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly ether: Ether;
  /** What each radio's host was given, by index. */
  readonly heard: Reception[][];
  say(index: number, id: number, changes?: { to?: number; hopLimit?: number; payload?: Uint8Array }): Admission;
}

function village(links: readonly AirLink[], seed = "ether", preset: PresetName = "ShortFast"): Village {
  const clock = new VirtualClock();
  const ether = openEther({ clock, random: seededRandom(seed), modulation: PRESETS[preset], links });
  const heard = ether.nodes().map((number) => {
    const list: Reception[] = [];
    ether.radio(number).attach({ packet: (reception) => void list.push(reception), power: () => undefined });
    return list;
  });
  return {
    clock,
    ether,
    heard,
    say: (index, id, changes = {}) =>
      ether.radio(nodeNumber(index)).submit({
        to: BROADCAST,
        hopLimit: 0,
        port: PRIVATE_APP,
        payload: new Uint8Array(200),
        id,
        ...changes,
      }),
    [Symbol.asyncDispose]: () => ether[Symbol.asyncDispose](),
  };
}

function counts(heard: readonly Reception[][]): number[] {
  return heard.map((list) => list.length);
}

describe("the simulated air", () => {
  test("keeps a frame on the air for exactly its LoRa time", async () => {
    await using v = village(line(2));
    v.say(0, 1);
    await v.clock.advance(10_000);
    const airtimeUs = payloadAirtimeUs(200, PRESETS.ShortFast);
    expect(v.ether.stats()).toMatchObject({ frames: 1, heard: 1, airtimeUs });
    expect(v.ether.stats().nodes.get(nodeNumber(0))).toMatchObject({ framesSent: 1, airtimeUs });
    const use = v.ether.radio(nodeNumber(1)).channelUse();
    expect(use.channelUtilization).toBeCloseTo(airtimeUs / 60e6, 6);
    expect(use.airUtilTx).toBe(0);
    expect(v.ether.radio(nodeNumber(0)).channelUse().airUtilTx).toBeCloseTo(airtimeUs / 3600e6, 9);
    await v.clock.advance(61_000);
    expect(v.ether.radio(nodeNumber(1)).channelUse().channelUtilization).toBe(0);
  });

  test("carries a packet as many relays far as its hop limit says", async () => {
    await using v = village(line(6));
    v.say(0, 1, { hopLimit: 0 });
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 1, 0, 0, 0, 0]);
    v.say(0, 2, { hopLimit: 3 });
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 2, 1, 1, 1, 0]);
    expect(v.heard[4]?.[0]?.frame).toMatchObject({ from: nodeNumber(0), hopStart: 3, hopLimit: 0 });
  });

  test("gives a direct message to its receiver only", async () => {
    await using v = village(line(4));
    v.say(0, 1, { to: nodeNumber(2), hopLimit: 3 });
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 0, 1, 0]);
  });

  test("lets a radio hear each packet once, and drops an id that was used before", async () => {
    await using v = village(fullMesh(5));
    v.say(0, 1, { hopLimit: 3 });
    await v.clock.advance(60_000);
    v.say(0, 1, { hopLimit: 3, payload: Uint8Array.of(9) });
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 1, 1, 1, 1]);
  });

  test("spares the relays that are not needed: whoever hears another's drops its own", async () => {
    await using v = village(fullMesh(8));
    v.say(0, 1, { hopLimit: 3 });
    await v.clock.advance(60_000);
    const { relayed, relaysCancelled } = v.ether.stats();
    expect(relayed + relaysCancelled).toBe(7);
    expect(relaysCancelled).toBeGreaterThan(3);
  });

  test("loses frames at the rate of the link", async () => {
    await using v = village(line(2, 0.2));
    for (let id = 1; id <= 1000; id++) {
      v.say(0, id, { payload: Uint8Array.of(1) });
      await v.clock.advance(1000);
    }
    expect(v.ether.stats().losses).toBeGreaterThan(160);
    expect(v.ether.stats().losses).toBeLessThan(240);
    expect(v.ether.stats().losses + v.ether.stats().heard).toBe(1000);
  });

  test("destroys both of two frames that meet at a radio whose senders can't hear each other", async () => {
    await using v = village(star(2));
    for (let id = 1; id <= 50; id++) {
      v.say(1, id);
      v.say(2, id + 1000);
      await v.clock.advance(20_000);
    }
    const { collisions, frames } = v.ether.stats();
    expect(frames).toBe(100);
    expect(collisions).toBeGreaterThan(60);
    expect(collisions % 2).toBe(0);
    expect(counts(v.heard)[0]).toBe(100 - collisions);
  });

  test("keeps radios that hear each other out of each other's way, but not always", async () => {
    await using v = village(fullMesh(3));
    for (let id = 1; id <= 200; id++) {
      v.say(1, id);
      v.say(2, id + 1000);
      await v.clock.advance(20_000);
    }
    const { collisions, deaf, heard } = v.ether.stats();
    expect(heard).toBeGreaterThan(600);
    expect(collisions).toBeGreaterThan(0);
    expect(deaf).toBe(collisions);
  });

  test("has a queue of sixteen for each radio, and counts what finds no room", async () => {
    await using v = village(line(2));
    const kinds = Array.from({ length: 20 }, (_, id) => v.say(0, id + 1).kind);
    expect(kinds.filter((kind) => kind === "queued")).toHaveLength(16);
    expect(kinds.filter((kind) => kind === "full")).toHaveLength(4);
    expect(v.ether.stats().dropped).toBe(4);
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 16]);
  });

  test("refuses what does not fit a frame", async () => {
    await using v = village(line(2));
    expect(v.say(0, 1, { payload: new Uint8Array(231) }).kind).toBe("queued");
    expect(v.say(0, 2, { payload: new Uint8Array(232) }).kind).toBe("too-large");
  });

  test("stops a radio that has used up its tenth of the hour, relays included, until the hour has slid on", async () => {
    await using v = village(line(3), "duty", "LongFast");
    const [first, second] = [v.ether.radio(nodeNumber(0)), v.ether.radio(nodeNumber(1))];
    first.limitDutyCycle(0.1);
    second.limitDutyCycle(0.1);
    let sent = 0;
    let refusal: Admission | undefined;
    while (refusal === undefined && sent < 400) {
      const admission = v.say(0, sent + 1, { hopLimit: 1 });
      if (admission.kind === "queued") sent++;
      else if (admission.kind === "duty-cycle") refusal = admission;
      await v.clock.advance(5000);
    }
    // A tenth of 3600 s in frames of 1.9 s; the last are taken before the one that crosses the line is on the air.
    const frames = Math.ceil(360e6 / payloadAirtimeUs(200, PRESETS.LongFast));
    expect(sent).toBeGreaterThanOrEqual(frames);
    expect(sent).toBeLessThanOrEqual(frames + 2);
    expect(refusal).toMatchObject({ kind: "duty-cycle" });
    const minutes = refusal?.kind === "duty-cycle" ? refusal.minutes : 0;
    expect(minutes).toBeGreaterThan(40);
    expect(v.ether.stats().nodes.get(nodeNumber(1))?.airtimeUs).toBeLessThan(363e6);
    await v.clock.advance(minutes * 60_000);
    expect(v.say(0, 9999).kind).toBe("queued");
  });

  test("forgets all when a radio is switched off, and goes on when it is on again", async () => {
    await using v = village(line(3));
    v.say(0, 1, { hopLimit: 3 });
    v.ether.radio(nodeNumber(1)).power(false);
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 0, 0]);
    v.ether.radio(nodeNumber(1)).power(true);
    v.say(0, 2, { hopLimit: 3 });
    await v.clock.advance(60_000);
    expect(counts(v.heard)).toEqual([0, 1, 1]);
  });

  test("can be cut and mended while it runs", async () => {
    await using v = village(line(2));
    v.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 1 });
    v.say(0, 1);
    await v.clock.advance(10_000);
    v.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 0 });
    v.say(0, 2);
    await v.clock.advance(10_000);
    expect(v.heard[1]?.map(({ frame }) => frame.id)).toEqual([2]);
  });

  test("is the same again from the same seed, and another from another", async () => {
    const run = async (seed: string): Promise<string> => {
      await using v = village(fullMesh(6, 0.1), seed);
      const random = seededRandom("traffic");
      for (let id = 1; id <= 60; id++) {
        const [who = 0, pause = 0] = random.bytes(2);
        v.say(who % 6, id, { hopLimit: 3 });
        await v.clock.advance(pause * 20);
      }
      await v.clock.advance(60_000);
      return JSON.stringify([v.ether.stats(), counts(v.heard), v.heard.flat().map(({ frame }) => frame.id)]);
    };
    expect(await run("a")).toBe(await run("a"));
    expect(await run("a")).not.toBe(await run("b"));
  });

  test("leaves nothing behind when it is closed in the middle", async () => {
    const v = village(fullMesh(4));
    for (let id = 1; id <= 10; id++) v.say(id % 4, id, { hopLimit: 3 });
    await v.clock.advance(300);
    await v[Symbol.asyncDispose]();
    await v.clock.advance(1);
    expect(v.clock.sleeping).toBe(0);
  });
});
