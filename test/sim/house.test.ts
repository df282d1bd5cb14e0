/** The machines of a simulated village: disks that forget what was not synced, clocks that are wrong. */
import { describe, expect, test } from "vitest";
import { isAgentError } from "../../src/kernel/errors.ts";
import { HouseClock } from "../../src/sim/house-clock.ts";
import { SimDisk } from "../../src/sim/sim-disk.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";

const KEY = Uint8Array.of(1);
const never = new AbortController().signal;
const change = (value: number) => [{ key: KEY, value: Uint8Array.of(value) }];

describe("a disk", () => {
  test("keeps through a crash what was synced, and loses what was on its way", async () => {
    const clock = new VirtualClock();
    const disk = new SimDisk(clock, 10);
    const store = disk.open();
    const first = store.write(change(1));
    await clock.runUntil(first, 1000);
    const second = store.write(change(2)).catch((error: unknown) => error);
    await clock.advance(5);
    disk.crash();
    await clock.advance(100);
    expect(isAgentError(await second, "STORE_CLOSED")).toBe(true);
    expect(await disk.open().get(KEY)).toEqual(Uint8Array.of(1));
  });

  test("takes nothing from a life that has ended, even after the next has begun", async () => {
    const clock = new VirtualClock();
    const disk = new SimDisk(clock, 0);
    const old = disk.open();
    const next = disk.open();
    await expect(old.write(change(9))).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await next.write(change(3));
    expect(await next.get(KEY)).toEqual(Uint8Array.of(3));
  });

  test("that is full can still be read", async () => {
    const disk = new SimDisk(new VirtualClock(), 0);
    const store = disk.open();
    await store.write(change(1));
    disk.full = true;
    await expect(store.write(change(2))).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await store.get(KEY)).toEqual(Uint8Array.of(1));
  });

  test("is after a restore as it was at the backup", async () => {
    const disk = new SimDisk(new VirtualClock(), 0);
    await disk.open().write(change(1));
    const backup = await disk.backup();
    await disk.open().write(change(2));
    await disk.restore(backup);
    expect(await disk.open().get(KEY)).toEqual(Uint8Array.of(1));
  });
});

describe("a machine's clock", () => {
  test("runs too fast by its rate, and never wakes a sleeper early", async () => {
    const base = new VirtualClock();
    await base.advance(123_456.789);
    const clock = new HouseClock(base, 1 + 500e-6);
    for (const ms of [0.1, 1 / 3, 7, 1000.5]) {
      const dueMs = clock.monotonicMs() + ms;
      await base.runUntil(clock.sleep(ms, never), 10_000);
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(dueMs);
    }
    clock.boot();
    await base.advance(1_000_000);
    expect(clock.monotonicMs()).toBeCloseTo(1_000_500, 3);
  });

  test("counts intervals from its boot, and its wall clock may be off", async () => {
    const base = new VirtualClock();
    await base.advance(5000);
    const clock = new HouseClock(base, 1);
    clock.boot();
    clock.wallOffsetMs = -86_400_000;
    expect(clock.monotonicMs()).toBe(0);
    expect(clock.nowMs()).toBe(base.nowMs() - 86_400_000);
  });
});
