/** Fetching through a radio that is away: what was never asked was not asked in vain. */
import { expect, test } from "vitest";
import { prefixOf, refOf } from "../../../src/dag/block-ref.ts";
import { cidOf } from "../../../src/dag/cid.ts";
import { Agenda } from "../../../src/exchange/agenda.ts";
import { Air } from "../../../src/exchange/air.ts";
import { Keeper } from "../../../src/exchange/files/keeper.ts";
import { Overheard } from "../../../src/exchange/files/overheard.ts";
import { Losses } from "../../../src/exchange/files/losses.ts";
import { DEFAULT_POLICY } from "../../../src/exchange/files/policy.ts";
import { Suspects } from "../../../src/exchange/files/suspects.ts";
import { Fetch } from "../../../src/exchange/files/fetch.ts";
import { PRESETS } from "../../../src/radio/airtime.ts";
import type { Frame } from "../../../src/radio/frame.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { silentLog } from "../../fakes/log.ts";

const DAY_MS = 86_400_000;

test("a request that waits for its turn on air for a day goes on waiting; once it is sent in vain often enough, it fails", async () => {
  const clock = new VirtualClock();
  const random = seededRandom("fetch");
  const cid = cidOf("raw", random.bytes(900));
  let away = true;
  const queue = {
    offer: (frame: Frame) => {
      if (!away) frame.onSent?.(500_000);
      return "queued" as const;
    },
    cancel: () => undefined,
  };
  const air = new Air(
    queue,
    () => ({ modulation: PRESETS.LongFast, hopLimit: 3 }),
    () => clock.monotonicMs(),
  );
  const agenda = new Agenda({ clock, capacity: 100, onFailure: () => undefined });
  const shard = { missingBlocks: () => Promise.resolve([refOf(cid)]), putBlock: () => Promise.resolve(cid) };
  const neighbours = { hopsTo: () => 0, nearestHops: () => 0 };
  const onOverheard = (): Promise<void> => Promise.resolve();
  const parts = { air, agenda, clock, random, log: silentLog, count: () => undefined };
  const learnt = {
    neighbours,
    losses: new Losses(),
    suspects: new Suspects(),
    audience: () => 2,
    keeper: new Keeper(undefined, silentLog),
  };
  const fetch = new Fetch({
    ...parts,
    ...learnt,
    shard,
    overheard: new Overheard(),
    policy: DEFAULT_POLICY,
    onOverheard,
  });
  const stop = new AbortController();
  const running = agenda.run(stop.signal);

  const transfer = await fetch.begin({
    codec: "raw",
    prefix: prefixOf(cid.multihash.digest),
    cid,
    name: "a",
    bytes: 900,
  });
  await clock.advance(DAY_MS);
  expect(transfer?.report()).toMatchObject({ state: "waiting", packets: 0, air_bytes: 0 });
  away = false;
  await clock.advance(DAY_MS);
  expect(transfer?.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("nobody in reach") });

  stop.abort();
  await clock.advance(1);
  await running;
});
