/** The queue before the air. @module */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { WaitingQueue, type Waiting } from "../../src/radio/waiting.ts";

interface Item extends Waiting {
  readonly id: string;
}

function item(id: string, priority: number, more: Partial<Item> = {}): Item {
  return { id, priority, ...more };
}

function drained(queue: WaitingQueue<Item>, nowMs = 0): string {
  let ids = "";
  for (let next = queue.first(nowMs); next !== undefined; next = queue.first(nowMs)) {
    ids += next.id;
    queue.remove(next);
  }
  return ids;
}

test("gives the most important first, the oldest of these before the others", () => {
  const queue = new WaitingQueue<Item>(9);
  for (const waiting of [item("a", 0), item("b", 1), item("c", 0), item("d", 3), item("e", 1)]) queue.offer(waiting);
  expect(drained(queue)).toBe("dbeac");
});

test("when it is full, the newest of the least important makes room for a more important one", () => {
  const queue = new WaitingQueue<Item>(3);
  queue.offer(item("a", 0));
  queue.offer(item("b", 0));
  queue.offer(item("c", 1));
  expect(queue.offer(item("d", 0))).toBe("dropped");
  expect(queue.offer(item("e", 2))).toBe("queued");
  expect(queue.dropped).toBe(2);
  expect(drained(queue)).toBe("eca");
});

test("an item with a key takes the place of the one that waits, even when it is full", () => {
  const queue = new WaitingQueue<Item>(2);
  queue.offer(item("a", 0, { key: "k" }));
  queue.offer(item("b", 0));
  expect(queue.offer(item("c", 0, { key: "k" }))).toBe("replaced");
  expect(queue.dropped).toBe(0);
  expect(drained(queue)).toBe("cb");
});

test("cancels by key, and says whether there was one", () => {
  const queue = new WaitingQueue<Item>(2);
  queue.offer(item("a", 0, { key: "k" }));
  expect(queue.cancel("other")).toBe(false);
  expect(queue.cancel("k")).toBe(true);
  expect(queue.length).toBe(0);
});

test("does not remove an item that was replaced", () => {
  const queue = new WaitingQueue<Item>(2);
  const first = item("a", 0, { key: "k" });
  queue.offer(first);
  queue.offer(item("b", 0, { key: "k" }));
  expect(queue.remove(first)).toBe(false);
  expect(drained(queue)).toBe("b");
});

test("drops what has expired, and counts it", () => {
  const queue = new WaitingQueue<Item>(4);
  queue.offer(item("a", 3, { expiresAtMs: 10 }));
  queue.offer(item("b", 0, { expiresAtMs: 11 }));
  queue.offer(item("c", 0));
  expect(drained(queue, 10)).toBe("bc");
  expect(queue.expired).toBe(1);
});

test("is never longer than its capacity, and never drops one for a less important one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }), (priorities) => {
      const queue = new WaitingQueue<Item>(8);
      for (const [i, priority] of priorities.entries()) queue.offer(item(`${priority}.${i} `, priority));
      const kept = drained(queue)
        .trim()
        .split(" ")
        .filter((id) => id !== "");
      const best = priorities.toSorted((a, b) => b - a).slice(0, 8);
      expect(kept.map((id) => Number(id[0]))).toEqual(best);
      expect(queue.dropped).toBe(Math.max(0, priorities.length - 8));
    }),
    { seed: 23, numRuns: 300 },
  );
});
