/**
 * What the look at the hardware says of machines, each a tree of files in the kernel's documented forms: the sources stand in
 * `src/upkeep/hardware.ts`. No tree was recorded on a real Pi 5.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Check } from "../../src/kernel/reports.ts";
import type { HardwareWish } from "../../src/kernel/upkeep.ts";
import { parseBootConfig } from "../../src/upkeep/boot-config.ts";
import { hardwareChecks } from "../../src/upkeep/hardware.ts";
import { type FakeMachine, fakeMachine } from "../fakes/machine.ts";
import { thisMachine } from "../../src/drivers/machine.ts";

const WISH: HardwareWish = { tpm: "chip", statePath: "/var/lib/caye", modem: "auto" };
const CONFIG = "/boot/firmware/config.txt";
const THROTTLED = "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled";
const BY_ID = "/dev/serial/by-id/usb-Silicon_Labs_CP2102N_meshtastic_01-if00-port0";

/** A Pi 5 in order, with a chip, a clock whose cell is full, and one radio. */
function goodPi(changes: Readonly<Record<string, string | undefined>> = {}): FakeMachine {
  const files: Record<string, string | undefined> = {
    "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    [CONFIG]: "[pi4]\ndtoverlay=disable-bt\n[all]\ndtparam=spi=on\ndtparam=watchdog=on\ndtoverlay=tpm-slb9670\n",
    "/dev/tpmrm0": "",
    "/sys/bus/spi/devices/spi0.1/modalias": "spi:tpm_tis_spi\n",
    "/sys/class/watchdog/watchdog0/identity": "Broadcom BCM2835 Watchdog timer\n",
    "/sys/class/watchdog/watchdog0/state": "active\n",
    [BY_ID]: "",
    "/proc/meminfo": "MemTotal:        8255488 kB\nMemFree:  10 kB\nMemAvailable:    7000000 kB\n",
    [THROTTLED]: "0\n",
    "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
    "/sys/class/thermal/thermal_zone0/temp": "51200\n",
    "/sys/class/rtc/rtc0/name": "rpi-rtc soc@107c000000:rpi_rtc\n",
    "/sys/class/rtc/rtc0/since_epoch": "1800000000\n",
    "/sys/class/rtc/rtc0/battery_voltage": "2983040\n",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource": "arch_sys_counter\n",
    "/run/systemd/timesync/synchronized": "",
    "/sys/bus/mmc/devices/mmc0:0001/name": "DG4064\n",
    "/sys/bus/mmc/devices/mmc0:0001/type": "MMC\n",
    "/sys/bus/mmc/devices/mmc0:0001/life_time": "0x01 0x02\n",
    "/sys/bus/mmc/devices/mmc0:0001/pre_eol_info": "0x01\n",
    "/sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
    "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p3 /var ext4 rw 0 0\n",
    ...changes,
  };
  const known = Object.entries(files).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const machine = fakeMachine(Object.fromEntries(known));
  machine.answer = (command) => {
    if (command === "df") return { stdout: " IFree  Inodes\n1800000 1900000\n" };
    return command === "dmesg" ? { stdout: "[    1.2] hwmon hwmon1: fine\n" } : undefined;
  };
  return machine;
}

async function named(machine: FakeMachine, name: string, wish: Partial<HardwareWish> = {}): Promise<Check | undefined> {
  return (await hardwareChecks(machine, { ...WISH, ...wish })).find((check) => check.name === name);
}

test("a node in order: all is well, and all was seen", async () => {
  const checks = await hardwareChecks(goodPi(), WISH);
  expect(checks.filter(({ state }) => state !== "OK")).toEqual([]);
  expect(checks.filter(({ detail }) => detail.startsWith("not seen"))).toEqual([]);
  expect(checks.map(({ name }) => name)).toContain("chip select");
});

