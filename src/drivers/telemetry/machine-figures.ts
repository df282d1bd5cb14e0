/** The machine's and this process's own figures, read when they are asked for: nothing is measured in between. @module */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cpuUsage, memoryUsage } from "node:process";
import type { MachineFigures } from "../../ports/machine-figures.ts";
import { diskSpace } from "../disk.ts";

export interface MachineFiguresOptions {
  readonly statePath: string;
  readonly watchdogBeats?: () => number | undefined;
  readonly spans?: () => MachineFigures["spans"];
  /** Where the kernel lists its sensors. */
  readonly thermal?: string;
}

/** Sensors that are looked at; a Pi 5 has one or two. */
const MOST_SENSORS = 16;

/** Never rejects. */
export async function readMachineFigures(options: MachineFiguresOptions): Promise<MachineFigures> {
  const { statePath, watchdogBeats, spans, thermal = "/sys/class/thermal" } = options;
  const [disk, temperatures, eventLoopLagS] = await Promise.all([
    diskSpace(statePath),
    readTemperatures(thermal),
    loopLagS(),
  ]);
  const { rss, heapUsed } = memoryUsage();
  const { user, system } = cpuUsage();
  return {
    disk,
    temperatures,
    eventLoopLagS,
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

/** From asking for the next turn of the event loop until it comes. */
function loopLagS(): Promise<number> {
  const askedMs = performance.now();
  return new Promise((resolve) => {
    setImmediate(() => resolve((performance.now() - askedMs) / 1000));
  });
}
