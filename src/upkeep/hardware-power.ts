/** Supply and heat, as a Pi's firmware and the kernel tell of them. @module */
import type { Check } from "../kernel/reports.ts";
import { fail, type MachineView, ok, unseen, warn, wholeNumber } from "./machine-view.ts";

const THROTTLED_FILES = [
  "/sys/devices/platform/soc/soc:firmware/get_throttled",
  "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
];
const HWMON = "/sys/class/hwmon";
const THERMAL = "/sys/class/thermal";
const SUPPLY_FIX =
  "Use the Pi's own 27 W supply, a short thick cable, and no thirsty device on its USB; then restart to clear the memory of it.";
const HEAT_FIX = "Shade, air, or a cooler: a Pi slows down at 80 °C, and stops being one at 85 °C.";
const WARM_C = 75;
const HOT_C = 82;

/** Bits of the firmware's word: now, and since the start. */
const NOW = { undervoltage: 1 << 0, capped: 1 << 1, throttled: 1 << 2, softLimit: 1 << 3 };
const SINCE_START = 16;

export async function powerChecks(view: MachineView): Promise<readonly Check[]> {
  const word = await throttledWord(view);
  return [await supply(view, word), throttling(word), await temperature(view)];
}

async function throttledWord(view: MachineView): Promise<number | undefined> {
  for (const path of THROTTLED_FILES) {
    const text = await view.text(path);
    const word = text === undefined ? undefined : Number.parseInt(text.replace(/^0x/, ""), 16);
    if (word !== undefined && Number.isInteger(word)) return word;
  }
  // Prints `throttled=0x50000`.
  return wholeNumber((await view.said("vcgencmd", "get_throttled"))?.split("=")[1]);
}

async function supply(view: MachineView, word: number | undefined): Promise<Check> {
  const name = "supply";
  const alarm = await alarmOf(view);
  if (word === undefined && alarm === undefined) return unseen(name, "neither the firmware nor the kernel measures it");
  if (alarm === 1 || ((word ?? 0) & NOW.undervoltage) !== 0)
    return fail(name, "the voltage is too low now", SUPPLY_FIX);
  if (((word ?? 0) & (NOW.undervoltage << SINCE_START)) !== 0) {
    return warn(name, "the voltage was too low since the start: cards are damaged so", SUPPLY_FIX);
  }
  return ok(name, "the voltage held since the start");
}

/** `rpi_volt`: 1 while the voltage is below what the firmware wants. */
async function alarmOf(view: MachineView): Promise<number | undefined> {
  for (const entry of await view.list(HWMON)) {
    if ((await view.text(`${HWMON}/${entry}/name`)) === "rpi_volt") {
      return view.number(`${HWMON}/${entry}/in0_lcrit_alarm`);
    }
  }
  return undefined;
}

function throttling(word: number | undefined): Check {
  const name = "throttling";
  if (word === undefined) return unseen(name, "the firmware does not tell");
  const heat = NOW.capped | NOW.throttled | NOW.softLimit;
  if ((word & heat) !== 0) return warn(name, `the machine is slowed down now (0x${word.toString(16)})`, HEAT_FIX);
  if ((word & (heat << SINCE_START)) !== 0) {
    return warn(name, `the machine was slowed down since the start (0x${word.toString(16)})`, HEAT_FIX);
  }
  return ok(name, "never since the start");
}

async function temperature(view: MachineView): Promise<Check> {
  const name = "temperature";
  const zones = (await view.list(THERMAL)).filter((zone) => zone.startsWith("thermal_zone"));
  let hottest: number | undefined;
  for (const zone of zones) {
    const milli = await view.number(`${THERMAL}/${zone}/temp`);
    // Zones without a sensor read 0 or far below.
    if (milli !== undefined && milli > -40_000 && milli !== 0) hottest = Math.max(hottest ?? -Infinity, milli / 1000);
  }
  if (hottest === undefined) return unseen(name, "no thermal zone");
  const detail = `${hottest.toFixed(0)} °C`;
  if (hottest >= HOT_C) return fail(name, detail, HEAT_FIX);
  return hottest >= WARM_C ? warn(name, detail, HEAT_FIX) : ok(name, detail);
}
