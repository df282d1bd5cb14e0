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

test("of each author's backups the newest counts, by its name; other files are none", async () => {
  const backups = await mkdtemp(join(tmpdir(), "caye-backups-"));
  try {
    const names = [
      "clinic-3f9a1c20b4d5e6f7-20270214T031500Z.caye-backup",
      "clinic-3f9a1c20b4d5e6f7-20270215T031500Z.caye-backup",
      "clinic-3f9a1c20b4d5e6f7-20270216T031500Z.caye-backup.part",
      "roof-00112233aabbccdd-19700101T000000Z.caye-backup",
      "holiday.jpg",
    ];
    for (const name of names) await writeFile(join(backups, name), "");
    const figures = await readMachineFigures({ statePath: backups, backups });
    expect(figures.backups).toEqual(
      new Map([
        ["3f9a1c20b4d5e6f7", Date.parse("2027-02-15T03:15:00Z") / 1000],
        ["00112233aabbccdd", 0],
      ]),
    );
  } finally {
    await rm(backups, { recursive: true });
  }
  const gone = await readMachineFigures({ statePath: tmpdir(), backups });
  expect(gone.backups).toBeUndefined();
  expect((await readMachineFigures({ statePath: tmpdir() })).backups).toBeUndefined();
});

test("how far an update came is read from its note; where there is none, or another file, nothing is told", async () => {
  const note = join(thermal, "state");
  const step = async (): Promise<string | undefined> =>
    (await readMachineFigures({ statePath: tmpdir(), updateState: note })).updateStep;
  expect(await step()).toBeUndefined();
  await writeFile(note, "caye-update 1\nstep=rolled-back\nfrom=0.1.0\n");
  expect(await step()).toBe("rolled-back");
  await writeFile(note, "step=../../etc/passwd\n");
  expect(await step()).toBeUndefined();
});
