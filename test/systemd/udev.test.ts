/** Names of devices: what udev would make of radios, random sources and chips, in whatever order they come. */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { env } from "node:process";
import { expect, test } from "vitest";
import { follow, parseRules, type UdevDevice } from "./udev-rules.ts";

const RULES = resolve(import.meta.dirname, "../../systemd/udev/70-caye.rules");
const rules = parseRules(readFileSync(RULES, "utf8"));
/** Each USB device hangs on a hub and a host controller, which have attributes of their own. */
const ABOVE = [
  { idVendor: "1d6b", idProduct: "0002", product: "xHCI Host Controller", serial: "0000:01:00.0" },
  { idVendor: "2109", idProduct: "3431", product: "USB2.0 Hub" },
];

function serial(kernel: string, usb: Readonly<Record<string, string>>): UdevDevice {
  const { serial: number } = usb;
  const known = number === undefined ? {} : { ID_SERIAL_SHORT: number };
  return { subsystem: "tty", kernel, parents: [{ driver: "cdc_acm" }, usb, ...ABOVE], env: known };
}

const RAK = { idVendor: "239a", idProduct: "8029", product: "WisCore RAK4631 Board", serial: "920EEC1C42D9A8BC" };
const HELTEC = { idVendor: "10c4", idProduct: "ea60", product: "CP2102 USB to UART Bridge", serial: "0001" };
const CH340 = { idVendor: "1a86", idProduct: "7523", product: "USB Serial" };
const QCICADA = { idVendor: "0403", idProduct: "6015", product: "Crypta Labs QCicada-QRNG", serial: "DK0ABCDE" };
const FTDI = { idVendor: "0403", idProduct: "6001", product: "FT232R USB UART", serial: "A10KZP4Q" };

test("two radios have each a name of its own besides the one that both want", () => {
  expect(follow(rules, serial("ttyACM0", RAK))).toMatchObject({
    links: ["meshtastic", "meshtastic-920EEC1C42D9A8BC"],
    group: "dialout",
    mode: "0660",
    tags: ["systemd"],
    env: { SYSTEMD_ALIAS: "/dev/meshtastic" },
  });
  expect(follow(rules, serial("ttyUSB0", HELTEC)).links).toEqual(["meshtastic", "meshtastic-0001"]);
});

test("a radio without a serial number has the common name alone", () => {
  expect(follow(rules, serial("ttyUSB7", CH340)).links).toEqual(["meshtastic"]);
});

test.each(["ttyUSB0", "ttyUSB1"])("a random source on an FTDI bridge is no radio, as %s", (kernel) => {
  expect(follow(rules, serial(kernel, QCICADA))).toMatchObject({ links: ["qrng", "qrng-DK0ABCDE"], group: "dialout" });
});

test("any other FTDI bridge gets no name: it may be anything", () => {
  expect(follow(rules, serial("ttyUSB0", FTDI))).toMatchObject({ links: [], group: "", mode: "" });
});

test("ids that belong to different devices above each other name nothing", () => {
  const device = serial("ttyACM0", { idVendor: "239a", idProduct: "0001" });
  expect(
    follow(rules, { ...device, parents: [...(device.parents ?? []), { idVendor: "ffff", idProduct: "8029" }] }).links,
  ).toEqual([]);
});

test.each([
  ["gpio", "gpiochip10", { group: "gpio", mode: "0660" }],
  ["tpmrm", "tpmrm0", { group: "tss", mode: "0660" }],
  ["misc", "hwrng", { group: "caye", mode: "0640" }],
  ["tpm", "tpm0", { group: "", mode: "" }],
  ["block", "sda", { group: "", mode: "" }],
])("%s %s", (subsystem, kernel, outcome) => {
  expect(follow(rules, { subsystem, kernel })).toMatchObject(outcome);
});

test("a word that udev does not know is found", () => {
  for (const wrong of ['SUBSYSTEM=="tty", SYMLNK+="x"', 'KERNEL="ttyACM0"', 'ATTRS=="x"', 'KERNEL=="a" MODE="0"']) {
    expect(() => parseRules(wrong), wrong).toThrow();
  }
});

test("udev itself takes the rules", ({ skip }) => {
  const verify = (command: string, args: readonly string[]) =>
    spawnSync(command, [...args, "verify", "--resolve-names=late", RULES], { encoding: "utf8" });
  const here = verify("udevadm", []);
  if (here.status === 0) return;
  // Debian 12's can't; a tree of the test machines may have Debian 13's.
  const [tree] = globSync(join(env["CAYE_MACHINES"] ?? "/var/cache/caye-machines", "trees/trixie-amd64-*"));
  const old = /unknown|no such file/i.test(`${here.stderr}${here.error?.message}`);
  expect(old, here.stderr).toBe(true);
  if (tree === undefined) {
    skip("no udevadm that can verify rules (systemd 254 can), here or in a test tree");
    return;
  }
  const copy = `${tree}.rules`;
  cpSync(RULES, copy);
  try {
    const script =
      'mount --make-rprivate / && mount --bind "$1" "$2/etc/hostname" && exec chroot "$2" udevadm verify --resolve-names=late --no-style /etc/hostname';
    const there = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", copy, tree], { encoding: "utf8" });
    if (/Operation not permitted/.test(there.stderr)) skip("no right to look from within a test tree");
    expect(there.status, there.stderr).toBe(0);
  } finally {
    rmSync(copy);
  }
});
