/** Wires of the board, as the configuration names them. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseGpio } from "../../src/config/gpio-address.ts";

const PLAIN = { activeLow: false, bias: "as-is" };

test.each([
  ["gpio:pinctrl-rp1/GPIO17", { chip: "pinctrl-rp1", line: "GPIO17", ...PLAIN }],
  ["gpio:pinctrl-rp1/GPIO17?active=low", { chip: "pinctrl-rp1", line: "GPIO17", activeLow: true, bias: "as-is" }],
  [
    "gpio:pinctrl-rp1/GPIO22?bias=pull-up&active=high",
    { chip: "pinctrl-rp1", line: "GPIO22", activeLow: false, bias: "pull-up" },
  ],
  ["gpio:9030000.pl061/@5", { chip: "9030000.pl061", line: 5, ...PLAIN }],
])("%s", (uri, address) => {
  expect(parseGpio(uri)).toEqual({ ok: true, value: { uri, ...address } });
});

test("nothing is no wire", () => {
  expect(parseGpio("")).toEqual({ ok: true, value: undefined });
});

test.each([
  "gpio:gpiochip0/GPIO17",
  "gpio:gpiochip4/@17",
  "gpio:/GPIO17",
  "gpio:pinctrl-rp1/",
  "gpio:pinctrl-rp1",
  "pinctrl-rp1/GPIO17",
  "gpio:pinctrl-rp1/GPIO17?",
  "gpio:pinctrl-rp1/GPIO17?active=maybe",
  "gpio:pinctrl-rp1/GPIO17?active=low&active=low",
  "gpio:pinctrl-rp1/GPIO17?bias=up",
  "gpio:pinctrl-rp1/GPIO17?pull=up",
  "gpio:pinctrl-rp1/GPIO17?active=low=high",
  "gpio:pinctrl-rp1/@1000",
  "gpio:pinctrl rp1/GPIO17",
  "gpio:pinctrl-rp1/../x",
  "gpio:a-label-that-no-kernel-could-ever-hold/GPIO17",
])("%s is refused", (uri) => {
  const parsed = parseGpio(uri);
  expect(parsed.ok ? parsed.value : parsed.reason).toMatch(/^[a-z]/);
});

test("whatever stands there, it is an address or a reason", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseGpio(`gpio:${text}`);
      if (parsed.ok) expect(`${parsed.value?.uri}`).toBe(`gpio:${text}`);
      else expect(parsed.reason).not.toBe("");
    }),
  );
});
