/** What this machine tells of itself; its sensors are a folder that looks like the kernel's. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, afterAll, expect, test } from "vitest";
import { readMachineFigures } from "../../../src/drivers/telemetry/machine-figures.ts";

let thermal: string;
beforeAll(async () => {
  thermal = await mkdtemp(join(tmpdir(), "caye-thermal-"));
});
afterAll(() => rm(thermal, { recursive: true, force: true }));

async function sensor(zone: string, type: string, temp: string): Promise<void> {
  await mkdir(join(thermal, zone));
  await writeFile(join(thermal, zone, "type"), `${type}\n`);
  await writeFile(join(thermal, zone, "temp"), temp);
}

test("memory, processor, disk and clock are this machine's", async () => {
  const statePath = tmpdir();
  const { disk, residentBytes, heapUsedBytes, cpuS, unixS, eventLoopLagS } = await readMachineFigures({ statePath });
  expect(disk?.totalBytes).toBeGreaterThan(disk?.freeBytes ?? Number.NaN);
  expect(residentBytes).toBeGreaterThan(heapUsedBytes);
  expect(heapUsedBytes).toBeGreaterThan(1e6);
  expect(cpuS).toBeGreaterThan(0);
  expect(Math.abs(unixS * 1000 - Date.now())).toBeLessThan(60_000);
  expect(eventLoopLagS).toBeGreaterThanOrEqual(0);
});

test("a sensor gives degrees; one that can't be read, and what is no sensor, are left out", async () => {
  await sensor("thermal_zone0", "cpu-thermal", "51234\n");
  await sensor("thermal_zone1", "broken", "N/A\n");
  await sensor("thermal_zone2", "roof", "-4000\n");
  await sensor("cooling_device0", "fan", "1\n");
  const { temperatures } = await readMachineFigures({ statePath: tmpdir(), thermal });
  expect(temperatures).toEqual([
    { sensor: "0:cpu-thermal", celsius: 51.234 },
    { sensor: "2:roof", celsius: -4 },
  ]);
});

test("a machine without sensors, and a disk that is gone, leave their figures out", async () => {
  const nowhere = join(thermal, "none");
  const figures = await readMachineFigures({ statePath: nowhere, thermal: nowhere, watchdogBeats: () => 3 });
  expect(figures).toMatchObject({ disk: undefined, temperatures: [], watchdogBeats: 3 });
});
