/** Calls share writes, in order and within bounds. @module */
import { expect, test } from "vitest";
import { GroupCommit } from "../../../src/drivers/level/group-commit.ts";

const LIMITS = { maxWaiting: 10, maxWaitingBytes: 1000, maxGroupBytes: 100 };

/** A disk that finishes a write when it is told to. */
function slowDisk() {
  const groups: number[][] = [];
  const finish: ((error?: Error) => void)[] = [];
  const commit = (items: readonly number[]): Promise<void> => {
    groups.push([...items]);
    return new Promise((resolve, reject) => {
      finish.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  };
  return { groups, commit, finish };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("calls that arrive during a write share the next one", async () => {
  const { groups, commit, finish } = slowDisk();
  const queue = new GroupCommit(commit, LIMITS);
  const first = queue.submit([1], 1);
  await turn();
  const others = Promise.all([queue.submit([2], 1), queue.submit([3, 4], 1)]);
  finish[0]?.();
  await first;
  await turn();
  finish[1]?.();
  await others;
  expect(groups).toEqual([[1], [2, 3, 4]]);
});

test("a group stays below its bytes, and a larger call goes alone", async () => {
  const { groups, commit, finish } = slowDisk();
  const queue = new GroupCommit(commit, LIMITS);
  const all = Promise.all([
    queue.submit([1], 60),
    queue.submit([2], 60),
    queue.submit([3], 500),
    queue.submit([4], 60),
  ]);
  for (let i = 0; i < 4; i++) {
    await turn();
    finish[i]?.();
  }
  await all;
  expect(groups).toEqual([[1], [2], [3], [4]]);
});

test("a failure reaches every call of its group and no other", async () => {
  const { commit, finish } = slowDisk();
  const queue = new GroupCommit(commit, LIMITS);
  const [a, b] = [queue.submit([1], 60), queue.submit([2], 30)];
  const c = queue.submit([3], 60);
  const outcomes = Promise.allSettled([a, b, c]);
  await turn();
  finish[0]?.(new Error("disk"));
  await turn();
  finish[1]?.();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});

test("more calls than may wait are refused and counted", async () => {
  const { commit, finish } = slowDisk();
  const queue = new GroupCommit(commit, LIMITS);
  const accepted = Array.from({ length: 10 }, (_, i) => queue.submit([i], 1));
  await expect(queue.submit([10], 1)).rejects.toMatchObject({ code: "STORE_BUSY" });
  expect(queue.dropped).toBe(1);
  await turn();
  finish[0]?.();
  await Promise.all(accepted);
  await queue.idle();
});
