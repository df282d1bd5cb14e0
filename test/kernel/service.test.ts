import { describe, expect, test } from "vitest";
import { AgentError, describeError, isAgentError, systemCode } from "../../src/kernel/errors.ts";
import { BoundedQueue } from "../../src/kernel/queue.ts";
import { aborted, LinkedAbort, runAll, type Service } from "../../src/kernel/service.ts";

const until = (name: string, log: string[]): Service => ({
  name,
  run: async (signal) => {
    await aborted(signal);
    log.push(name);
  },
});

describe("services side by side", () => {
  test("all end when the signal aborts", async () => {
    const log: string[] = [];
    const stop = new AbortController();
    const running = runAll([until("a", log), until("b", log)], stop.signal);
    stop.abort();
    await running;
    expect(log.toSorted()).toEqual(["a", "b"]);
  });

  test("the first failure stops the others, and is what comes out", async () => {
    const log: string[] = [];
    const failing: Service = { name: "bad", run: () => Promise.reject(new Error("burnt")) };
    await expect(runAll([until("a", log), failing], new AbortController().signal)).rejects.toThrow("burnt");
    expect(log).toEqual(["a"]);
  });

  test("one that ends by itself counts as a failure", async () => {
    const idle: Service = { name: "idle", run: () => Promise.resolve() };
    await expect(runAll([idle], new AbortController().signal)).rejects.toThrow("idle ended by itself");
  });

  test("a linked abort follows its parent, ends alone, and leaves nothing behind", () => {
    const parent = new AbortController();
    using first = new LinkedAbort(parent.signal);
    first.abort();
    expect([first.signal.aborted, parent.signal.aborted]).toEqual([true, false]);
    using second = new LinkedAbort(parent.signal);
    const third = new LinkedAbort(parent.signal);
    third[Symbol.dispose]();
    parent.abort();
    expect([second.signal.aborted, third.signal.aborted]).toEqual([true, false]);
    using late = new LinkedAbort(parent.signal);
    expect(late.signal.aborted).toBe(true);
  });
});

describe("a bounded queue", () => {
  test("gives in order what it took, drops and counts what it could not", async () => {
    const queue = new BoundedQueue<number>(2);
    expect([queue.offer(1), queue.offer(2), queue.offer(3)]).toEqual([true, true, false]);
    const { signal } = new AbortController();
    expect([await queue.take(signal), await queue.take(signal)]).toEqual([1, 2]);
    expect(queue.dropped).toBe(1);
  });

  test("a waiting taker is woken by an arrival, or by the abort", async () => {
    const queue = new BoundedQueue<string>(1);
    const stop = new AbortController();
    const first = queue.take(stop.signal);
    queue.offer("x");
    expect(await first).toBe("x");
    const second = queue.take(stop.signal);
    stop.abort();
    expect(await second).toBeUndefined();
  });
});

describe("errors", () => {
  test("an AgentError carries code, fix and cause, and tells all in one line", () => {
    const error = new AgentError("DISK_FULL", "no room", { fix: "delete something", cause: new Error("ENOSPC") });
    expect(isAgentError(error, "DISK_FULL")).toBe(true);
    expect(isAgentError(error, "OTHER")).toBe(false);
    expect(describeError(error)).toBe("no room (ENOSPC)");
    expect(describeError("text")).toBe("text");
    expect(systemCode(Object.assign(new Error("x"), { code: "EPERM" }))).toBe("EPERM");
    expect(systemCode(undefined)).toBeUndefined();
  });
});
