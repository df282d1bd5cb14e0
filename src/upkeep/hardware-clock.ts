/** The hardware clock, its battery, and who sets the machine's clock. @module */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { Check } from "../kernel/reports.ts";
import { fail, type MachineView, ok, unseen, warn } from "./machine-view.ts";

const RTC = "/sys/class/rtc";
/** A fresh cell has 3 V; at 2.5 V it is over. Microvolts. */
const LOW_BATTERY_UV = 2_500_000;

export async function clockChecks(view: MachineView): Promise<readonly Check[]> {
  const rtc = (await view.list(RTC)).find((name) => /^rtc\d+$/.test(name));
  return [...(await hardwareClock(view, rtc)), await clockSource(view)];
}

async function hardwareClock(view: MachineView, rtc: string | undefined): Promise<readonly Check[]> {
  const fix = "Fit one, or rely on radio and phones: caye time";
  if (rtc === undefined) {
    return [
      warn("hardware clock", "there is none: after a power cut the time is unknown", fix),
      unseen("battery", "no clock"),
    ];
  }
  const name = (await view.text(`${RTC}/${rtc}/name`)) ?? rtc;
  const seconds = await view.number(`${RTC}/${rtc}/since_epoch`);
  if (seconds === undefined) return [fail("hardware clock", `${name} does not answer`, "Look at dmesg | grep -i rtc")];
  const date = new Date(1000 * seconds).toISOString().slice(0, 10);
  const set = seconds >= CLOCK_SET_S;
  const clock = set
    ? ok("hardware clock", `${name}: ${date}`)
    : warn(
        "hardware clock",
        `${name} stands in ${date.slice(0, 4)}: it was never set, or had no power`,
        "caye time apply sets it; then fit a battery",
      );
  return [clock, await battery(view, rtc, set)];
}

/**
 * A Pi 5's own clock (`rpi-rtc`) tells its cell's voltage in `battery_voltage`, where the kernel has it; others, at best, say
 * that the voltage was low once.
 */
async function battery(view: MachineView, rtc: string, set: boolean): Promise<Check> {
  const name = "battery";
  const microvolts = await view.number(`${RTC}/${rtc}/battery_voltage`);
  const fix = "Fit Raspberry Pi's rechargeable cell, and let it charge: dtparam=rtc_bbat_vchg=3000000 in config.txt";
  if (microvolts === undefined) {
    const why = set
      ? "the kernel does not tell its voltage; the clock kept its time, if nobody set it since the start"
      : "the kernel does not tell its voltage";
    return unseen(name, `${why}: only switching off for an hour shows it`);
  }
  const volts = `${(microvolts / 1e6).toFixed(2)} V`;
  if (microvolts < 500_000) return warn(name, `none is fitted (${volts})`, fix);
  return microvolts < LOW_BATTERY_UV ? warn(name, `nearly empty: ${volts}`, fix) : ok(name, volts);
}

async function clockSource(view: MachineView): Promise<Check> {
  const name = "clock source";
  const source = await view.text("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const synchronised = await view.exists("/run/systemd/timesync/synchronized");
  const said = synchronised ? "yes" : await view.said("timedatectl", "show", "--property=NTPSynchronized", "--value");
  const counter = source === undefined ? "" : `, counted by ${source}`;
  if (said === "yes") return ok(name, `set by the network${counter}`);
  if (said === undefined) return unseen(name, `nothing tells whether the network sets the clock${counter}`);
  return ok(name, `not set by the network${counter}: caye time says what else there is`);
}
