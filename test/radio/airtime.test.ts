/** Time on air, against figures that were computed apart. @module */
import { expect, test } from "vitest";
import {
  frameBytesFor,
  payloadAirtimeUs,
  PRESETS,
  presetNamed,
  presetNames,
  signsBroadcasts,
  timeOnAirUs,
} from "../../src/radio/airtime.ts";
import golden from "../vectors/airtime.json" with { type: "json" };

test("reckons the golden figures for every preset, to the microsecond", () => {
  const reckoned = Object.fromEntries(
    presetNames().map((name) => [name, golden.payloadBytes.map((bytes) => payloadAirtimeUs(bytes, PRESETS[name]))]),
  );
  expect(reckoned).toEqual(golden.airtimeUs);
});

test("agrees with the published table: LongFast takes 559 ms for 20 bytes and 2157 ms for 231", () => {
  const ms = [20, 50, 100, 200, 231].map((bytes) => Math.round(payloadAirtimeUs(bytes, PRESETS.LongFast) / 1000));
  expect(ms).toEqual([559, 805, 1174, 1911, 2157]);
});

test("counts the signature of a radio that signs: short broadcasts cost more, those above 165 bytes do not", () => {
  expect(Math.round(payloadAirtimeUs(20, PRESETS.LongFast, true) / 1000)).toBe(1051);
  expect(frameBytesFor(165, true)).toBe(255);
  expect(frameBytesFor(166, true)).toBe(190);
  expect(frameBytesFor(231, true)).toBe(255);
});

test("frames a payload with 23 bytes, and with 24 from 128 bytes on", () => {
  expect([0, 1, 127, 128, 231].map((bytes) => frameBytesFor(bytes))).toEqual([23, 24, 150, 152, 255]);
});

test("never takes less time for more bytes", () => {
  for (const name of presetNames()) {
    for (let bytes = 1; bytes <= 255; bytes++) {
      const [shorter, longer] = [timeOnAirUs(bytes - 1, PRESETS[name]), timeOnAirUs(bytes, PRESETS[name])];
      if (longer < shorter) expect.fail(`${name}: ${bytes} bytes`);
    }
  }
});

test("refuses what no frame can hold", () => {
  for (const bytes of [-1, 256, 1.5, Number.NaN]) {
    expect(() => timeOnAirUs(bytes, PRESETS.LongFast)).toThrow(RangeError);
  }
  expect(() => payloadAirtimeUs(232, PRESETS.LongFast)).toThrow(RangeError);
});

test("knows presets by the apps' and by the protobuf's spelling", () => {
  expect(presetNamed("LongFast")).toBe("LongFast");
  expect(presetNamed("LONG_FAST")).toBe("LongFast");
  expect(presetNamed("VERY_LONG_SLOW")).toBe("VeryLongSlow");
  expect(presetNamed("")).toBeUndefined();
  expect(presetNamed("toString")).toBeUndefined();
});

test("knows which firmware signs broadcasts", () => {
  expect(["2.8.0", "v2.8.1.abc", "2.10.3", "3.0.0"].map(signsBroadcasts)).toEqual([true, true, true, true]);
  expect(["2.7.26.54e0d8d", "1.9", "", "unknown", undefined].map(signsBroadcasts)).toEqual(Array(5).fill(false));
});
