import { describe, expect, test } from "vitest";
import { payloadAirtimeUs, PRESETS } from "../../src/radio/airtime.ts";
import { sendByWantAck, type WantAckOptions, type WantAckReport } from "../../src/sim/want-ack.ts";

const modulation = PRESETS.LongFast;

function send(options: Partial<WantAckOptions>): Promise<WantAckReport> {
  return sendByWantAck({
    packets: 5,
    payloadBytes: 231,
    receivers: 1,
    lossRatio: 0.3,
    seed: 1,
    modulation,
    ...options,
  });
}

describe("a file by Meshtastic's want_ack", () => {
  test("costs each packet and its acknowledgement once for each receiver where nothing is lost", async () => {
    const report = await send({ receivers: 3, lossRatio: 0 });
    expect(report).toMatchObject({ submitted: 15, frames: 30, failures: 0, implicit: 0, complete: true });
    expect(report.airtimeUs).toBeGreaterThan(15 * payloadAirtimeUs(231, modulation));
    expect(report.airtimeUs).toBeLessThan(15 * payloadAirtimeUs(231, modulation) * 1.25);
  });

  test("costs what chance says where three in ten are lost, and is complete for all that", async () => {
    const report = await send({ receivers: 20 });
    expect(report.complete).toBe(true);
    // A packet goes through in 0.7 of the sends, and its acknowledgement in 0.7 of those.
    const perPacketUs = payloadAirtimeUs(231, modulation) / 0.49 + payloadAirtimeUs(6, modulation) / 0.7;
    expect(report.airtimeUs / (100 * perPacketUs)).toBeGreaterThan(0.8);
    expect(report.airtimeUs / (100 * perPacketUs)).toBeLessThan(1.25);
    expect(report.falseFailures).toBeGreaterThan(0);
  });

  test("costs more still where receivers relay, as they do by default in a real village", async () => {
    const [kind, real] = [await send({ receivers: 10 }), await send({ receivers: 10, relays: true })];
    expect(real.implicit).toBeGreaterThan(0);
    expect(real.complete && real.airtimeUs > kind.airtimeUs).toBe(true);
  });

  test("gives up in the end on a receiver that is never reached", async () => {
    const report = await send({ packets: 1, losesBy: () => true });
    expect(report).toMatchObject({ complete: false, submitted: 200, failures: 200 });
  });
});
