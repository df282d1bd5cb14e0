/** The machine's and this process's own figures, read when they are asked for: nothing is measured in between. @module */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cpuUsage, memoryUsage } from "node:process";
import type { MachineFigures } from "../../ports/machine-figures.ts";
import { diskSpace } from "../disk.ts";

export interface MachineFiguresOptions {
  readonly statePath: string;
  readonly watchdogBeats?: () => number | undefined;
  /** Where backups are made to; empty: nowhere. */
  readonly backups?: string;
  /** The note of how far an update is. */
  readonly updateState?: string;
  readonly spans?: () => MachineFigures["spans"];
  /** Where the kernel lists its sensors. */
  readonly thermal?: string;
}

/** Sensors that are looked at; a Pi 5 has one or two. */
const MOST_SENSORS = 16;
const BACKUP = /-([0-9a-f]{16})-(\d{8})T(\d{6})Z\.caye-backup$/;

/** Never rejects. */
export async function readMachineFigures(options: MachineFiguresOptions): Promise<MachineFigures> {
  const { statePath, watchdogBeats, spans, thermal = "/sys/class/thermal" } = options;
  const { backups: folder = "", updateState = "/var/lib/caye-update/state" } = options;
  const [disk, temperatures, eventLoopLagS, backups, updateStep] = await Promise.all([
    diskSpace(statePath),
    readTemperatures(thermal),
    loopLagS(),
    newestBackups(folder),
    stepOfUpdate(updateState),
  ]);
  const { rss, heapUsed } = memoryUsage();
  const { user, system } = cpuUsage();
  return {
    disk,
    temperatures,
    eventLoopLagS,
    backups,
    updateStep,
    unixS: Date.now() / 1000,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    cpuS: (user + system) / 1e6,
    watchdogBeats: watchdogBeats?.(),
    spans: spans?.(),
  };
}

/** A sensor that can't be read is left out: its driver may know no value at the moment. */
async function readTemperatures(root: string): Promise<MachineFigures["temperatures"]> {
  const zones = (await readdir(root).catch(() => [])).filter((name) => name.startsWith("thermal_zone"));
  const read = zones
    .toSorted()
    .slice(0, MOST_SENSORS)
    .map(async (zone) => {
      const text = async (name: string): Promise<string> => {
        try {
          return (await readFile(join(root, zone, name), "latin1")).trim();
        } catch {
          return "";
        }
      };
      const [type, milli] = await Promise.all([text("type"), text("temp")]);
      if (!/^-?\d{1,6}$/.test(milli)) return [];
      // Two zones may be of one type.
      return [{ sensor: `${zone.replace("thermal_zone", "")}:${type}`, celsius: Number(milli) / 1000 }];
    });
  return (await Promise.all(read)).flat();
}

/** By the names of the files, as `caye backup` gives them. */
async function newestBackups(folder: string): Promise<MachineFigures["backups"]> {
  if (folder === "") return undefined;
  const newest = new Map<string, number>();
  try {
    for (const name of await readdir(folder)) {
      const [, author = "", date = "", time = ""] = BACKUP.exec(name) ?? [];
      const iso = `${date.replace(/(....)(..)(..)/, "$1-$2-$3")}T${time.replace(/(..)(..)(..)/, "$1:$2:$3")}Z`;
      const atS = Date.parse(iso) / 1000;
      if (atS > (newest.get(author) ?? -1)) newest.set(author, atS);
    }
  } catch {
    return undefined;
  }
  return newest;
}

/** A word, or nothing. */
async function stepOfUpdate(path: string): Promise<string | undefined> {
  const text = await readFile(path, "latin1").catch(() => "");
  return /^step=([a-z-]{1,20})$/m.exec(text)?.[1];
}

/** From asking for the next turn of the event loop until it comes. */
function loopLagS(): Promise<number> {
  const askedMs = performance.now();
  return new Promise((resolve) => {
    setImmediate(() => resolve((performance.now() - askedMs) / 1000));
  });
}
