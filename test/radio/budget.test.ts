/** The law, whatever befalls the book: share, relaying, restarts, clocks that jump, disks that fail. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budget, lawUs, shareUs } from "../../src/radio/budget.ts";
import { AirtimeLedger } from "../../src/radio/ledger.ts";

const HOUR_MS = 3_600_000;
const LIMITS = { dutyCycle: 0.1, share: 0.5 };

test("is our share of the law, and less when the law has less left", () => {
  const ledger = new AirtimeLedger();
  const budget = new Budget();
  expect([lawUs(LIMITS), shareUs(LIMITS), budget.budgetUs(LIMITS, 0)]).toEqual([360e6, 180e6, 180e6]);
  budget.report(0.04, ledger, 0);
  expect([budget.othersUs(0), budget.budgetUs(LIMITS, 0)]).toEqual([144e6, 180e6]);
  budget.report(0.08, ledger, 60_000);
  expect([budget.othersUs(0), budget.budgetUs(LIMITS, 60_000)]).toEqual([288e6, 72e6]);
  budget.report(0.2, ledger, 120_000);
  expect(budget.budgetUs(LIMITS, 120_000)).toBe(0);
});

test("does not take our own packets for others'", () => {
  const ledger = new AirtimeLedger();
  const budget = new Budget();
  ledger.record(0, 100e6);
  budget.report(100 / 3_600, ledger, 200_000);
  expect(Math.round(budget.othersUs(200_000))).toBe(0);
  budget.report(150 / 3_600, ledger, 260_000);
  expect(Math.round(budget.othersUs(260_000))).toBe(50e6);
});

test("a radio that restarts forgets what it sent for others; the law does not, for an hour", () => {
  const ledger = new AirtimeLedger();
  const budget = new Budget();
  budget.report(0.08, ledger, 0);
  budget.report(0, ledger, 60_000);
  expect(budget.budgetUs(LIMITS, 60_000)).toBe(72e6);
  budget.report(0.01, ledger, 120_000);
  expect(budget.budgetUs(LIMITS, 120_000)).toBe(36e6);
  expect(budget.budgetUs(LIMITS, 60_000 + HOUR_MS)).toBe(180e6);
});

test("an hour that passes by itself is no restart", () => {
  const ledger = new AirtimeLedger();
  const budget = new Budget();
  budget.report(0.08, ledger, 0);
  budget.report(0, ledger, HOUR_MS);
  expect(budget.budgetUs(LIMITS, HOUR_MS)).toBe(180e6);
});

type Action =
  | { readonly kind: "send" | "relay"; readonly airtimeUs: number }
  | { readonly kind: "idle"; readonly ms: number }
  /** The memory is lost, and the wall clock set. */
  | { readonly kind: "crash"; readonly jumpMs: number }
  | { readonly kind: "disk"; readonly works: boolean };

interface Send {
  readonly startMs: number;
  readonly airtimeUs: number;
}

/** Time on air in the hour that ends then, in µs. */
function inHourUs(sends: readonly Send[], endMs: number): number {
  let sum = 0;
  for (const { startMs, airtimeUs } of sends) {
    const overlapMs = Math.min(endMs, startMs + airtimeUs / 1000) - Math.max(endMs - HOUR_MS, startMs);
    sum += Math.max(0, 1000 * overlapMs);
  }
  return sum;
}

const ACTION: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      airtimeUs: fc.integer({ min: 20_000, max: 14_000_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("idle" as const), ms: fc.integer({ min: 0, max: 1_500_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("relay" as const),
      airtimeUs: fc.integer({ min: 100_000, max: 20_000_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("crash" as const), jumpMs: fc.integer({ min: -1e10, max: 1e10 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disk" as const), works: fc.boolean() }) },
);

describe("in any rolling hour, whatever happens,", () => {
  /**
   * A station that books, saves, waits and sends as the scheduler does, beside a radio that counts exactly. A crash takes
   * the memory and sets both clocks anew; the wall clock may be set to anything while nobody looks.
   */
  function played(actions: readonly Action[], share: number) {
    const limits = { dutyCycle: 0.02, share };
    const ours: Send[] = [];
    const all: Send[] = [];
    let nowMs = 10_000;
    let wallMs = 1.75e12;
    let ledger = new AirtimeLedger();
    let budget = new Budget();
    let saved = ledger.snapshot({ monotonicMs: nowMs, wallMs });
    let diskWorks = true;
    const pass = (ms: number): void => {
      nowMs += ms;
      wallMs += ms;
    };
    const listen = (): void => budget.report(inHourUs(all, nowMs) / 3.6e9, ledger, nowMs);
    const save = (): void => {
      if (diskWorks) saved = ledger.snapshot({ monotonicMs: nowMs, wallMs });
    };
    for (const action of actions) {
      switch (action.kind) {
        case "idle":
          pass(action.ms);
          break;
        case "relay":
          // The radio's own gate: it relays only what the law leaves.
          if (inHourUs(all, nowMs) + action.airtimeUs > lawUs(limits)) break;
          all.push({ startMs: nowMs, airtimeUs: action.airtimeUs });
          pass(action.airtimeUs / 1000);
          break;
        case "disk":
          diskWorks = action.works;
          break;
        case "crash": {
          wallMs = Math.max(0, wallMs + action.jumpMs);
          const outcome = AirtimeLedger.restore(saved, { monotonicMs: nowMs, wallMs });
          ledger = outcome.ok ? outcome.value : expect.fail(outcome.reason);
          budget = new Budget();
          break;
        }
        case "send": {
          const { airtimeUs } = action;
          if (airtimeUs > shareUs(limits)) break;
          for (;;) {
            listen();
            const waitMs = ledger.waitMs(nowMs, airtimeUs, budget.budgetUs(limits, nowMs));
            if (waitMs === 0) break;
            pass(Math.min(waitMs, 60_000));
          }
          ledger.record(nowMs, airtimeUs);
          save();
          ours.push({ startMs: nowMs, airtimeUs });
          all.push({ startMs: nowMs, airtimeUs });
          pass(airtimeUs / 1000);
        }
      }
    }
    const ends = all.map(({ startMs, airtimeUs }) => startMs + airtimeUs / 1000);
    return { limits, ours, all, ends };
  }

  test("we and the radio together send no more than the law allows", () => {
    fc.assert(
      fc.property(fc.array(ACTION, { minLength: 20, maxLength: 120 }), fc.constantFrom(0.5, 1), (actions, share) => {
        const { limits, all, ends } = played(actions, share);
        for (const endMs of ends) expect(inHourUs(all, endMs)).toBeLessThanOrEqual(lawUs(limits) + 10);
      }),
      { seed: 41, numRuns: 150 },
    );
  });

  test("we send no more than our share while the disk works and the clock is not set behind our back", () => {
    const orderly = fc.array(ACTION, { minLength: 20, maxLength: 120 }).map((actions) =>
      actions.flatMap((action): Action[] => {
        if (action.kind === "disk") return [];
        // A machine that lost the time believes an earlier one.
        return action.kind === "crash" ? [{ ...action, jumpMs: -Math.abs(action.jumpMs) }] : [action];
      }),
    );
    fc.assert(
      fc.property(orderly, fc.constantFrom(0.5, 1), (actions, share) => {
        const { limits, ours, ends } = played(actions, share);
        for (const endMs of ends) expect(inHourUs(ours, endMs)).toBeLessThanOrEqual(shareUs(limits) + 10);
      }),
      { seed: 43, numRuns: 150 },
    );
  });
});
