/** The lamp without an agent, as units and scripts of the machine blink it. */
import { expect, test } from "vitest";
import { boardTools } from "../../src/compose/board-tools.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { FakeClock } from "../fakes/clock.ts";
import { fakeGpio } from "../fakes/gpio.ts";

const LAMP = "gpio:pinctrl-rp1/GPIO17";

function rig(toml: string) {
  const clock = new FakeClock();
  const gpio = fakeGpio();
  const named: (string | undefined)[] = [];
  const loadConfig = async (path: string | undefined) => {
    named.push(path);
    return parseConfig(toml, {});
  };
  return { clock, gpio, named, tools: boardTools({ loadConfig, clock, gpio }) };
}

test("blinks for as long as it should, and lets the lamp go dark", async () => {
  const { clock, gpio, named, tools } = rig(`[board]\nstatus_led = "${LAMP}"\n`);
  const wish = { sign: "not-started", configPath: "/etc/caye/caye.toml", seconds: 9 } as const;
  const done = tools.blink(wish, new AbortController().signal);
  await clock.advance(8_999);
  expect(gpio.held()).toEqual([LAMP]);
  await clock.advance(1);
  await done;
  expect(named).toEqual(["/etc/caye/caye.toml"]);
  expect(gpio.held()).toEqual([]);
  // Dark when it is taken; twice two long flashes in nine seconds; dark in the end.
  const lit = gpio.switched.map(({ active }) => active);
  expect(lit.filter(Boolean)).toHaveLength(5);
  expect([lit[0], lit[1], lit.at(-1)]).toEqual([false, true, false]);
});

test("blinks until it is told to end", async () => {
  const { clock, gpio, tools } = rig(`[board]\nstatus_led = "${LAMP}"\n`);
  const stop = new AbortController();
  const done = tools.blink({ sign: "alert", configPath: undefined, seconds: undefined }, stop.signal);
  await clock.advance(600_000);
  expect(gpio.held()).toEqual([LAMP]);
  stop.abort();
  await clock.advance(0);
  await done;
  expect(gpio.levels.get(LAMP)).toBe(false);
});

test("without a lamp it says which field names one", async () => {
  const { tools } = rig("");
  const wish = { sign: "alert", configPath: undefined, seconds: 1 } as const;
  await expect(tools.blink(wish, new AbortController().signal)).rejects.toMatchObject({
    code: "BOARD_LINE",
    fix: expect.stringContaining("status_led"),
  });
});
