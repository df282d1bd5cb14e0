/** Serving through a radio that may never send what it took into its queue. */
import { expect, test } from "vitest";
import { cidOf } from "../../src/dag/cid.ts";
import { Agenda } from "../../src/exchange/agenda.ts";
import { Air } from "../../src/exchange/air.ts";
import { Serve } from "../../src/exchange/serve.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import type { Frame } from "../../src/radio/scheduler.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import type { Get } from "../../src/wire/get.ts";
import { silentLog } from "../fakes/log.ts";

test("a symbol that the queue took and never sent ends its stream, and the next request begins it anew", async () => {
  const clock = new VirtualClock();
  const random = seededRandom("serve");
  const block = random.bytes(900);
  const cid = cidOf("raw", block);
  const queued: Frame[] = [];
  const queue = {
    offer: (frame: Frame) => {
      queued.push(frame);
      return "queued" as const;
    },
    cancel: () => undefined,
  };
  const air = new Air(
    queue,
    () => ({ modulation: PRESETS.LongFast, hopLimit: 3 }),
    () => clock.monotonicMs(),
  );
  const failures: unknown[] = [];
  const agenda = new Agenda({ clock, capacity: 100, onFailure: (error) => failures.push(error) });
  const shard = { findBlockByPrefix: () => Promise.resolve(cid), getBlock: () => Promise.resolve(block) };
  const serve = new Serve({ shard, air, agenda, clock, random, log: silentLog, count: () => undefined });
  const stop = new AbortController();
  const running = agenda.run(stop.signal);
  const get: Get = { type: "get", prefix: cid.multihash.digest.subarray(0, 8), symbols: 5 };

  await serve.onGet(get, { from: 1, hops: 0 });
  await clock.advance(10_000);
  expect(queued.length).toBe(1);
  expect(queued[0]?.expiresAtMs).toBeDefined();
  await serve.onGet(get, { from: 1, hops: 0 });
  await clock.advance(1_000);
  expect(queued.length).toBe(1);

  await clock.advance(10 * 60_000);
  expect(queued.length).toBe(1);
  await serve.onGet(get, { from: 1, hops: 0 });
  await clock.advance(10_000);
  expect(queued.length).toBe(2);
  queued[1]?.onSent?.(1_000_000);
  await clock.advance(1_000);
  expect(queued.length).toBe(3);

  stop.abort();
  await clock.advance(1);
  await running;
  expect(failures).toEqual([]);
});
