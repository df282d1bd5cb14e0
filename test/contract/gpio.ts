/** What all GPIO lines do, the machine's and the fake's. @module */
import { expect, test } from "vitest";
import type { Gpio, LineAddress } from "../../src/ports/gpio.ts";

export interface GpioRig {
  readonly gpio: Gpio;
  /** The line as seen at its other end: active or not, with regard to the address's `activeLow`. */
  readonly level: (address: LineAddress) => boolean;
  /** Somebody sets the line of an input. */
  readonly push: (address: LineAddress, active: boolean) => void;
  /** Time passes. */
  readonly pass: (ms: number) => Promise<void>;
}

const plain = { activeLow: false, bias: "as-is" } as const;
export const LAMP: LineAddress = { uri: "gpio:pinctrl-rp1/GPIO17", chip: "pinctrl-rp1", line: "GPIO17", ...plain };
export const CASE: LineAddress = {
  uri: "gpio:pinctrl-rp1/GPIO27?active=low&bias=pull-up",
  chip: "pinctrl-rp1",
  line: "GPIO27",
  activeLow: true,
  bias: "pull-up",
};

export function describeGpio(open: () => GpioRig | Promise<GpioRig>): void {
  test("an output is safe when it is taken, does what it is told, and is safe when it is let go", async () => {
    const { gpio, level } = await open();
    const lamp = await gpio.output(LAMP, { consumer: "caye lamp", safe: false });
    expect(level(LAMP)).toBe(false);
    lamp.set(true);
    expect(level(LAMP)).toBe(true);
    lamp[Symbol.dispose]();
    expect(level(LAMP)).toBe(false);
    // Whoever lets go twice, or late, harms nobody.
    lamp[Symbol.dispose]();
    lamp.set(true);
    expect(level(LAMP)).toBe(false);
    using again = await gpio.output(LAMP, { consumer: "caye lamp", safe: true });
    expect(level(LAMP)).toBe(true);
    again.set(false);
  });

  test("an input tells its level, and each change of it", async () => {
    const { gpio, push, pass } = await open();
    push(CASE, true);
    using contact = await gpio.input(CASE, { consumer: "caye tamper", debounceMs: 20 });
    expect(contact.active).toBe(true);
    const stop = new AbortController();
    const first = contact.change(stop.signal);
    await pass(500);
    push(CASE, false);
    await pass(500);
    expect(await first).toBe(false);
    expect(contact.active).toBe(false);
    // Between two calls nothing is lost that lasts.
    push(CASE, true);
    const second = contact.change(stop.signal);
    await pass(500);
    expect(await second).toBe(true);
    const third = contact.change(stop.signal);
    await pass(500);
    stop.abort();
    expect(await third).toBeUndefined();
  });

  test("an input that is let go waits for nothing any more", async () => {
    const { gpio, pass } = await open();
    const contact = await gpio.input(CASE, { consumer: "caye tamper", debounceMs: 20 });
    const change = contact.change(new AbortController().signal);
    await pass(100);
    contact[Symbol.dispose]();
    await pass(100);
    expect(await change).toBeUndefined();
  });
}
