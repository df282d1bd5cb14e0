import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeFromRadio,
  disconnect,
  heartbeat,
  routingErrorName,
  sendPacket,
  wantConfig,
  type RadioEvent,
} from "../../../src/drivers/meshtastic/messages.ts";
import { presetName } from "../../../src/kernel/radio-names.ts";
import { fromHex, toHex } from "../../../src/kernel/bytes.ts";
import { BROADCAST, PRIVATE_APP } from "../../../src/ports/modem.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";

interface Vectors {
  readonly toRadio: readonly { readonly name: string; readonly hex: string }[];
  readonly fromRadio: readonly { readonly name: string; readonly hex: string; readonly event: unknown }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../vectors/meshtastic/messages.json", import.meta.url), "utf8"),
);

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? expect.fail(`not hex: ${hex}`);
}

/** As JSON has it: bytes in hex, and what is undefined left out. */
function plain(event: RadioEvent): unknown {
  return JSON.parse(JSON.stringify(event, (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)));
}

function eventOf(bytes: Uint8Array): RadioEvent {
  const message = decodeFromRadio(bytes);
  return message.ok ? message.value : expect.fail(message.reason);
}

function heard(packet: { hopStart: number; hopLimit: number; bitfield?: number }): RadioEvent {
  const { hopStart, hopLimit, bitfield } = packet;
  const data = { portnum: PRIVATE_APP, payload: Uint8Array.of(1), ...(bitfield === undefined ? {} : { bitfield }) };
  return eventOf(
    toBinary(
      Mesh.FromRadioSchema,
      create(Mesh.FromRadioSchema, {
        payloadVariant: {
          case: "packet",
          value: { from: 1, to: BROADCAST, hopStart, hopLimit, payloadVariant: { case: "decoded", value: data } },
        },
      }),
    ),
  );
}

function regionOf(region: number): string | undefined {
  const lora = { usePreset: true, modemPreset: 0, region };
  const config = { payloadVariant: { case: "lora", value: lora } } as const;
  const message = create(Mesh.FromRadioSchema, { payloadVariant: { case: "config", value: config } });
  const event = eventOf(toBinary(Mesh.FromRadioSchema, message));
  return event.kind === "lora" ? event.region : expect.fail(event.kind);
}

describe("messages to the radio", () => {
  const written: Record<string, Uint8Array> = {
    "want config, nonce 1": wantConfig(1),
    heartbeat: heartbeat(),
    disconnect: disconnect(),
    "data packet": sendPacket(
      { to: BROADCAST, port: PRIVATE_APP, payload: Uint8Array.of(1, 2, 3), hopLimit: 3 },
      0x1234_5678,
      0,
    ),
  };
  for (const { name, hex } of vectors.toRadio) {
    test(`are the golden bytes: ${name}`, () => {
      expect(toHex(written[name] ?? expect.fail(`no such message: ${name}`))).toBe(hex);
    });
  }
});

describe("messages of the radio", () => {
  for (const { name, hex, event } of vectors.fromRadio) {
    test(`are understood from the golden bytes: ${name}`, () => {
      expect(plain(eventOf(bytesOf(hex)))).toEqual(event);
    });
  }

  test("count relays only when the radio says enough", () => {
    const hops = (event: RadioEvent): number | undefined =>
      event.kind === "packet" ? event.packet.hopsTaken : expect.fail(event.kind);
    expect(hops(heard({ hopStart: 3, hopLimit: 3, bitfield: 1 }))).toBe(0);
    expect(hops(heard({ hopStart: 7, hopLimit: 0, bitfield: 1 }))).toBe(7);
    expect(hops(heard({ hopStart: 0, hopLimit: 0, bitfield: 1 }))).toBe(0);
    // Firmware before 2.3 has no hop_start, and none of the newer fields.
    expect(hops(heard({ hopStart: 0, hopLimit: 0 }))).toBeUndefined();
    expect(hops(heard({ hopStart: 0, hopLimit: 3 }))).toBeUndefined();
    expect(hops(heard({ hopStart: 2, hopLimit: 3, bitfield: 1 }))).toBeUndefined();
    expect(hops(heard({ hopStart: 200, hopLimit: 3, bitfield: 1 }))).toBeUndefined();
  });

  test("name regions, those too that are newer than the protobufs, and keep unknown ones apart from none", () => {
    expect([0, 3, 26, 29, 32, 37, 99].map(regionOf)).toEqual([
      undefined,
      "EU_868",
      "BR_902",
      "EU_866",
      "EU_N_868",
      "ITU2_125CM",
      "REGION_99",
    ]);
  });

  test("name presets and refusals as people know them", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(presetName)).toEqual([
      "LongFast",
      "LongSlow",
      "VeryLongSlow",
      "MediumSlow",
      "MediumFast",
      "ShortSlow",
      "ShortFast",
      "LongModerate",
      "ShortTurbo",
    ]);
    expect([10, 13, 14, 16].map(presetName)).toEqual(["LiteFast", "NarrowSlow", "TinyFast", "MediumTurbo"]);
    expect(presetName(4711)).toBeUndefined();
    expect(routingErrorName(9)).toBe("DUTY_CYCLE_LIMIT");
    expect(routingErrorName(4711)).toBe("error 4711");
  });

  test("are copied out of what was read", () => {
    const bytes = bytesOf(vectors.fromRadio.find(({ name }) => name === "data packet, heard")?.hex ?? "");
    const event = eventOf(bytes);
    bytes.fill(0);
    expect(event.kind === "packet" && toHex(event.packet.payload)).toBe("94c305");
  });

  test("may be any bytes at all: a value or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        const message = decodeFromRadio(bytes);
        expect(message.ok || message.reason === "not a FromRadio message").toBe(true);
      }),
    );
  });

  test("a hundred thousand mutated messages decode to a value or a reason", () => {
    const random = seededRandom("message fuzz");
    const models = vectors.fromRadio.map(({ hex }) => bytesOf(hex)).filter((bytes) => bytes.length > 0);
    const startMs = performance.now();
    let refusals = 0;
    for (let i = 0; i < 100_000; i++) {
      const draw = random.bytes(4);
      const model = models[i % models.length] ?? expect.fail("no models");
      const bytes = Uint8Array.from(model.subarray(0, model.length - ((draw[0] ?? 0) > 200 ? 1 : 0)));
      bytes[(draw[1] ?? 0) % bytes.length] = draw[2] ?? 0;
      if ((draw[0] ?? 0) < 60) bytes[(draw[3] ?? 0) % bytes.length] = draw[0] ?? 0;
      if (!decodeFromRadio(bytes).ok) refusals++;
    }
    console.log(`100,000 messages in ${Math.round(performance.now() - startMs)} ms, ${refusals} refused`);
    expect(refusals).toBeGreaterThan(1000);
    expect(refusals).toBeLessThan(99_000);
  });
});
