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
    ids += next.item.id;
    queue.serve(next.item);
  }
  return ids;
}

test("gives the most important first, the oldest of these before the others", () => {
  const queue = new WaitingQueue<Item>(9);
  for (const waiting of [item("a", 0), item("b", 1), item("c", 0), item("d", 3), item("e", 1)]) queue.offer(waiting, 0);
  expect(drained(queue)).toBe("dbeac");
});

test("when it is full, the newest of the least important makes room for a more important one", () => {
  const queue = new WaitingQueue<Item>(3);
  queue.offer(item("a", 0), 0);
  queue.offer(item("b", 0), 0);
  queue.offer(item("c", 1), 0);
  expect(queue.offer(item("d", 0), 0)).toBe("dropped");
  expect(queue.offer(item("e", 2), 0)).toBe("queued");
  expect(queue.dropped).toBe(2);
  expect(drained(queue)).toBe("eca");
});

test("an item with a key takes the place of the one that waits, even when it is full", () => {
  const queue = new WaitingQueue<Item>(2);
  queue.offer(item("a", 0, { key: "k" }), 0);
  queue.offer(item("b", 0), 0);
  expect(queue.offer(item("c", 0, { key: "k" }), 0)).toBe("replaced");
  expect(queue.dropped).toBe(0);
  expect(drained(queue)).toBe("cb");
});

test("cancels by key, and says whether there was one", () => {
  const queue = new WaitingQueue<Item>(2);
  queue.offer(item("a", 0, { key: "k" }), 0);
  expect(queue.cancel("other")).toBe(false);
  expect(queue.cancel("k")).toBe(true);
  expect(queue.length).toBe(0);
});

test("does not remove an item that was replaced", () => {
  const queue = new WaitingQueue<Item>(2);
  const first = item("a", 0, { key: "k" });
  queue.offer(first, 0);
  queue.offer(item("b", 0, { key: "k" }), 0);
  expect(queue.remove(first)).toBe(false);
  expect(drained(queue)).toBe("b");
});

test("drops what has expired, and counts it", () => {
  const queue = new WaitingQueue<Item>(4);
  queue.offer(item("a", 3, { expiresAtMs: 10 }), 0);
  queue.offer(item("b", 0, { expiresAtMs: 11 }), 0);
  queue.offer(item("c", 0), 0);
  expect(drained(queue, 10)).toBe("bc");
  expect(queue.expired).toBe(1);
});

test("lets flows of one priority take turns, oldest first within each, and more important ones before", () => {
  const queue = new WaitingQueue<Item>(20);
  for (const id of "abcd") queue.offer(item(id, 1, { flow: "big" }), 0);
  for (const id of "pq") queue.offer(item(id, 1, { flow: "small" }), 1);
  for (const id of "xy") queue.offer(item(id, 1), 2);
  queue.offer(item("!", 2, { flow: "big" }), 3);
  // The alert was a turn of its flow.
  expect(drained(queue)).toBe("!pxaqybcd");
});

test("remembers a flow's turn while nothing of it waits", () => {
  const queue = new WaitingQueue<Item>(20);
  let served = "";
  for (const id of "pqrs") queue.offer(item(id, 1, { flow: "long" }), 0);
  for (let round = 0; round < 8; round++) {
    // One that always comes again, one packet at a time.
    queue.offer(item("a", 1, { flow: "again", key: "a" }), 0);
    const next = queue.first(0)?.item;
    if (next === undefined) break;
    served += next.id;
    queue.serve(next);
  }
  expect(served).toBe("paqarasa");
});

test("when it is full of one flow, another of the same priority finds room at its cost, until they are even", () => {
  const queue = new WaitingQueue<Item>(4);
  for (const id of "abcd") queue.offer(item(id, 1, { flow: "big" }), 0);
  expect(queue.offer(item("p", 1, { flow: "small" }), 0)).toBe("queued");
  expect(queue.offer(item("q", 1, { flow: "small" }), 0)).toBe("queued");
  expect(queue.offer(item("r", 1, { flow: "small" }), 0)).toBe("dropped");
  expect(queue.offer(item("e", 1, { flow: "big" }), 0)).toBe("dropped");
  expect(drained(queue)).toBe("apbq");
});

test("who waits long goes up a step at a time, to the highest that age can bring, and a replacement keeps its age", () => {
  const queue = new WaitingQueue<Item>(9, { stepMs: 100, highest: 2 });
  queue.offer(item("old", 0, { key: "k" }), 0);
  queue.offer(item("new", 0, { key: "k" }), 90);
  queue.offer(item("top", 3), 1_000_000);
  const ranks = [0, 99, 100, 199, 200, 1e9].map((nowMs) => {
    const alone = new WaitingQueue<Item>(9, { stepMs: 100, highest: 2 });
    alone.offer(item("a", 0), 0);
    return alone.first(nowMs)?.rank;
  });
  expect(ranks).toEqual([0, 0, 1, 1, 2, 2]);
  expect(queue.first(1e9)).toMatchObject({ item: { id: "top" }, rank: 3 });
  queue.cancel("none");
  queue.offer(item("young", 1), 1e9);
  expect(drained(queue, 1e9)).toBe("topnewyoung");
});

test("no flow waits for more than a turn of each other one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 50 }), (flows) => {
      const queue = new WaitingQueue<Item>(64);
      for (const flow of flows) queue.offer(item(String(flow), 1, { flow: String(flow) }), 0);
      const order = drained(queue).split("");
      for (const flow of new Set(flows.map(String))) {
        const turns = order.flatMap((id, at) => (id === flow ? [at] : []));
        for (const [i, at] of turns.slice(1).entries()) {
          const others = order.slice((turns[i] ?? 0) + 1, at);
          expect(new Set(others).size).toBe(others.length);
        }
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("is never longer than its capacity, and never drops one for a less important one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }), (priorities) => {
      const queue = new WaitingQueue<Item>(8);
      for (const [i, priority] of priorities.entries()) queue.offer(item(`${priority}.${i} `, priority), 0);
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
