/** Time on air, against figures that were computed apart. @module */
import { expect, test } from "vitest";
import {
  frameBytesFor,
  modulationOf,
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

test("reckons them for the wide presets of 2.4 GHz, too", () => {
  const reckoned = Object.fromEntries(
    presetNames().map((name) => [
      name,
      golden.payloadBytes.map((bytes) => payloadAirtimeUs(bytes, modulationOf(name, true))),
    ]),
  );
  expect(reckoned).toEqual(golden.wideAirtimeUs);
});

test("agrees with the published figures for whole frames of 255, 224, 50 and 30 bytes, in ms", () => {
  const published: Readonly<Record<string, readonly number[]>> = {
    ShortTurbo: [102, 90, 26, 20],
    ShortFast: [204, 181, 53, 40],
    ShortSlow: [362, 321, 95, 70],
    MediumFast: [642, 570, 181, 130],
    MediumSlow: [1181, 1037, 341, 259],
    LongFast: [2157, 1911, 641, 477],
    LongModerate: [7934, 7016, 2036, 1380],
  };
  for (const [name, ms] of Object.entries(published)) {
    const preset = presetNamed(name);
    if (preset === undefined) expect.fail(name);
    const reckoned = [255, 224, 50, 30].map((bytes) => Math.round(timeOnAirUs(bytes, PRESETS[preset]) / 1000));
    expect(reckoned, name).toEqual(ms);
  }
});

test("agrees with the formula done by hand", () => {
  // SF11, 250 kHz, 43 bytes: symbols of 8.192 ms; 8·43 − 44 + 28 + 16 = 344 bits, in blocks of 44: 8 codewords of 5.
  expect(timeOnAirUs(43, PRESETS.LongFast)).toBe((16 + 4.25 + 8 + 8 * 5) * 8_192);
  // SF12, 125 kHz, 255 bytes: symbols of 32.768 ms, so 2 bits fewer each; 2036 bits in blocks of 40: 51 codewords of 8.
  expect(timeOnAirUs(255, PRESETS.LongSlow)).toBe((16 + 4.25 + 8 + 51 * 8) * 32_768);
  // SF11, 812.5 kHz, 255 bytes: symbols of 2.5206 ms; the SX128x takes 2 bits off from SF11 on: 2040 bits in 36: 57 of 5.
  expect(timeOnAirUs(255, modulationOf("LongFast", true))).toBe(Math.ceil((12 + 4.25 + 8 + 57 * 5) * (2048 / 0.8125)));
  // SF7, 500 kHz, 0 bytes: 16 bits in blocks of 28, one codeword.
  expect(timeOnAirUs(0, PRESETS.ShortTurbo)).toBe((16 + 4.25 + 8 + 5) * 256);
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
