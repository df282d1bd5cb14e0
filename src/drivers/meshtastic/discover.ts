/**
 * Finds a Meshtastic radio among the USB serial ports, by the ids of the chips that such boards carry.
 *
 * Reads what the kernel shows in sysfs: no native code, no helper program.
 * @module
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * `vendor:product` or a whole `vendor`, the surest first: chips that hardly anything but a radio has, then the general
 * USB-to-serial bridges.
 */
const KNOWN_IDS: readonly string[] = [
  "239a", // boot loader of nRF52840 boards: RAK4631, T-Echo, …
  "2886", // Seeed: T1000-E, XIAO, Wio Tracker
  "303a", // ESP32-S3 and -C3 with their own USB: Heltec V3/V4, T-Deck, Station G2
  "2e8a", // RP2040 and RP2350 boards
  "1a86:55d4", // CH9102
  "10c4:ea60", // CP210x
  "1a86:7523", // CH340
];
/** So many of them are on hardly anything but radios; a bridge may also have a GPS receiver behind it. */
const SURE_IDS = 4;
/** From a port's folder up to the USB device that it belongs to. */
const MAX_PARENTS = 4;

export interface DiscoveryPlaces {
  /** The kernel's list of terminals. */
  readonly terminals: string;
  /** udev's names that stay the same whatever else is plugged in. */
  readonly stableNames: string;
  readonly devices: string;
  /** udev's name of the random source, which may sit behind a bridge like a radio's. */
  readonly randomSource?: string;
}

const LINUX: DiscoveryPlaces = {
  terminals: "/sys/class/tty",
  stableNames: "/dev/serial/by-id",
  devices: "/dev",
  randomSource: "/dev/qrng",
};

interface Candidate {
  readonly device: string;
  readonly rank: number;
}

/** The `serial:` URI of the likeliest radio, by its stable name where it has one; undefined when there is none. */
export async function discoverRadio(places: DiscoveryPlaces = LINUX): Promise<string | undefined> {
  const [best] = (await candidates(places)).toSorted((a, b) => a.rank - b.rank);
  return best && (await uriOf(places, best));
}

/**
 * The `serial:` URIs of all that may be the radio, in a fixed order. With a chip there that only radios have, general
 * bridges are left out: something else is behind them.
 */
export async function likelyRadios(places: DiscoveryPlaces = LINUX): Promise<readonly string[]> {
  const random = await realpath(places.randomSource ?? "").catch(() => undefined);
  const all = (await candidates(places)).filter(({ device }) => device !== random);
  const sure = all.filter(({ rank }) => rank < SURE_IDS);
  return await Promise.all((sure.length > 0 ? sure : all).map((one) => uriOf(places, one)));
}

async function candidates({ terminals, devices }: DiscoveryPlaces): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const name of await namesIn(terminals)) {
    const rank = /^tty(?:ACM|USB)\d+$/.test(name) ? await rankOf(`${terminals}/${name}/device`) : -1;
    if (rank >= 0) found.push({ device: `${devices}/${name}`, rank });
  }
  return found;
}

async function uriOf({ stableNames }: DiscoveryPlaces, { device }: Candidate): Promise<string> {
  const path = (await stableName(stableNames, device)) ?? device;
  return `serial://${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The place of the port's USB device in our list, or -1. */
async function rankOf(port: string): Promise<number> {
  let folder = await realpath(port).catch(() => undefined);
  for (let i = 0; i <= MAX_PARENTS && folder !== undefined; i++, folder = dirname(folder)) {
    const vendor = await word(`${folder}/idVendor`);
    if (vendor === undefined) continue;
    const both = `${vendor}:${(await word(`${folder}/idProduct`)) ?? ""}`;
    return KNOWN_IDS.findIndex((known) => known === both || known === vendor);
  }
  return -1;
}

async function stableName(folder: string, device: string): Promise<string | undefined> {
  for (const name of await namesIn(folder)) {
    const link = `${folder}/${name}`;
    if ((await realpath(link).catch(() => undefined)) === device) return link;
  }
  return undefined;
}

/** In a fixed order; empty when there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

async function word(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text?.trim().toLowerCase();
}
