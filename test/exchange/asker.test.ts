/** Asking for what the index lacks: what is asked while an earlier question still waits for its turn. */
import { expect, test } from "vitest";
import { Agenda } from "../../src/exchange/agenda.ts";
import { Air } from "../../src/exchange/air.ts";
import { Asker } from "../../src/exchange/index/asker.ts";
import { NOTHING } from "../../src/exchange/index/vector.ts";
import { Floor } from "../../src/exchange/index/floor.ts";
import { Puller } from "../../src/exchange/index/puller.ts";
import { IndexState } from "../../src/exchange/index/state.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import type { Frame } from "../../src/radio/frame.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import { freshShard } from "../dag/shards.ts";
import { silentLog } from "../fakes/log.ts";

interface Rig extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly state: IndexState;
  readonly asker: Asker;
  readonly puller: Puller;
  readonly queued: Frame[];
  readonly failures: unknown[];
}

/** On a busy channel: nothing that waits is ever sent. */
async function openRig(): Promise<Rig> {
  const clock = new VirtualClock();
  const owned = await freshShard(1);
  const state = new IndexState(owned.shard);
  state.refresh(0);
  const queued: Frame[] = [];
  const failures: unknown[] = [];
  const queue = {
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
  const shared = { ...ports, state, floor: new Floor(ports, () => 2) };
  const [asker, puller] = [new Asker(shared), new Puller(shared)];
  const stop = new AbortController();
  const running = agenda.run(stop.signal);
  return {
    clock,
    state,
    asker,
    puller,
    queued,
    failures,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await owned[Symbol.asyncDispose]();
    },
  };
}

test("when a piece comes while a question waits for its turn, the next question is a first one again", async () => {
  await using rig = await openRig();
  const { clock, state, asker, queued, failures } = rig;
  const stream = { hex: "0123456789abcdef", from: 0, to: 3, slots: 9 };
  const word = { radio: 1, nowMs: clock.monotonicMs() };
  state.gathering.want({ ...stream, bytes: new Uint8Array(0), whole: false, wanted: true }, word);
  asker.heardHolder(
    { from: 1, hops: 0 },
    { re: 7, streams: [stream], partial: false, isPush: false, isLong: false, base: NOTHING },
    9,
  );
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
});

test("who holds just what another holds leaves it to that one to ask for everything", async () => {
  const spoken = async (base: "own" | "another"): Promise<number> => {
    await using rig = await openRig();
    const { clock, state, puller, queued } = rig;
    puller.heardUnknown(77, { from: 5, hops: 0 });
    const tag = base === "own" ? state.vector.tag : state.vector.tag ^ 1;
    puller.heardPull({ type: "pull", tries: 0, bases: [tag], partial: false, vector: [] }, { from: 6, hops: 0 });
    await clock.advance(8_000);
    return queued.length;
  };
  expect(await spoken("own")).toBe(0);
  expect(await spoken("another")).toBe(1);
});

test("who heard of a base that it does not know asks again until all was told in words that it knows", async () => {
  await using rig = await openRig();
  const { clock, puller, queued } = rig;
  puller.heardUnknown(77, { from: 5, hops: 0 });
  await clock.advance(8_000);
  expect(queued.length).toBe(1);
  puller.understood(false);
  await clock.advance(120_000);
  expect(queued.length).toBeGreaterThan(1);
  puller.understood(true);
  const asked = queued.length;
  await clock.advance(3_600_000);
  expect(queued.length).toBe(asked);
});

test("whose base is not known, behind relays where somebody nearer was heard, is asked after only when that one was no help for long", async () => {
  await using rig = await openRig();
  const { clock, state, puller, queued } = rig;
  state.neighbours.note({ radio: 6, hops: 0 }, 0);
  puller.heardUnknown(77, { from: 5, hops: 2 });
  await clock.advance(300_000);
  expect(queued.length).toBe(0);
  await clock.advance(900_000);
  expect(queued.length).toBeGreaterThan(0);
});
