/** The airtime book on disk: what was sent still counts after a restart, and what can't be read stops nobody. */
import { expect, test } from "vitest";
import { openAirBook } from "../../src/desk/air-book.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { FakeClock } from "../fakes/clock.ts";
import { keepingLog, silentLog, type LogLine } from "../fakes/log.ts";
import { FaultyStore } from "../fakes/store.ts";

const HOUR_MS = 3_600_000;

test("begins empty", async () => {
  const { ledger } = await openAirBook(new FaultyStore(), new FakeClock(), silentLog);
  expect(ledger.usedUs(5_000)).toBe(0);
});

test("still counts after a restart what was sent before, until the hour is over", async () => {
  const store = new FaultyStore();
  const before = new FakeClock(1_750_000_000_000, 900_000);
  const book = await openAirBook(store, before, silentLog);
  book.ledger.record(before.monotonicMs(), 7_000_000);
  await book.save(book.ledger.snapshot({ monotonicMs: before.monotonicMs(), wallMs: before.nowMs() }));
  // The machine starts again ten minutes later: its monotonic clock begins anew.
  const after = new FakeClock(1_750_000_600_000, 10);
  const { ledger } = await openAirBook(store, after, silentLog);
  expect(ledger.usedUs(after.monotonicMs())).toBe(7_000_000);
  expect(ledger.usedUs(after.monotonicMs() + HOUR_MS + 120_000)).toBe(0);
});

test("still keeps silence after a restart when the radio wanted it", async () => {
  const store = new FaultyStore();
  const before = new FakeClock(1_750_000_000_000, 900_000);
  const book = await openAirBook(store, before, silentLog);
  book.ledger.silence(before.monotonicMs(), 50 * 60_000);
  await book.save(book.ledger.snapshot({ monotonicMs: before.monotonicMs(), wallMs: before.nowMs() }));
  const { ledger } = await openAirBook(store, new FakeClock(1_750_000_600_000, 10), silentLog);
  expect(ledger.silentMs(10)).toBe(40 * 60_000);
});

test("a book that can't be read is begun anew, and the log says so", async () => {
  for (const value of [new Uint8Array(0), utf8("nonsense"), new Uint8Array(100).fill(0xff)]) {
    const store = new FaultyStore();
    await store.write([{ key: utf8("~airtime"), value }]);
    const lines: LogLine[] = [];
    const { ledger } = await openAirBook(store, new FakeClock(), keepingLog(lines));
    expect(ledger.usedUs(5_000)).toBe(0);
    expect(lines).toMatchObject([{ level: "warn", fields: { reason: expect.any(String) } }]);
  }
});

test("a disk that fails is not taken for an empty book", async () => {
  const store = new FaultyStore();
  store.readFailure = new AgentError("STORE_IO", "the disk fails");
  await expect(openAirBook(store, new FakeClock(), silentLog)).rejects.toMatchObject({ code: "STORE_IO" });
});
