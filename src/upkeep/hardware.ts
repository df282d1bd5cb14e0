/**
 * The node's hardware, looked at through the files that the kernel shows, with what to do about each flaw. What can't be
 * seen on this machine says so. Pure rules over `machine-view.ts`; nothing is changed.
 *
 * Sources: overlays and config.txt: raspberrypi/linux `arch/arm/boot/dts/overlays/README`; SLB 9670 on SPI0 CE1: its
 * `tpm-slb9670-overlay.dts`; throttling bits: Raspberry Pi documentation, `vcgencmd get_throttled`; hwmon alarm: kernel
 * `drivers/hwmon/raspberrypi-hwmon.c`; life of eMMC: kernel `Documentation/ABI/testing/sysfs-bus-mmc`; errors of ext4:
 * `Documentation/ABI/testing/sysfs-fs-ext4`; RTC: `Documentation/ABI/testing/sysfs-class-rtc`.
 * @module
 */
import type { Check } from "../kernel/reports.ts";
import type { HardwareWish } from "../kernel/upkeep.ts";
import type { Machine } from "../ports/machine.ts";
import { boardChecks } from "./hardware-board.ts";
import { cardChecks } from "./hardware-card.ts";
import { clockChecks } from "./hardware-clock.ts";
import { powerChecks } from "./hardware-power.ts";
import { lookAt } from "./machine-view.ts";

export async function hardwareChecks(machine: Machine, wish: HardwareWish): Promise<readonly Check[]> {
  const view = lookAt(machine);
  return [
    ...(await boardChecks(view, wish)),
    ...(await powerChecks(view)),
    ...(await clockChecks(view)),
    ...(await cardChecks(view, wish)),
  ];
}
