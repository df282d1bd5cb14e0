/** When the radio last gave a packet. */
import { expect, test } from "vitest";
import { rememberingLastHeard } from "../../src/desk/last-heard.ts";
import { PRIVATE_APP } from "../../src/ports/modem.ts";
import { FakeClock } from "../fakes/clock.ts";
import { FakeModem } from "../fakes/modem.ts";

const PACKET = {
  from: 9,
  to: 0xffff_ffff,
  id: 1,
  port: PRIVATE_APP,
  payload: Uint8Array.of(1),
  hopsTaken: 0,
  rssiDbm: undefined,
  snrDb: undefined,
};

test("the time since the latest packet is known, and nothing before the first", async () => {
  const clock = new FakeClock();
  const device = new FakeModem(clock);
  const modem = rememberingLastHeard(device, clock);
  const { signal } = new AbortController();
  expect(modem.heardMsAgo()).toBeUndefined();
  device.hear(PACKET);
  expect(await modem.receive(signal)).toEqual(PACKET);
  await clock.advance(7_000);
  expect(modem.heardMsAgo()).toBe(7_000);
  expect(await modem.receive(AbortSignal.abort())).toBeUndefined();
  expect(modem.heardMsAgo()).toBe(7_000);
});

test("all else is the radio's own", async () => {
  const clock = new FakeClock();
  const device = new FakeModem(clock);
  const modem = rememberingLastHeard(device, clock);
  expect(modem.uri).toBe("fake:");
  expect(modem.state()).toBe(device.current);
  expect(modem.channelUse()).toBe(device.use);
  expect(modem.counters()).toEqual(device.counters());
  const packet = { to: 1, port: PRIVATE_APP, payload: Uint8Array.of(2), hopLimit: 0 };
  expect(await modem.send(packet, new AbortController().signal)).toEqual({ kind: "taken" });
  expect(device.sent).toHaveLength(1);
});