test.each<[string, string, Check["state"], RegExp, Record<string, string | undefined>]>([
  [
    "no overlay for the chip",
    "tpm chip",
    "FAIL",
    /overlay is missing/,
    { [CONFIG]: "dtparam=spi=on\n", "/dev/tpmrm0": undefined },
  ],
  [
    "an overlay of another model's",
    "tpm chip",
    "FAIL",
    /overlay is missing/,
    { [CONFIG]: "[pi4]\ndtoverlay=tpm-slb9670\n", "/dev/tpmrm0": undefined },
  ],
  ["a chip that does not answer", "tpm chip", "FAIL", /no chip answers/, { "/dev/tpmrm0": undefined }],
  ["SPI off", "spi", "FAIL", /switched off/, { [CONFIG]: "dtparam=spi=off\n" }],
  ["SPI on, not yet in force", "spi", "WARN", /no SPI device/, { "/sys/bus/spi/devices/spi0.1/modalias": undefined }],
  [
    "a hat's chip select on GPIO 7",
    "chip select",
    "FAIL",
    /rfm.*CE1/,
    { [CONFIG]: "dtoverlay=tpm-slb9670\ndtoverlay=rfm95,cs=7\n" },
  ],
  [
    "a touch screen on CE1",
    "chip select",
    "FAIL",
    /ads7846/,
    { [CONFIG]: "dtoverlay=tpm-slb9670\ndtoverlay=ads7846,penirq=25\n" },
  ],
  [
    "meshtasticd with CS 7",
    "chip select",
    "FAIL",
    /lora\.yaml/,
    { "/etc/meshtasticd/config.d/lora.yaml": "Lora:\n  Module: RF95\n  CS: 7\n" },
  ],
  [
    "meshtasticd on spidev0.1",
    "chip select",
    "FAIL",
    /config\.yaml/,
    { "/etc/meshtasticd/config.yaml": "Lora:\n  spidev: spidev0.1\n" },
  ],
  [
    "meshtasticd on CE0",
    "chip select",
    "OK",
    /for itself/,
    { "/etc/meshtasticd/config.yaml": "Lora:\n  spidev: spidev0.0\n  CS: 8\n" },
  ],
  [
    "a touch screen on CE0",
    "chip select",
    "OK",
    /for itself/,
    { [CONFIG]: "dtoverlay=tpm-slb9670\ndtoverlay=ads7846,cs=0\n" },
  ],
  ["too low a voltage now", "supply", "FAIL", /now/, { [THROTTLED]: "50005\n" }],
  [
    "… by the kernel's word alone",
    "supply",
    "FAIL",
    /now/,
    { [THROTTLED]: undefined, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n" },
  ],
  ["too low a voltage earlier", "supply", "WARN", /since the start/, { [THROTTLED]: "50000\n" }],
  ["slowed down", "throttling", "WARN", /now/, { [THROTTLED]: "4\n" }],
  ["slowed down earlier", "throttling", "WARN", /since the start/, { [THROTTLED]: "40000\n" }],
  ["hot", "temperature", "FAIL", /84/, { "/sys/class/thermal/thermal_zone0/temp": "84000\n" }],
  ["warm", "temperature", "WARN", /76/, { "/sys/class/thermal/thermal_zone0/temp": "76000\n" }],
  [
    "no hardware clock",
    "hardware clock",
    "WARN",
    /none/,
    {
      "/sys/class/rtc/rtc0/name": undefined,
      "/sys/class/rtc/rtc0/since_epoch": undefined,
      "/sys/class/rtc/rtc0/battery_voltage": undefined,
    },
  ],
  ["a hardware clock in 1970", "hardware clock", "WARN", /1970/, { "/sys/class/rtc/rtc0/since_epoch": "37\n" }],
  ["no cell", "battery", "WARN", /none/, { "/sys/class/rtc/rtc0/battery_voltage": "10200\n" }],
  ["an empty cell", "battery", "WARN", /2\.31 V/, { "/sys/class/rtc/rtc0/battery_voltage": "2310000\n" }],
  [
    "a clock that tells no voltage",
    "battery",
    "OK",
    /^not seen here/,
    { "/sys/class/rtc/rtc0/battery_voltage": undefined },
  ],
  ["a worn card", "card wear", "WARN", /90 %/, { "/sys/bus/mmc/devices/mmc0:0001/life_time": "0x09 0x01\n" }],
  ["a spent card", "card wear", "FAIL", /100 %/, { "/sys/bus/mmc/devices/mmc0:0001/life_time": "0x0b 0x0b\n" }],
  [
    "a card without spare blocks",
    "card wear",
    "FAIL",
    /20 %/,
    { "/sys/bus/mmc/devices/mmc0:0001/pre_eol_info": "0x03\n" },
  ],
  [
    "a card that tells nothing",
    "card wear",
    "OK",
    /^not seen here/,
    { "/sys/bus/mmc/devices/mmc0:0001/life_time": undefined },
  ],
  [
    "errors of ext4",
    "file system",
    "FAIL",
    /3 errors, first in ext4_find_entry/,
    { "/sys/fs/ext4/mmcblk0p2/errors_count": "3\n", "/sys/fs/ext4/mmcblk0p2/first_error_func": "ext4_find_entry\n" },
  ],
  [
    "a read-only root",
    "root",
    "OK",
    /read-only/,
    { "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 ro 0 0\n/dev/mmcblk0p3 /var ext4 rw 0 0\n" },
  ],
  [
    "a card that turned read-only",
    "state's disk",
    "FAIL",
    /read-only/,
    { "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/mmcblk0p3 /var ext4 ro 0 0\n" },
  ],
  ["state in memory", "state's disk", "FAIL", /loses it/, { "/proc/self/mounts": "overlay / overlay rw 0 0\n" }],
  [
    "no watchdog",
    "watchdog",
    "WARN",
    /no watchdog/,
    { "/sys/class/watchdog/watchdog0/identity": undefined, "/sys/class/watchdog/watchdog0/state": undefined },
  ],
  [
    "a watchdog that nobody feeds",
    "watchdog",
    "WARN",
    /nobody feeds/,
    { "/sys/class/watchdog/watchdog0/state": "inactive\n" },
  ],
  ["little memory", "memory", "WARN", /of 416/, { "/proc/meminfo": "MemTotal: 426000 kB\nMemAvailable: 300000 kB\n" }],
  ["memory used up", "memory", "WARN", /29 of/, { "/proc/meminfo": "MemTotal: 4255488 kB\nMemAvailable: 30000 kB\n" }],
  ["an older Pi", "board", "WARN", /Pi 3/, { "/proc/device-tree/model": "Raspberry Pi 3 Model B Plus Rev 1.3\0" }],
])("%s", async (_, name, state, detail, changes) => {
  const check = await named(goodPi(changes), name);
  expect(check).toMatchObject({ state, detail: expect.stringMatching(detail) });
  expect(check?.fix === "").toBe(state === "OK");
});

describe("radios", () => {
  test("two that may be one, or a device whose number changes", async () => {
    const two = goodPi({ "/dev/serial/by-id/usb-RAKwireless_WisCore_RAK4631_02-if00": "" });
    expect(await named(two, "serial devices")).toMatchObject({
      state: "WARN",
      detail: expect.stringContaining("2 that may"),
    });
    expect(await named(two, "serial devices", { modem: `serial://${BY_ID}` })).toMatchObject({ state: "OK" });
    const numbered = goodPi({ "/dev/ttyACM0": "", "/dev/serial/by-id/usb-Crypta_Labs_QCicada-if00": "" });
    const check = await named(numbered, "serial devices", { modem: "serial:///dev/ttyACM0?baud=115200" });
    expect(check).toMatchObject({ state: "WARN", detail: expect.stringContaining("numbers change") });
  });

  test("the random source named as the radio; a radio that is not there", async () => {
    const qrng = "/dev/serial/by-id/usb-Crypta_Labs_QCicada-if00";
    const wrong = await named(goodPi({ [qrng]: "" }), "serial devices", { modem: `serial://${qrng}` });
    expect(wrong).toMatchObject({ state: "FAIL", detail: expect.stringContaining("no radio") });
    const gone = await named(goodPi(), "serial devices", { modem: "serial:///dev/meshtastic" });
    expect(gone).toMatchObject({ state: "FAIL", detail: expect.stringContaining("not there") });
  });
});

test("room: bytes, inodes, and lines of the kernel's log", async () => {
  const machine = goodPi();
  machine.free = 1_000_000;
  machine.answer = (command) => {
    if (command === "df") return { stdout: " IFree  Inodes\n12 1900000\n" };
    return { stdout: "[ 9.1] mmcblk0: error -110 sending status command\n[ 9.2] I/O error, dev mmcblk0\n" };
  };
  expect(await named(machine, "free space")).toMatchObject({ state: "FAIL" });
  expect(await named(machine, "inodes")).toMatchObject({ state: "WARN", detail: "12 of 1900000 free" });
  expect(await named(machine, "disk errors")).toMatchObject({
    state: "FAIL",
    detail: expect.stringContaining("2 lines"),
  });
});

test("vcgencmd tells where the kernel does not", async () => {
  const machine = goodPi({ [THROTTLED]: undefined });
  machine.answer = (command) => (command === "vcgencmd" ? { stdout: "throttled=0x50000\n" } : undefined);
  expect(await named(machine, "supply")).toMatchObject({ state: "WARN" });
});

test("a machine that is no Pi says so, and fails in nothing that only a Pi has", async () => {
  const checks = await hardwareChecks(fakeMachine(), { ...WISH, tpm: "auto" });
  expect(checks[0]?.detail).toContain("no Raspberry Pi");
  expect(checks.filter(({ state }) => state === "FAIL")).toEqual([]);
  // And this machine, whatever it is, is looked at without an exception.
  const here = await hardwareChecks(thisMachine(), { ...WISH, tpm: "auto", statePath: "/" });
  expect(here.length).toBeGreaterThan(15);
  expect(here.every(({ state, fix }) => state === "OK" || fix !== "")).toBe(true);
});

test("whatever stands in those files, there is an answer", async () => {
  const paths = [...goodPi().files.keys()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.oneof(fc.string(), fc.constant("0x"), fc.constant("-1")),
      async (path, text) => {
        const checks = await hardwareChecks(goodPi({ [path]: text }), WISH);
        expect(checks.length).toBeGreaterThan(15);
        for (const { state } of checks) expect(["OK", "WARN", "FAIL"]).toContain(state);
      },
    ),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseBootConfig(text)));
});

test("config.txt: sections of other models do not count, the last of a parameter does", () => {
  const config = parseBootConfig(
    "[pi4]\ndtoverlay=a\n[pi5]\ndtoverlay=b # why\n[all]\ndtparam=spi=off,i2c\ndtparam=spi=on\n",
  );
  expect(config.overlays).toEqual(["b"]);
  expect(Object.fromEntries(config.params)).toEqual({ spi: "on", i2c: "on" });
});
