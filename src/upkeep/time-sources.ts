/**
 * What this machine's files tell of the time: whether the network keeps the clock, what the hardware clock says, and by whom
 * the clock was set since the machine started.
 *
 * `/run/systemd/timesync/synchronized` is made by systemd-timesyncd once the clock is right (`systemd-timesyncd.service(8)`).
 * Other programs (chrony, ntpsec) leave no such file: with them the clock counts as `machine`.
 * @module
 */
import type { TimeSource } from "../kernel/time.ts";
import { lookAt } from "./machine-view.ts";
import type { Machine } from "../ports/machine.ts";

/** By `caye time apply`; gone after a restart. One word: the source. */
export const ORIGIN_FILE = "/run/caye-clock/origin";
/** What the agent knows, as it tells it to `caye-clock.service`, which has no network: {@link TimeReport} as JSON. */
export const RUN_DIRECTORY = "/run/caye";
export const REPORT_FILE = `${RUN_DIRECTORY}/time.json`;
const SYNCHRONISED = "/run/systemd/timesync/synchronized";
const RTC = "/sys/class/rtc";

export interface MachineClocks {
  readonly networkSynced: boolean;
  /** Unix time in s of the hardware clock. */
  readonly hardwareS: number | undefined;
  /** Who set the machine's clock since the start, where we did. */
  readonly origin: TimeSource | undefined;
}

const ORIGINS: readonly TimeSource[] = ["operator", "hardware-clock", "radio", "none"];

export async function machineClocks(
  machine: Pick<Machine, "freeBytes" | "list" | "read" | "run" | "status">,
): Promise<MachineClocks> {
  const view = lookAt(machine);
  const rtc = (await view.list(RTC)).find((name) => /^rtc\d+$/.test(name));
  const origin = await view.text(ORIGIN_FILE);
  return {
    networkSynced: await view.exists(SYNCHRONISED),
    hardwareS: rtc === undefined ? undefined : await view.number(`${RTC}/${rtc}/since_epoch`),
    origin: ORIGINS.find((source) => source === origin),
  };
}
