import { describe, expect, test } from "vitest";
import { scaledClock, systemClock } from "../../src/drivers/clock.ts";
import { systemRandom } from "../../src/drivers/random.ts";

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe("the machine's clock", () => {
  test("goes on, and never back", async () => {
    const clock = systemClock();
    const before = clock.monotonicMs();
    await clock.sleep(3, new AbortController().signal);
    expect(clock.monotonicMs()).toBeGreaterThan(before);
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1000);
  });

  test("wakes a sleeper at once when the signal aborts, and leaves no timer behind", async () => {
    const clock = systemClock();
    const before = timers();
    const stop = new AbortController();
    const sleep = clock.sleep(3_600_000, stop.signal);
    const endless = clock.sleep(1e15, stop.signal);
    expect(timers()).toBe(before + 2);
    stop.abort();
    await Promise.all([sleep, endless]);
    await clock.sleep(1000, stop.signal);
    expect(timers()).toBe(before);
  });

  test("can run faster", async () => {
    const clock = scaledClock(1000);
    const startMs = clock.nowMs();
    await clock.sleep(2000, new AbortController().signal);
    expect(clock.monotonicMs()).toBeGreaterThan(1000);
    expect(clock.nowMs() - startMs).toBeGreaterThan(1000);
    expect(() => scaledClock(0)).toThrow(RangeError);
  });
});

describe("the system's random numbers", () => {
  test("come in the asked length, on a buffer of their own, and never twice", () => {
    const random = systemRandom();
    expect(random.bytes(0)).toHaveLength(0);
    const [a, b] = [random.bytes(16), random.bytes(16)];
    expect(a.buffer.byteLength).toBe(16);
    expect(a).not.toEqual(b);
  });
});
