import { describe, expect, test } from "vitest";
import { dutyCycleMinutes, packetFault, SendGate } from "../../../src/drivers/meshtastic/outgoing.ts";
import { BROADCAST, PRIVATE_APP, type OutgoingPacket } from "../../../src/ports/modem.ts";

describe("a packet for the air", () => {
  const packet: OutgoingPacket = { to: BROADCAST, port: PRIVATE_APP, payload: new Uint8Array(231), hopLimit: 3 };

  test("is well formed up to the limits, and has a fault beyond them", () => {
    expect(packetFault(packet)).toBeUndefined();
    expect(packetFault({ ...packet, payload: new Uint8Array(232) })).toBe("payload above 231 bytes");
    expect(packetFault({ ...packet, payload: new Uint8Array(0) })).toBe("empty payload");
    expect(packetFault({ ...packet, port: 0 })).toBe("port outside 1 to 511");
    expect(packetFault({ ...packet, hopLimit: 1.5 })).toBe("hop limit outside 0 to 7");
    expect(packetFault({ ...packet, hopLimit: -1 })).toBe("hop limit outside 0 to 7");
    expect(packetFault({ ...packet, to: 2 ** 32 })).toBe("no such node number");
    expect(packetFault({ ...packet, channel: 8 })).toBe("no such channel");
    expect(packetFault({ ...packet, wantAck: true })).toBe("an acknowledgement by all");
    expect(packetFault({ ...packet, to: 7, wantAck: true, channel: 7 })).toBeUndefined();
  });
});

describe("the radio's notice about the duty cycle", () => {
  test("names its minutes, or stands for five", () => {
    expect(dutyCycleMinutes("Duty cycle limit exceeded. You can send again in 50 mins")).toBe(50);
    expect(dutyCycleMinutes("Duty cycle limit exceeded.")).toBe(5);
    expect(dutyCycleMinutes("Low battery, 50 mins left")).toBeUndefined();
  });
});

describe("the gate before the radio", () => {
  test("opens after an hour at the latest, whatever the radio says", () => {
    const gate = new SendGate();
    gate.hold(0, 9999);
    expect(gate.verdict(0)).toEqual({ kind: "duty-cycle", waitMs: 3_600_000 });
    expect(gate.verdict(3_600_000)).toBeUndefined();
  });

  test("waits a minute at least, also when the radio's minutes are rounded down to none", () => {
    const gate = new SendGate();
    gate.hold(0);
    gate.hold(0, 0);
    expect(gate.verdict(59_999)).toEqual({ kind: "duty-cycle", waitMs: 1 });
    expect(gate.verdict(60_000)).toBeUndefined();
  });

  test("keeps the named wait when bare refusals follow", () => {
    const gate = new SendGate();
    gate.hold(0, 10);
    gate.hold(60_000);
    expect(gate.verdict(60_000)).toEqual({ kind: "duty-cycle", waitMs: 9 * 60_000 });
  });

  test("counts down the free places that the radio reported", () => {
    const gate = new SendGate();
    gate.queueIs(2, 0);
    gate.sent(1);
    expect(gate.verdict(0)).toBeUndefined();
    gate.sent(2);
    expect(gate.verdict(0)).toMatchObject({ kind: "busy" });
    gate.forgetQueue();
    expect(gate.verdict(0)).toBeUndefined();
  });

  test("remembers the latest 64 ids", () => {
    const gate = new SendGate();
    for (let id = 1; id <= 65; id++) gate.sent(id);
    expect(gate.isOurs(1)).toBe(false);
    expect(gate.isOurs(2)).toBe(true);
    expect(gate.isOurs(65)).toBe(true);
  });
});
