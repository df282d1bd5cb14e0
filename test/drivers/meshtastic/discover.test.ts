import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { discoverRadio, type DiscoveryPlaces } from "../../../src/drivers/meshtastic/discover.ts";

describe("looking for a radio", () => {
  let root: string;
  let places: DiscoveryPlaces;

  beforeEach(async () => {
    root = await mkdtemp(`${tmpdir()}/sysfs-`);
    places = { terminals: `${root}/tty`, stableNames: `${root}/by-id`, devices: `${root}/dev` };
    await Promise.all(["tty", "by-id", "dev"].map((folder) => mkdir(`${root}/${folder}`)));
  });

  afterEach(() => rm(root, { recursive: true }));

  /** As sysfs has it: the port's folder lies below that of its USB device. */
  async function plug(name: string, vendor: string, product: string, stableName?: string): Promise<void> {
    const usb = `${root}/usb-${name}`;
    await mkdir(`${usb}/interface/port`, { recursive: true });
    await writeFile(`${usb}/idVendor`, `${vendor}\n`);
    await writeFile(`${usb}/idProduct`, `${product}\n`);
    await mkdir(`${places.terminals}/${name}`);
    await symlink(`${usb}/interface/port`, `${places.terminals}/${name}/device`);
    await writeFile(`${places.devices}/${name}`, "");
    if (stableName !== undefined) await symlink(`../dev/${name}`, `${places.stableNames}/${stableName}`);
  }

  test("finds none on a machine without one, or without any such folder", async () => {
    expect(await discoverRadio(places)).toBeUndefined();
    await plug("ttyACM0", "0483", "5740");
    await plug("ttyS0", "239a", "8029");
    expect(await discoverRadio(places)).toBeUndefined();
    expect(await discoverRadio({ terminals: "/none", stableNames: "/none", devices: "/none" })).toBeUndefined();
  });

  test("prefers the name that stays the same", async () => {
    await plug("ttyACM0", "239a", "8029", "usb-RAKwireless_WisCore RAK4631-if00");
    expect(await discoverRadio(places)).toBe(`serial://${root}/by-id/usb-RAKwireless_WisCore%20RAK4631-if00`);
  });

  test("prefers a chip that only radios have to a general USB-to-serial bridge", async () => {
    await plug("ttyUSB0", "10c4", "ea60");
    expect(await discoverRadio(places)).toBe(`serial://${root}/dev/ttyUSB0`);
    await plug("ttyACM3", "303A", "1001");
    expect(await discoverRadio(places)).toBe(`serial://${root}/dev/ttyACM3`);
  });

  test("takes the first of two that are alike, counting as people do", async () => {
    await plug("ttyACM10", "2886", "0057");
    await plug("ttyACM9", "2886", "0057");
    expect(await discoverRadio(places)).toBe(`serial://${root}/dev/ttyACM9`);
  });
});
