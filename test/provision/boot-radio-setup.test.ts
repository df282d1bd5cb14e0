import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { meshtasticSetup } from "../../src/drivers/meshtastic/setup.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { RadioChanges, RadioSettings, RadioSetup } from "../../src/ports/radio-setup.ts";
import type { ChannelSetup } from "../../src/provision/channel-url.ts";
import { changesFor, differences, setRadio, type RadioOrder, warningsOn } from "../../src/provision/radio-setup.ts";
import type { Ether } from "../../src/sim/ether.ts";
import { openRadioDevice, type RadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { openPair } from "../fakes/modem-rigs.ts";

const never = new AbortController().signal;
const SECRET = { name: "village", psk: Uint8Array.from({ length: 32 }, (_, i) => i) };
const OTHER = { name: "chat", psk: Uint8Array.of(1) };
const FACTORY: RadioSettings = {
  nodeNumber: 7,
  firmware: "2.7.26.54e0d8d",
  managed: false,
  longName: "Meshtastic 0007",
  shortName: "0007",
  role: "CLIENT",
  region: "UNSET",
  preset: "LongFast",
  hopLimit: 3,
  txEnabled: false,
  overrideDutyCycle: false,
  slot: 0,
  channels: [{ name: "", psk: Uint8Array.of(1) }, ...Array.from({ length: 7 }, () => undefined)],
};

function setup(changes: Partial<ChannelSetup> = {}): ChannelSetup {
  return { channels: [SECRET], adds: false, modem: undefined, ...changes };
}

/** A radio in memory, which takes what the test lets it take. */
function radioLike(settings: RadioSettings, take = (changes: RadioChanges): RadioChanges => changes) {
  const writes: RadioChanges[] = [];
  let now = settings;
  const radio: RadioSetup = {
    read: async () => now,
    write: async (_uri, changes) => {
      writes.push(changes);
      now = { ...now, ...take(changes) };
    },
    find: async () => [],
  };
  return { ...radio, writes };
}

async function order(radio: RadioSetup, wanted: RadioOrder) {
  const clock = new VirtualClock();
  const done = setRadio({ radio, clock }, "tcp://radio", wanted, () => undefined, never);
  done.catch(() => undefined);
  await clock.runUntil(
    done.catch(() => undefined),
    600_000,
  );
  return done;
}

describe("a radio under orders", () => {
  test("is written once, and then never again for the same order", async () => {
    const radio = radioLike(FACTORY);
    const wanted = { region: "EU_868", preset: "ShortFast", name: "clinic", channels: setup() };
    const { changed, settings } = await order(radio, wanted);
    expect(changed.map(({ setting }) => setting)).toEqual(["region", "preset", "transmitter", "name", "channel 0"]);
    expect(JSON.stringify(changed)).not.toMatch(/0,1,2,3|AAECAw/);
    expect(settings).toMatchObject({ region: "EU_868", preset: "ShortFast", txEnabled: true, longName: "clinic" });
    expect(await order(radio, wanted)).toEqual({ settings, changed: [] });
    expect(radio.writes).toHaveLength(1);
  });

  test("is tried twice, and then said to refuse, by name of what it keeps", async () => {
    const stubborn = radioLike(FACTORY, ({ region = "UNSET", ...rest }) => ({ region, ...rest, preset: "LongFast" }));
    await expect(order(stubborn, { region: "US", preset: "ShortFast" })).rejects.toMatchObject({
      code: "RADIO_REFUSED",
      message: expect.stringContaining("preset LongFast instead of ShortFast"),
    });
    expect(stubborn.writes).toHaveLength(2);
  });

  test("that loses one write is written again", async () => {
    let lost = true;
    const radio = radioLike(FACTORY, (changes) => (lost ? ((lost = false), {}) : changes));
    expect((await order(radio, { region: "US" })).settings.region).toBe("US");
    expect(radio.writes).toHaveLength(2);
  });

  test("may be away for a while after a write, and not for ever", async () => {
    const radio = radioLike(FACTORY);
    let away = 0;
    const absent = new AgentError("RADIO_ABSENT", "nothing there");
    const slow: RadioSetup = {
      ...radio,
      read: async () => {
        if (radio.writes.length > 0 && away++ < 5) throw absent;
        return radio.read("", never);
      },
    };
    expect((await order(slow, { region: "US" })).settings.region).toBe("US");
    const dead = radioLike(FACTORY);
    const gone: RadioSetup = { ...dead, read: async () => (dead.writes.length > 0 ? Promise.reject(absent) : FACTORY) };
    await expect(order(gone, { region: "US" })).rejects.toMatchObject({ code: "RADIO_LOST" });
  });

  test.each([
    ["RADIO_OLD", { firmware: "2.4.3.91d6612" }],
    ["RADIO_OLD", { firmware: "" }],
    ["RADIO_OLD", { firmware: "1.3.44" }],
    ["RADIO_MANAGED", { managed: true }],
  ])("is refused before a write: %s", async (code, changes) => {
    const radio = radioLike({ ...FACTORY, ...changes });
    await expect(order(radio, { region: "US" })).rejects.toMatchObject({ code });
    expect(radio.writes).toEqual([]);
  });

  test("is refused when the address of the channels speaks of another radio than the order", async () => {
    const radio = radioLike(FACTORY);
    const modem = { region: "US", preset: "LongFast", hopLimit: 3, slot: 0 };
    const conflict = { code: "CHANNEL_CONFLICT" };
    await expect(order(radio, { region: "EU_868", channels: setup({ modem }) })).rejects.toMatchObject(conflict);
    await expect(order(radio, { preset: "ShortFast", channels: setup({ modem }) })).rejects.toMatchObject(conflict);
    const byHand = setup({ modem: { ...modem, preset: "" } });
    await expect(order(radio, { channels: byHand })).rejects.toMatchObject(conflict);
    expect(radio.writes).toEqual([]);
    expect((await order(radio, { region: "US", channels: setup({ modem }) })).settings.region).toBe("US");
  });

  test("keeps a role that relays, and loses one that does not", () => {
    const roleFor = (role: string) => changesFor({}, { ...FACTORY, role }).role;
    expect([roleFor("CLIENT"), roleFor("ROUTER")]).toEqual([undefined, undefined]);
    expect([roleFor("CLIENT_MUTE"), roleFor("TRACKER")]).toEqual(["CLIENT", "CLIENT"]);
  });

  test("gets a channel beside its own, once, and only where one is free", () => {
    const added = changesFor({ channels: setup({ adds: true }) }, FACTORY).channels ?? [];
    expect(added.slice(0, 3)).toEqual([FACTORY.channels[0], SECRET, undefined]);
    const now = { ...FACTORY, channels: added };
    expect(differences(now, changesFor({ channels: setup({ adds: true }) }, now))).toEqual([]);
    const full = { ...FACTORY, channels: Array.from({ length: 8 }, () => OTHER) };
    expect(() => changesFor({ channels: setup({ adds: true }) }, full)).toThrow("no channel free");
  });

  test("loses the channels that the address does not name", () => {
    const now = { ...FACTORY, channels: [OTHER, SECRET, OTHER] };
    const wanted = differences(now, changesFor({ channels: setup() }, now));
    expect(wanted.map(({ setting, to }) => `${setting}: ${to}`)).toEqual([
      expect.stringMatching(/^channel 0: village \(key [0-9a-f]{8}\)$/),
      "channel 1: none",
      "channel 2: none",
    ]);
  });

  test("is warned of", () => {
    expect(warningsOn(FACTORY, 0)).toHaveLength(2);
    expect(warningsOn({ ...FACTORY, region: "US", txEnabled: true, channels: [SECRET] }, 0)).toEqual([]);
    expect(warningsOn({ ...FACTORY, region: "US", channels: [SECRET] }, 1)).toHaveLength(2);
    expect(
      warningsOn({ ...FACTORY, region: "US", txEnabled: true, channels: [{ name: "", psk: new Uint8Array() }] }, 0),
    ).toHaveLength(1);
  });
});

describe("a simulated radio under orders", () => {
  let clock: VirtualClock;
  let ether: Ether;
  let device: RadioDevice;

  beforeEach(async () => {
    clock = new VirtualClock({ settle: () => pause(1) });
    ether = openPair(clock);
    const own = { ether, nodeNumber: nodeNumber(0), clock, random: seededRandom("device") };
    device = await openRadioDevice({ ...own, region: "UNSET", preset: "LongFast" });
  });

  afterEach(async () => {
    await device[Symbol.asyncDispose]();
    await ether[Symbol.asyncDispose]();
  });

  test("restarts once, is as ordered, and does not restart for the same order", async () => {
    const radio = meshtasticSetup({ clock, random: seededRandom("setup") });
    const wanted = {
      region: "EU_868",
      preset: "ShortFast",
      name: "clinic",
      channels: setup({ channels: [SECRET, OTHER] }),
    };
    const run = async () => {
      const done = { yet: false };
      const outcome = setRadio({ radio, clock }, device.uri, wanted, () => undefined, never);
      outcome.finally(() => (done.yet = true)).catch(() => undefined);
      for (let i = 0; i < 4_000 && !done.yet; i++) await clock.advance(50);
      return outcome;
    };
    const first = await run();
    expect(first.changed.length).toBeGreaterThan(0);
    expect(first.settings).toMatchObject({ region: "EU_868", preset: "ShortFast", longName: "clinic" });
    expect(device.flash.commits).toBe(1);
    const second = await run();
    expect(second).toEqual({ settings: first.settings, changed: [] });
    expect(device.flash.commits).toBe(1);
  });
});
