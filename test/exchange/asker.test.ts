/** Asking for what the index lacks: what is asked while an earlier question still waits for its turn. */
import { expect, test } from "vitest";
import { Agenda } from "../../src/exchange/agenda.ts";
import { Air } from "../../src/exchange/air.ts";
import { Asker } from "../../src/exchange/index/asker.ts";
import { Floor } from "../../src/exchange/index/floor.ts";
import { IndexState } from "../../src/exchange/index/state.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import type { Frame } from "../../src/radio/frame.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import { freshShard } from "../dag/shards.ts";
import { silentLog } from "../fakes/log.ts";

test("when a piece comes while a question waits for its turn, the next question is a first one again", async () => {
  const clock = new VirtualClock();
  await using owned = await freshShard(1);
  const state = new IndexState(owned.shard);
  const queued: Frame[] = [];
  const failures: unknown[] = [];
  const queue = {
    // A busy channel: nothing that waits is ever sent.
    offer: (frame: Frame) => {
      queued.push(frame);
      return "replaced" as const;
    },
    cancel: () => undefined,
  };
  const settings = () => ({ modulation: PRESETS.LongFast, hopLimit: 0 });
  const air = new Air(queue, settings, () => clock.monotonicMs());
  const agenda = new Agenda({ clock, capacity: 10, onFailure: (error) => failures.push(error) });
  const ports = { air, agenda, clock, random: seededRandom("asker"), log: silentLog, count: () => undefined };
  const floor = new Floor(ports, () => 2);
  const asker = new Asker({ ...ports, state, floor });
  const stop = new AbortController();
  const running = agenda.run(stop.signal);
  const stream = { hex: "0123456789abcdef", from: 0, to: 3, slots: 9 };
  const word = { radio: 1, nowMs: clock.monotonicMs() };
  state.gathering.want({ ...stream, bytes: new Uint8Array(0), whole: false, wanted: true }, word);
  asker.heardHolder(7, { from: 1, hops: 0 }, [stream], 9);
  asker.arm();
  await clock.runUntil(() => queued.length > 0, 600_000);
  asker.progress(true);
  await clock.runUntil(() => queued.length > 1 || failures.length > 0, 600_000);
  expect(failures).toEqual([]);
  const tries = queued.map(({ payload }) => {
    const message = decodeMessage(payload);
    return message.ok && message.value.type === "want" ? message.value.tries : undefined;
  });
  expect(tries).toEqual([0, 0]);
  stop.abort();
  await running;
});
