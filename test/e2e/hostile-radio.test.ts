/** A real agent beside a radio that goes mad, or away: it stays up, answers people, says what is wrong, and recovers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/drivers/clock.ts";
import { frame } from "../../src/drivers/meshtastic/framing.ts";
import type { StatusReport } from "../../src/kernel/reports.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { openRadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { encodeMessage } from "../../src/wire/codec.ts";
import { fromRadio, packetWords, ScriptedRadio } from "../fakes/scripted-radio.ts";
import { eventually, residentBytes, startAgent, type AgentProcess } from "./agent-process.ts";
import { beaconOf } from "../fakes/beacon.ts";
import { concatBytes } from "../../src/kernel/bytes.ts";

const random = seededRandom("hostile radio");
const MIB = 1_048_576;

async function start(uri: string): Promise<AgentProcess> {
  const agent = await startAgent({
    env: { CAYE_RADIO_MODEM: uri },
    command: [process.execPath, "src/main.ts", "run"],
  });
  await agent.printed("caye is up", 30_000);
  return agent;
}

async function status({ state }: AgentProcess): Promise<StatusReport> {
  const { api }: { api: string } = JSON.parse(await readFile(join(state, "agent.json"), "utf8"));
  return JSON.parse(await (await fetch(`${api}/v1/status`)).text());
}

function linked(agent: AgentProcess, link: string): Promise<StatusReport> {
  return eventually(async () => {
    const report = await status(agent);
    return report.radio.link === link ? report : undefined;
  });
}

test(
  "a radio that floods it with all that it has costs neither its memory nor its answers",
  { timeout: 90_000 },
  async () => {
    await using radio = await ScriptedRadio.open();
    await using agent = await start(radio.uri);
    await linked(agent, "ready");
    const before = await residentBytes(agent.child.pid ?? 0);
    const packet = (payload: Uint8Array, from: number): Uint8Array => fromRadio(packetWords({ payload, from }));
    const floods: readonly ((i: number) => Uint8Array)[] = [
      () => random.bytes(512),
      () => new Uint8Array(512).fill(0x41),
      () => new Uint8Array(512).fill(0x94),
      () => frame(random.bytes(512)),
      () => fromRadio({ case: "rebooted", value: true }),
      () => fromRadio({ case: "clientNotification", value: { message: "\u001B[31mduty cycle\u202E" } }),
      (i) => packet(random.bytes(1 + (i % 231)), i),
      (i) => {
        const vector = Array.from({ length: 16 }, () => ({ author: random.bytes(8), count: 0xffff }));
        return packet(encodeMessage(beaconOf(random.bytes(8), vector)), i);
      },
      (i) => {
        const entry = Uint8Array.from([0, ...random.bytes(32), 0x61]);
        const bytes = concatBytes(Uint8Array.of(entry.length), entry);
        const update = { author: random.bytes(4), from: 1 + (i % 900), delta: 1, known: 0, slots: 3, slot: 0, bytes };
        return packet(encodeMessage({ type: "update", ...update }), i);
      },
      (i) =>
        packet(
          encodeMessage({
            type: "get",
            amount: { kind: "more", symbols: 255 },
            target: { kind: "prefix", prefix: random.bytes(8) },
          }),
          i,
        ),
    ];
    for (const flood of floods) {
      for (let i = 0; i < 3_000; i++) radio.sayBytes(flood(i));
      // Answered in the midst of it, by an agent that is alive and well.
      expect((await status(agent)).state).not.toBe("quarantine");
    }
    const report = await linked(agent, "ready");
    expect(report.counters["modem_bad_frames"]).toBeGreaterThan(0);
    expect(report.counters["exchange_packets_refused"]).toBeGreaterThan(0);
    expect(report.counters["shard_pending"]).toBeLessThan(10_000);
    expect((await residentBytes(agent.child.pid ?? 0)) - before).toBeLessThan(200 * MIB);
    expect(agent.output()).not.toMatch(/unhandled|TypeError|RangeError/i);
    for (const control of ["\u001B", "\u202E"]) expect(agent.output()).not.toContain(control);
    expect(agent.output().split("\n").length).toBeLessThan(2_000);
    expect(await agent.stop()).toBe(0);
  },
);

test(
  "a radio that is unplugged and plugged in again: the agent says so, stays up, and comes back",
  { timeout: 90_000 },
  async () => {
    const clock = systemClock();
    await using ether = openEther({ clock, random, modulation: PRESETS.LongFast, links: [] });
    const device = { ether, clock, random, region: "US", preset: "LongFast", nodeNumber: nodeNumber(0) };
    await using radio = await openRadioDevice(device);
    await using agent = await start(radio.uri);
    for (let pull = 0; pull < 2; pull++) {
      await linked(agent, "ready");
      await radio.unplug();
      const { radio: gone } = await linked(agent, "down");
      expect(gone.detail).not.toBe("");
      await radio.plug();
    }
    await linked(agent, "ready");
    expect(agent.output()).toContain("radio down");
    expect(await agent.stop()).toBe(0);
  },
);
