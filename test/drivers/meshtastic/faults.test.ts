/** Each way in which a radio, its line, or another client of it can go wrong, against a scripted radio. */
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openMeshtasticModem } from "../../../src/drivers/meshtastic/modem.ts";
import { BROADCAST, PRIVATE_APP, type Modem, type RadioPacket, type SendOutcome } from "../../../src/ports/modem.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { keepingLog, type LogLine } from "../../fakes/log.ts";
import { eventually } from "../../fakes/modem-rigs.ts";
import { OTHER_NUMBER, OWN_NUMBER, packetWords, routingWords, ScriptedRadio } from "../../fakes/scripted-radio.ts";

describe("a modem with a radio that misbehaves", () => {
  let clock: VirtualClock;
  let radio: ScriptedRadio;
  let modem: Modem;
  let lines: LogLine[];
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    // A moment of real time at each step, for the bytes to cross the socket; as long as it takes for a connection.
    clock = new VirtualClock({
      settle: async () => {
        do await pause(1);
        while (modem.state().kind === "connecting");
      },
    });
    radio = await ScriptedRadio.open();
    lines = [];
    stop = new AbortController();
    modem = openMeshtasticModem(radio.uri, { clock, random: seededRandom(1), log: keepingLog(lines) });
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await radio[Symbol.asyncDispose]();
    expect(clock.sleeping).toBe(0);
  });

  const start = (): void => {
    running = modem.run(stop.signal);
  };
  const isReady = (): boolean => modem.state().kind === "ready";
  const ready = async (): Promise<void> => {
    start();
    await eventually(isReady, "ready");
  };
  const send = (payload = Uint8Array.of(1), hopLimit = 3): Promise<SendOutcome> =>
    modem.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit }, stop.signal);
  const count = (name: string): number => modem.counters()[name] ?? 0;
  const heardUntil = async (last: number): Promise<RadioPacket[]> => {
    const packets: RadioPacket[] = [];
    do packets.push((await modem.receive(stop.signal)) ?? expect.fail("stopped"));
    while (packets.at(-1)?.payload[0] !== last);
    return packets;
  };

  test("the least of devices, which says its number and no more, is enough", async () => {
    await ready();
    expect(modem.state()).toEqual({
      kind: "ready",
      settings: { nodeNumber: OWN_NUMBER, preset: undefined, region: undefined, firmware: undefined },
    });
    expect(await send()).toEqual({ kind: "taken" });
    expect(await send()).toEqual({ kind: "taken" });
    // Not a moment of the clock has passed: no fixed pause stands in the handshake.
    expect(clock.monotonicMs()).toBe(0);
  });

  test("waits for its own nonce, and asks again with the same one after five seconds of silence", async () => {
    radio.configuration = () => [
      { case: "myInfo", value: { myNodeNum: OWN_NUMBER } },
      { case: "configCompleteId", value: 4711 },
    ];
    start();
    await clock.advance(4000);
    expect(radio.nonces).toHaveLength(1);
    await clock.advance(4000);
    expect(radio.nonces).toHaveLength(2);
    expect(new Set(radio.nonces).size).toBe(1);
    expect(modem.state().kind).toBe("configuring");
    radio.say({ case: "configCompleteId", value: radio.nonces[0] ?? 0 });
    await eventually(isReady, "ready");
  });

  test("a long list of nodes is no silence: it is not asked again meanwhile", async () => {
    radio.configuration = () => [{ case: "myInfo", value: { myNodeNum: OWN_NUMBER } }];
    start();
    for (let i = 0; i < 20; i++) {
      await clock.advance(2000);
      radio.say({ case: "nodeInfo", value: { num: i + 1 } });
    }
    expect(radio.nonces).toHaveLength(1);
  });

  test("gives up a device that never tells its number", async () => {
    radio.configuration = (nonce) => [{ case: "configCompleteId", value: nonce }];
    start();
    expect(await clock.runUntil(() => modem.state().kind === "down", 100_000)).toBe(true);
    expect(modem.state()).toMatchObject({ reason: "the device does not answer as a Meshtastic radio" });
    await clock.runUntil(() => radio.connections > 1, 5000);
    expect(radio.connections).toBe(2);
  });

  test("passes on every packet, whatever stands in it, and is never stuck (client library fault 1)", async () => {
    await ready();
    const random = seededRandom("payloads");
    const payloads = Array.from({ length: 90 }, (_, i) => {
      const payload = random.bytes(200);
      payload.set([0x94, 0xc3], i);
      payload[0] = i === 89 ? 255 : i;
      return payload;
    });
    for (const payload of payloads) radio.say(packetWords({ payload }));
    const packets = await heardUntil(255);
    expect(packets.map(({ payload }) => [...payload])).toEqual(payloads.map((payload) => [...payload]));
    expect(count("resyncs")).toBe(0);
  });

  test("a send is done when the radio has it, and waits for no acknowledgement (fault 2)", async () => {
    await ready();
    expect(await send()).toEqual({ kind: "taken" });
    expect(clock.monotonicMs()).toBe(0);
    await eventually(() => radio.packets.length === 1, "one packet");
    expect(radio.packets[0]).toMatchObject({ wantAck: false, hopLimit: 3, channel: 0, to: BROADCAST });
  });

  test("asks for an acknowledgement where a packet says so, and takes its absence for no refusal", async () => {
    await ready();
    const text = {
      to: OTHER_NUMBER,
      port: 1,
      payload: Uint8Array.of(0x68, 0x69),
      hopLimit: 3,
      wantAck: true,
      channel: 2,
    };
    expect(await modem.send(text, new AbortController().signal)).toEqual({ kind: "taken" });
    await eventually(() => radio.packets.length === 1, "one packet");
    expect(radio.packets[0]).toMatchObject({ wantAck: true, hopLimit: 3, channel: 2, to: OTHER_NUMBER });
    radio.say(routingWords(OWN_NUMBER, radio.packets[0]?.id ?? 0, 5));
    await eventually(() => count("radio_acks_ignored") === 1, "the word of the radio");
    expect(count("radio_refusals")).toBe(0);
  });

  test("acknowledgements, implicit ones too, are evidence of nothing and go nowhere (fault 3)", async () => {
    await ready();
    await send();
    await eventually(() => radio.packets.length === 1, "one packet");
    const id = radio.packets[0]?.id ?? 0;
    radio.say(
      routingWords(OWN_NUMBER, id, 0),
      routingWords(OTHER_NUMBER, id, 0),
      routingWords(OTHER_NUMBER, id, 9),
      packetWords({ payload: Uint8Array.of(77) }),
    );
    expect(await heardUntil(77)).toHaveLength(1);
    expect(count("radio_acks_ignored")).toBe(3);
    expect(count("radio_refusals")).toBe(0);
    expect(await send()).toEqual({ kind: "taken" });
  });

  test("a socket that dies in the middle stops nothing: busy, then back again (fault 4)", async () => {
    await ready();
    radio.hangUp();
    await eventually(() => modem.state().kind === "down", "down");
    expect((await send()).kind).toBe("busy");
    await clock.runUntil(isReady, 60_000);
    expect(await send()).toEqual({ kind: "taken" });
    expect(count("reconnects")).toBe(1);
  });

  test("the hop limit is always the one that was asked for, 0 included", async () => {
    await ready();
    await send(Uint8Array.of(1), 0);
    await send(Uint8Array.of(1), 7);
    await eventually(() => radio.packets.length === 2, "two packets");
    expect(radio.packets.map(({ hopLimit }) => hopLimit)).toEqual([0, 7]);
  });

  test("holds back for the minutes that the radio names when the hour is used up", async () => {
    await ready();
    await send();
    await eventually(() => radio.packets.length === 1, "one packet");
    radio.say(
      {
        case: "clientNotification",
        value: { message: "Duty cycle limit exceeded. You can send again in 50 mins" },
      },
      routingWords(OWN_NUMBER, radio.packets[0]?.id ?? 0, 9),
    );
    await eventually(() => count("duty_cycle_holds") === 1, "the refusal");
    expect(await send()).toEqual({ kind: "duty-cycle", waitMs: 50 * 60_000 });
    await clock.advance(49 * 60_000);
    expect((await send()).kind).toBe("duty-cycle");
    await clock.advance(61_000);
    expect(await send()).toEqual({ kind: "taken" });
  });

  test("holds back for five minutes when the radio names none, and only for packets of ours", async () => {
    await ready();
    await send();
    await eventually(() => radio.packets.length === 1, "one packet");
    radio.say(routingWords(OWN_NUMBER, 12_345, 9));
    await eventually(() => count("radio_acks_ignored") === 1, "a stranger's refusal");
    expect(await send()).toEqual({ kind: "taken" });
    radio.say(routingWords(0, radio.packets[0]?.id ?? 0, 9));
    await eventually(() => count("duty_cycle_holds") === 1, "the refusal");
    expect(await send()).toEqual({ kind: "duty-cycle", waitMs: 5 * 60_000 });
  });

  test("is busy while the radio's queue is full, until there is room or the news is old", async () => {
    await ready();
    const status = async (res: number, free: number): Promise<void> => {
      const before = count("frames_in");
      radio.say({ case: "queueStatus", value: { res, free, maxlen: 16 } });
      await eventually(() => count("frames_in") > before, "status");
    };
    await status(32, 0);
    expect(await send()).toEqual({ kind: "busy", reason: "the radio's queue is full" });
    await status(0, 1);
    expect(await send()).toEqual({ kind: "taken" });
    expect((await send()).kind).toBe("busy");
    await clock.advance(10_000);
    expect(await send()).toEqual({ kind: "taken" });
    expect(count("queue_refusals")).toBe(1);
  });

  test("keeps the link alive with heartbeats", async () => {
    await ready();
    await clock.advance(10 * 60_000);
    expect(radio.heartbeats).toBeGreaterThanOrEqual(19);
    expect(radio.heartbeats).toBeLessThanOrEqual(20);
    expect(radio.connections).toBe(1);
    expect(radio.nonces).toHaveLength(1);
  });

  test("notices a radio that died silently, and connects again", async () => {
    await ready();
    radio.answersHeartbeats = false;
    const configuration = radio.configuration;
    radio.configuration = () => [];
    expect(await clock.runUntil(() => !isReady(), 120_000)).toBe(true);
    expect(modem.state()).toMatchObject({ kind: "down", reason: "the radio fell silent" });
    expect(clock.monotonicMs()).toBeLessThanOrEqual(105_000);
    radio.configuration = configuration;
    await clock.runUntil(isReady, 60_000);
    expect(radio.connections).toBe(2);
  });

  test("does not mistake a device for dead that merely does not know heartbeats", async () => {
    await ready();
    radio.answersHeartbeats = false;
    await clock.advance(10 * 60_000);
    expect(radio.connections).toBe(1);
    expect(isReady()).toBe(true);
  });

  test("asks for the configuration anew when the radio says that it has restarted", async () => {
    await ready();
    radio.configuration = (nonce) => [
      { case: "myInfo", value: { myNodeNum: OWN_NUMBER } },
      { case: "metadata", value: { firmwareVersion: "2.7.99" } },
      { case: "configCompleteId", value: nonce },
    ];
    radio.say({ case: "rebooted", value: true });
    await eventually(() => radio.nonces.length === 2 && isReady(), "configured again");
    expect(modem.state()).toMatchObject({ settings: { firmware: "2.7.99" } });
    expect(count("reboots")).toBe(1);
    expect(radio.connections).toBe(1);
  });

  test("lives through garbage of every kind, and counts it", async () => {
    await ready();
    const random = seededRandom("garbage");
    for (let i = 0; i < 50; i++) radio.sayBytes(random.bytes(1000));
    for (let i = 0; i < 50; i++) radio.sayBytes(Uint8Array.of(0x94, 0xc3, 0, 9, ...random.bytes(9)));
    radio.sayBytes(Uint8Array.of(0x94, 0xc3, 0xff, 0xff));
    for (let i = 0; i < 20; i++) radio.say(packetWords({ payload: new Uint8Array(100) }));
    radio.say(packetWords({ payload: Uint8Array.of(42) }));
    await heardUntil(42);
    expect(count("bad_frames")).toBeGreaterThan(10);
    expect(count("resyncs")).toBeGreaterThan(0);
    expect(count("noise_bytes")).toBeGreaterThan(1000);
    expect(isReady()).toBe(true);
  });

  test("drops our own packets when the radio hands them back, and those it could not decrypt", async () => {
    await ready();
    radio.say(
      packetWords({ from: OWN_NUMBER, payload: Uint8Array.of(1) }),
      {
        case: "packet",
        value: { from: OTHER_NUMBER, payloadVariant: { case: "encrypted", value: Uint8Array.of(1) } },
      },
      packetWords({ payload: Uint8Array.of(42) }),
    );
    expect(await heardUntil(42)).toHaveLength(1);
    expect(count("own_packets")).toBe(1);
    expect(count("undecoded_packets")).toBe(1);
  });

  test("reports the channel's use as our own radio measures it, not as a neighbour's does", async () => {
    await ready();
    const metrics = { channelUtilization: 25, airUtilTx: 5 };
    radio.say(
      { case: "nodeInfo", value: { num: OTHER_NUMBER, deviceMetrics: { channelUtilization: 99 } } },
      { case: "nodeInfo", value: { num: OWN_NUMBER, deviceMetrics: metrics } },
      packetWords({ payload: Uint8Array.of(42) }),
    );
    await heardUntil(42);
    expect(modem.channelUse()).toEqual({ channelUtilization: 0.25, airUtilTx: 0.05 });
  });

  test("warns when the radio has no region and so stays silent", async () => {
    radio.configuration = (nonce) => [
      { case: "myInfo", value: { myNodeNum: OWN_NUMBER } },
      { case: "config", value: { payloadVariant: { case: "lora", value: { usePreset: true } } } },
      { case: "configCompleteId", value: nonce },
    ];
    await ready();
    const warnings = lines.filter(({ level }) => level === "warn").map(({ sentence }) => sentence);
    expect(warnings).toEqual([
      "the radio has no region set and will stay silent",
      "the radio's transmitter is switched off",
    ]);
  });

  test("waits longer from try to try, at most half a minute, and complains once", async () => {
    await radio[Symbol.asyncDispose]();
    start();
    const waits: number[] = [];
    let last = modem.state();
    await clock.runUntil(() => {
      const state = modem.state();
      if (state !== last && state.kind === "down") waits.push(state.retryInMs);
      last = state;
      return waits.length === 12;
    }, 600_000);
    expect(waits[0]).toBeLessThanOrEqual(500);
    expect(waits[0]).toBeGreaterThanOrEqual(250);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(Math.min(...waits.slice(7))).toBeGreaterThanOrEqual(15_000);
    const state = modem.state();
    expect(state.kind === "down" && state.reason).toContain("nothing answers at");
    expect(lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("says goodbye when it is told to stop", async () => {
    await ready();
    stop.abort();
    await running;
    await eventually(() => radio.open === 0, "closed");
    expect(radio.heard.at(-1)?.case).toBe("disconnect");
  });
});
