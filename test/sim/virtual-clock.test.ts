import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { seededRandom, drawBelow } from "../../src/sim/seeded-random.ts";

const never = new AbortController().signal;
/** Worked out by a separate program, in Python, of xoshiro128** 1.1. */
const GOLDEN = "2af1866a6f9eae1cfab4c333231af994";

describe("the virtual clock", () => {
  test("stands still until it is told to go on", async () => {
    const clock = new VirtualClock({ startMs: 1_000_000 });
    let woken = false;
    void clock.sleep(100, never).then(() => (woken = true));
    await clock.advance(99);
    expect([woken, clock.nowMs(), clock.monotonicMs()]).toEqual([false, 1_000_099, 99]);
    await clock.advance(1);
    expect([woken, clock.sleeping]).toEqual([true, 0]);
  });

  test("wakes in the order of the moments, and of the calls where they are equal", async () => {
    const clock = new VirtualClock();
    const random = seededRandom("order");
    const woken: [number, number][] = [];
    for (let i = 0; i < 500; i++) {
      const ms = drawBelow(random, 50);
      void clock.sleep(ms, never).then(() => woken.push([ms, i]));
    }
    await clock.advance(50);
    expect(woken).toEqual(woken.toSorted(([a, i], [b, j]) => a - b || i - j));
    expect(woken).toHaveLength(500);
  });

  test("lets all that a wake-up sets off happen before the next", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const walk = async (name: string): Promise<void> => {
      for (let step = 0; step < 3; step++) {
        await clock.sleep(10, never);
        for (let i = 0; i < 20; i++) await Promise.resolve();
        seen.push(`${name}${step} at ${clock.monotonicMs()}`);
      }
    };
    void walk("a");
    void walk("b");
    await clock.advance(30);
    expect(seen).toEqual(["a0 at 10", "b0 at 10", "a1 at 20", "b1 at 20", "a2 at 30", "b2 at 30"]);
  });

  test("frees a sleeper at once when its signal aborts, and forgets it", async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const sleeps = Array.from({ length: 1000 }, (_, i) => clock.sleep(i, stop.signal));
    void clock.sleep(500, never);
    stop.abort();
    await Promise.all(sleeps);
    await clock.sleep(1e9, stop.signal);
    expect(clock.sleeping).toBe(1);
    await clock.advance(500);
    expect([clock.sleeping, clock.monotonicMs()]).toEqual([0, 500]);
  });

  test("runs until a condition or a promise, and says whether it came in time", async () => {
    const clock = new VirtualClock();
    let count = 0;
    const ticker = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(10, never);
        count++;
      }
    };
    void ticker();
    expect(await clock.runUntil(() => count === 5, 1000)).toBe(true);
    expect(clock.monotonicMs()).toBe(50);
    expect(await clock.runUntil(clock.sleep(25, never), 1000)).toBe(true);
    expect(clock.monotonicMs()).toBe(75);
    expect(await clock.runUntil(new Promise(() => undefined), 1000)).toBe(false);
    expect(clock.monotonicMs()).toBe(1075);
  });

  test("passes on the failure of what it runs until", async () => {
    const clock = new VirtualClock();
    const failing = clock.sleep(5, never).then(() => Promise.reject(new Error("broken")));
    await expect(clock.runUntil(failing, 100)).rejects.toThrow("broken");
    await expect(
      clock.runUntil(() => {
        throw new Error("bad condition");
      }, 100),
    ).rejects.toThrow("bad condition");
    await clock.advance(1);
  });

  test("can't be run by two at once", async () => {
    const clock = new VirtualClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow("already runs");
    await first;
  });

  test("jumps as the machine's clock does when it learns the time", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    let woken = false;
    void clock.sleep(100, never).then(() => (woken = true));
    clock.jump(1_000_000);
    await clock.advance(50);
    expect([clock.nowMs(), clock.monotonicMs(), woken]).toEqual([1_000_050, 50, false]);
  });
});

describe("seeded random numbers", () => {
  test("are the same for the same seed, and others for another", () => {
    const take = (seed: string | number): number[] => [...seededRandom(seed).bytes(16)];
    expect(take("village")).toEqual(take("village"));
    expect(take(7)).toEqual(take("7"));
    expect(take("village/1")).not.toEqual(take("village/2"));
  });

  test("are the golden bytes, so that a seed noted years ago replays", () => {
    expect(Buffer.from(seededRandom("caye").bytes(16)).toString("hex")).toBe(GOLDEN);
  });

  test("come evenly", () => {
    const random = seededRandom("dice");
    const counts = Array.from({ length: 6 }, () => 0);
    for (let i = 0; i < 60_000; i++) {
      const side = drawBelow(random, 6);
      counts[side] = (counts[side] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });
});
