/**
 * The scheduler itself through bad days: crashes, a clock that is set, a disk that fails, a radio that relays and has a
 * law of its own. Whatever happens, the radio's hour stays within the law.
 * @module
 */
import { expect, test } from "vitest";
import type { Bytes } from "../../src/kernel/bytes.ts";
import { payloadAirtimeUs, PRESETS } from "../../src/radio/airtime.ts";
import { AirtimeLedger, type Moment } from "../../src/radio/ledger.ts";
import { ALERT, ANSWER, INDEX, REQUEST } from "../../src/radio/priority.ts";
import { Scheduler } from "../../src/radio/scheduler.ts";
import { FakeClock } from "../fakes/clock.ts";
import { silentLog } from "../fakes/log.ts";
import { FakeModem } from "../fakes/modem.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR_MS = 3_600_000;
const DUTY_CYCLE = 0.02;
const LAW_US = 1000 * HOUR_MS * DUTY_CYCLE;
const PRIORITIES = [INDEX, ANSWER, REQUEST, ALERT] as const;

interface OnAir {
  readonly startMs: number;
  readonly airtimeUs: number;
}

function inHourUs(onAir: readonly OnAir[], endMs: number): number {
  const lastHour = onAir.filter(({ startMs }) => startMs > endMs - HOUR_MS && startMs <= endMs);
  return lastHour.reduce((sum, { airtimeUs }) => sum + airtimeUs, 0);
}

/** What outlasts a life of the station: the air, the disk, and luck. */
class World {
  readonly onAir: OnAir[] = [];
  /** The true time, which no clock of the station shows. */
  trueMs = 0;
  wallMs = 1.75e12;
  ours = 0;
  readonly #luck: ReturnType<typeof seeded>;
  #saved: Bytes | undefined;
  #diskWorks = true;
  #looked = 0;

  constructor(seed: number) {
    this.#luck = seeded(seed);
  }

  /** From a start to a crash, some minutes to an hour and a half. */
  async live(): Promise<void> {
    const { random, below } = this.#luck;
    const clock = new FakeClock(this.wallMs, below(1_000_000));
    const bornMs = clock.monotonicMs();
    const bornTrueMs = this.trueMs;
    const modem = new FakeModem(clock);
    const scheduler = new Scheduler({
      modem,
      clock,
      random,
      log: silentLog,
      settings: () => ({ modulation: PRESETS.LongFast, dutyCycle: DUTY_CYCLE, share: 1 }),
      ledger: this.#ledger({ monotonicMs: bornMs, wallMs: this.wallMs }),
      saveLedger: (snapshot) => this.#save(snapshot),
    });
    const truly = (): number => bornTrueMs + clock.monotonicMs() - bornMs;
    this.#report(modem);
    const stop = new AbortController();
    const running = scheduler.run(stop.signal);
    for (let minutes = 5 + below(90); minutes > 0; minutes--) {
      this.#offer(scheduler, truly);
      this.#relay();
      this.#report(modem);
      if (below(20) === 0) this.#diskWorks = !this.#diskWorks;
      await clock.advance(60_000);
      this.trueMs = truly();
      this.#look();
    }
    stop.abort();
    await running;
    // Nobody knows what the wall clock will say.
    this.wallMs = Math.max(0, clock.nowMs() + (below(3) - 1) * below(10 * HOUR_MS));
  }

  #ledger(now: Moment): AirtimeLedger {
    const restored = this.#saved === undefined ? undefined : AirtimeLedger.restore(this.#saved, now);
    return restored?.ok === true ? restored.value : new AirtimeLedger();
  }

  #save(snapshot: Bytes): Promise<void> {
    if (!this.#diskWorks) return Promise.reject(new Error("no space"));
    this.#saved = snapshot;
    return Promise.resolve();
  }

  #report(modem: FakeModem): void {
    modem.use = { channelUtilization: 0, airUtilTx: inHourUs(this.onAir, this.trueMs) / 1000 / HOUR_MS };
  }

  #offer(scheduler: Scheduler, truly: () => number): void {
    const { below } = this.#luck;
    const onSent = (airtimeUs: number): void => {
      this.ours++;
      this.onAir.push({ startMs: truly(), airtimeUs });
    };
    for (let i = below(8); i > 0; i--) {
      const priority = PRIORITIES[below(4)] ?? INDEX;
      scheduler.offer({ payload: new Uint8Array(1 + below(231)), priority, hopLimit: below(4), onSent });
    }
  }

  /** As far as the radio's own gate lets it. */
  #relay(): void {
    const { below } = this.#luck;
    const airtimeUs = payloadAirtimeUs(1 + below(231), PRESETS.LongFast);
    if (below(3) === 0 && inHourUs(this.onAir, this.trueMs) + airtimeUs < LAW_US)
      this.onAir.push({ startMs: this.trueMs, airtimeUs });
  }

  #look(): void {
    for (const { startMs } of this.onAir.slice(this.#looked)) {
      const usedUs = inHourUs(this.onAir, startMs);
      if (usedUs > LAW_US) expect.fail(`${usedUs} µs in the hour before ${startMs} ms`);
    }
    this.#looked = this.onAir.length;
  }
}

test.each([1, 2, 3, 4])("twelve hours of bad luck with seed %i break no law", async (seed) => {
  const world = new World(seed);
  let lives = 0;
  for (; world.trueMs < 12 * HOUR_MS; lives++) await world.live();
  expect(lives).toBeGreaterThan(5);
  expect(world.ours).toBeGreaterThan(100);
});
