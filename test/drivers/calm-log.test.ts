/** A device gone mad does not fill the disk with its log. @module */
import { expect, test } from "vitest";
import { calmLog } from "../../src/drivers/calm-log.ts";
import { keepingLog, type LogLine } from "../fakes/log.ts";

test("says the same twenty times in a minute, then counts, and tells the count with the next", () => {
  const lines: LogLine[] = [];
  let nowMs = 5;
  const log = calmLog(keepingLog(lines), { monotonicMs: () => nowMs });
  for (let i = 0; i < 1_000; i++) log.info("the radio has restarted", { i });
  expect(lines).toHaveLength(20);
  log.warn("another sentence");
  expect(lines).toHaveLength(21);
  nowMs += 60_000;
  log.info("the radio has restarted", { i: 1_000 });
  expect(lines.at(-1)).toMatchObject({ level: "info", fields: { i: 1_000, left_out: 980 } });
  log.info("the radio has restarted");
  expect(lines.at(-1)?.fields).toEqual({});
});

test("leaves debugging alone", () => {
  const lines: LogLine[] = [];
  const log = calmLog(keepingLog(lines), { monotonicMs: () => 0 });
  for (let i = 0; i < 100; i++) log.debug("frame");
  expect(lines).toHaveLength(100);
});
