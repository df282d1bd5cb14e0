/** Board, overlays, the lines that hats share, TPM, watchdog, serial devices, memory. @module */
import type { Check } from "../kernel/reports.ts";
import type { HardwareWish } from "../kernel/upkeep.ts";
import { type BootConfig, isOn, parseBootConfig } from "./boot-config.ts";
import { fail, type MachineView, ok, unseen, warn } from "./machine-view.ts";

const CONFIG_TXT = "/boot/firmware/config.txt";
const DEVICE_TREE = "/proc/device-tree";
const SERIAL_BY_ID = "/dev/serial/by-id";
const MESHTASTICD = "/etc/meshtasticd";
/** An SLB 9670 or 9672 on a hat: SPI0, CE1, which is GPIO 7. */
const TPM_OVERLAY = /^tpm-slb96(?:70|72|73)\b/;
/** What a meshtasticd configuration calls the chip select: spidev0.1, CS 7, CE1. */
const ON_CE1 = /^\s*(?:spidev:\s*["']?spidev0\.1|CS:\s*["']?7\b)/im;
const RADIO_WORDS = /meshtastic|cp210|ch34|ch910|nrf52|rak|lilygo|heltec|seeed|espressif|usb_single_serial|jtag/i;
const OTHER_WORDS = /qcicada|qrng|crypta|quside|gps|u-blox|modem|zigbee|sonoff|conbee/i;
const LEAST_MEMORY_KB = 900_000;
const LEAST_AVAILABLE_KB = 96_000;

export async function boardChecks(view: MachineView, wish: HardwareWish): Promise<readonly Check[]> {
  const model = await view.text(`${DEVICE_TREE}/model`);
  const isPi = model?.includes("Raspberry Pi") === true;
  const text = isPi ? await view.text(CONFIG_TXT) : undefined;
  const config = text === undefined ? undefined : parseBootConfig(text);
  return [
    board(model),
    await spi(view, wish, isPi, config),
    await chip(view, wish, isPi, config),
    await sharedLine(view, isPi, config),
    await watchdog(view),
    await serialDevices(view, wish),
    await memory(view),
  ];
}

function board(model: string | undefined): Check {
  if (model?.includes("Raspberry Pi") !== true) {
    return ok("board", `${model ?? "no device tree"}: this is no Raspberry Pi; what only a Pi has is not looked at`);
  }
  if (/Raspberry Pi (?:5|500|Compute Module 5)/.test(model)) return ok("board", model);
  return warn(
    "board",
    `${model}: Caye is made for a Raspberry Pi 5`,
    "Use a Pi 5, or see docs/hardware.md for what differs.",
  );
}

async function spi(
  view: MachineView,
  wish: HardwareWish,
  isPi: boolean,
  config: BootConfig | undefined,
): Promise<Check> {
  const name = "spi";
  if (!isPi) return unseen(name, "this is no Raspberry Pi");
  if (config === undefined) return unseen(name, `${CONFIG_TXT} can't be read (sudo caye doctor may)`);
  const wanted = wish.tpm === "chip" || (await view.exists(MESHTASTICD));
  // An overlay that needs the bus switches it on.
  const isSet = isOn(config.params.get("spi")) || config.overlays.some((overlay) => TPM_OVERLAY.test(overlay));
  const runs = (await view.list("/sys/bus/spi/devices")).length > 0;
  if (!isSet && wanted) return fail(name, "SPI is switched off", `add dtparam=spi=on to ${CONFIG_TXT}, then restart`);
  if (isSet && !runs) return warn(name, "SPI is switched on, but the kernel has no SPI device", "restart the machine");
  return ok(name, isSet ? "switched on" : "switched off; nothing configured needs it");
}

async function chip(
  view: MachineView,
  wish: HardwareWish,
  isPi: boolean,
  config: BootConfig | undefined,
): Promise<Check> {
  const name = "tpm chip";
  const isThere = await view.exists("/dev/tpmrm0");
  const hasOverlay = config?.overlays.some((overlay) => TPM_OVERLAY.test(overlay)) === true;
  if (isThere) return ok(name, hasOverlay ? "the overlay is loaded, and /dev/tpmrm0 is there" : "/dev/tpmrm0 is there");
  if (wish.tpm === "software" || wish.tpm === "none") return ok(name, "none is configured");
  if (isPi && config !== undefined && !hasOverlay) {
    const fix = `add dtoverlay=tpm-slb9670 to ${CONFIG_TXT}, then restart`;
    return wish.tpm === "chip"
      ? fail(name, "its overlay is missing", fix)
      : ok(name, `none is fitted; if one is: ${fix}`);
  }
  if (hasOverlay) {
    const fix =
      "Switch off, seat the hat, look at its chip select (CE1): dmesg | grep -i tpm says what the kernel saw.";
    return fail(name, "its overlay is loaded, but no chip answers", fix);
  }
  if (wish.tpm === "auto") return ok(name, "none is fitted");
  return fail(name, "there is no /dev/tpmrm0", "Fit the chip, load its driver, or set [trust] tpm to what is there.");
}

/** Two hats on one chip select: both answer, and neither is understood. */
async function sharedLine(view: MachineView, isPi: boolean, config: BootConfig | undefined): Promise<Check> {
  const name = "chip select";
  if (!isPi || config === undefined) return unseen(name, "no config.txt of a Pi");
  const tpm = config.overlays.find((overlay) => TPM_OVERLAY.test(overlay));
  if (tpm === undefined) return ok(name, "no TPM on SPI");
  const others = config.overlays.filter((overlay) => takesLine7(overlay));
  for (const file of await meshtasticdFiles(view)) {
    if (ON_CE1.test((await view.text(file)) ?? "")) others.push(file);
  }
  if (others.length === 0) return ok(name, `${tpm} has CE1 (GPIO 7) for itself`);
  const fix = "Move the LoRa hat to CE0 (GPIO 8), or use a radio on USB: the TPM's line can't be shared.";
  return fail(name, `${tpm} and ${others.join(", ")} both use CE1 (GPIO 7)`, fix);
}

/** By overlays' parameters: a pin by number, and those that have the line by default. */
function takesLine7(overlay: string): boolean {
  const [name = "", ...params] = overlay.split(",");
  if (TPM_OVERLAY.test(name)) return false;
  if (params.some((param) => /^(?:gpiopin|gpio_pin|cs1_pin|cs0_pin|int_pin|pin|cs)=7$/.test(param))) return true;
  // Sit on CE1 unless told otherwise.
  return name === "mcp2515-can1" || (name === "ads7846" && !params.includes("cs=0"));
}

async function meshtasticdFiles(view: MachineView): Promise<readonly string[]> {
  const below = (await view.list(`${MESHTASTICD}/config.d`)).map((file) => `${MESHTASTICD}/config.d/${file}`);
  return [`${MESHTASTICD}/config.yaml`, ...below];
}

async function watchdog(view: MachineView): Promise<Check> {
  const name = "watchdog";
  const identity = await view.text("/sys/class/watchdog/watchdog0/identity");
  if (identity === undefined && !(await view.exists("/dev/watchdog0"))) {
    return warn(
      name,
      "there is no watchdog device",
      "On a Pi: dtparam=watchdog=on in config.txt; then a hung machine restarts.",
    );
  }
  const state = await view.text("/sys/class/watchdog/watchdog0/state");
  if (state === "inactive") {
    const fix =
      "RuntimeWatchdogSec=10s in /etc/systemd/system.conf.d/, at most 15 s on a Pi; then systemctl daemon-reexec";
    return warn(name, `${identity ?? "a device"} is there, and nobody feeds it`, fix);
  }
  return ok(name, `${identity ?? "/dev/watchdog0"}${state === undefined ? "" : `, ${state}`}`);
}

async function serialDevices(view: MachineView, wish: HardwareWish): Promise<Check> {
  const name = "serial devices";
  const devices = await view.list(SERIAL_BY_ID);
  const radios = devices.filter((device) => RADIO_WORDS.test(device) && !OTHER_WORDS.test(device));
  const path = /^serial:\/\/(\/[^?]+)/.exec(wish.modem)?.[1];
  if (path !== undefined && !(await view.exists(path))) {
    const fix =
      "Plug the radio in, or name it by /dev/serial/by-id/… in [radio] modem: ttyACM and ttyUSB numbers change.";
    return fail(name, `[radio] modem names ${path}, which is not there`, fix);
  }
  const wrong =
    path === undefined ? undefined : devices.find((device) => path.endsWith(device) && OTHER_WORDS.test(device));
  if (wrong !== undefined)
    return fail(name, `[radio] modem names ${wrong}: that is no radio`, "Name the radio's device.");
  if (radios.length > 1 && (path === undefined || /tty(?:ACM|USB)\d/.test(path))) {
    const fix = `Name the one that is meant, in [radio] modem: serial://${SERIAL_BY_ID}/${radios[0] ?? ""}`;
    return warn(
      name,
      `${radios.length} that may be radios: which one is taken changes with the order they are found`,
      fix,
    );
  }
  if (path !== undefined && /tty(?:ACM|USB)\d/.test(path) && devices.length > 1) {
    const fix = `Name it by ${SERIAL_BY_ID}/… in [radio] modem, or as /dev/meshtastic.`;
    return warn(
      name,
      `[radio] modem names ${path}, and there are ${devices.length} serial devices: numbers change`,
      fix,
    );
  }
  return ok(name, devices.length === 0 ? "none on USB" : devices.join(", "));
}

async function memory(view: MachineView): Promise<Check> {
  const name = "memory";
  const text = await view.text("/proc/meminfo");
  const kilobytes = (key: string): number | undefined => {
    const found = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text ?? "")?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [total, available] = [kilobytes("MemTotal"), kilobytes("MemAvailable")];
  if (total === undefined || available === undefined) return unseen(name, "no /proc/meminfo");
  const detail = `${Math.round(available / 1024)} of ${Math.round(total / 1024)} MiB available`;
  if (total < LEAST_MEMORY_KB) return warn(name, detail, "Use a board with 1 GiB at least.");
  if (available < LEAST_AVAILABLE_KB) return warn(name, detail, "systemd-cgtop names what takes it; restart that.");
  return ok(name, detail);
}
