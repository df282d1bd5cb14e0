/** The board's rules: what the lamp says, when the siren sounds, when a radio is reset, what is remembered of the case. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RadioReset } from "../../src/board/radio-reset.ts";
import { signOf, SIGNS } from "../../src/board/signs.ts";
import { Siren, type SirenAlert } from "../../src/board/siren.ts";
import { forgetTampering, recallTampering, rememberTampering } from "../../src/board/tamper.ts";
import { LAMP_SIGNS } from "../../src/kernel/board-reports.ts";
import type { Memory } from "../../src/ports/memory.ts";

const WELL = { state: "running", radioReady: true, tampered: false, alerted: false } as const;

describe("the lamp", () => {
  test.each([
    ["running", WELL],
    ["warned", { ...WELL, state: "warned" }],
    ["no-radio", { ...WELL, state: "warned", radioReady: false }],
    ["tamper", { ...WELL, state: "warned", radioReady: false, tampered: true }],
    ["quarantine", { ...WELL, state: "quarantine", radioReady: false, tampered: true }],
    ["alert", { ...WELL, state: "quarantine", tampered: true, alerted: true }],
  ] as const)("says %s, the gravest alone", (sign, facts) => {
    expect(signOf(facts)).toBe(sign);
  });

  test("no two signs look alike, and each begins lit", () => {
    const shapes = LAMP_SIGNS.map((sign) => JSON.stringify(SIGNS[sign]));
    expect(new Set(shapes).size).toBe(LAMP_SIGNS.length);
    for (const sign of LAMP_SIGNS) expect(SIGNS[sign][0]?.on, sign).toBe(true);
  });

  test("flashes that are counted are short or long beyond doubt, and a pause ends them", () => {
    for (const sign of LAMP_SIGNS.filter((each) => SIGNS[each].length > 2)) {
      const lit = SIGNS[sign].filter(({ on }) => on).map(({ ms }) => ms);
      expect(
        lit.every((ms) => ms <= 200 || ms >= 800),
        sign,
      ).toBe(true);
      expect(SIGNS[sign].at(-1), sign).toEqual({ on: false, ms: 2_000 });
    }
  });

  test("the table for people has every sign", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/board.md"), "utf8");
    for (const sign of LAMP_SIGNS) expect(page).toMatch(new RegExp(`^\\| [^|]+ \\| \`${sign}\` +\\|`, "m"));
  });
});

const WALL_MS = Date.UTC(2026, 1, 3);
const ALERT: SirenAlert = {
  id: "3f9a1c20-7",
  own: false,
  status: "Actual",
  msgType: "Alert",
  severity: "Severe",
  urgency: "Immediate",
  trusted: true,
  acknowledged: false,
  sentMs: WALL_MS - 60_000,
};

describe("the siren", () => {
  const rules = { severities: ["Extreme", "Severe"], urgencies: ["Immediate"], seconds: 120 };
  const started = (): Siren => {
    const siren = new Siren(rules);
    siren.hear([], 0, WALL_MS);
    return siren;
  };

  test("sounds for a new alert, and not for longer than it should", () => {
    const siren = started();
    expect(siren.hear([ALERT], 1_000, WALL_MS)).toEqual([ALERT.id]);
    expect(siren.hear([ALERT], 120_999, WALL_MS)).toEqual([ALERT.id]);
    expect(siren.hear([ALERT], 121_000, WALL_MS)).toEqual([]);
    expect(siren.hear([ALERT], 10_000_000, WALL_MS)).toEqual([]);
  });

  test("is silent for what was held at the start, for ever", () => {
    const siren = new Siren(rules);
    expect(siren.hear([ALERT], 0, WALL_MS)).toEqual([]);
    expect(siren.hear([ALERT], 1_000, WALL_MS)).toEqual([]);
  });

  test("ends when somebody acknowledges, and when the alert holds no more", () => {
    const siren = started();
    siren.hear([ALERT], 1_000, WALL_MS);
    expect(siren.hear([{ ...ALERT, acknowledged: true }], 2_000, WALL_MS)).toEqual([]);
    const other = started();
    other.hear([ALERT], 1_000, WALL_MS);
    expect(other.hear([], 2_000, WALL_MS)).toEqual([]);
  });

  test("sounds for this node's own, for an update, and when nobody knows how old it is", () => {
    for (const changes of [{ own: true }, { msgType: "Update" }, { sentMs: undefined }, { severity: "Extreme" }]) {
      expect(started().hear([{ ...ALERT, ...changes }], 1, WALL_MS), JSON.stringify(changes)).toHaveLength(1);
    }
    expect(started().hear([ALERT], 1, 0)).toHaveLength(1);
  });

  test.each([
    { status: "Exercise" },
    { status: "Test" },
    { status: "System" },
    { msgType: "Cancel" },
    { severity: "Moderate" },
    { urgency: "Future" },
    { trusted: false },
    { acknowledged: true },
    { sentMs: WALL_MS - 3_600_001 },
  ])("is silent for %j, also later", (changes) => {
    const siren = started();
    expect(siren.hear([{ ...ALERT, ...changes }], 1_000, WALL_MS)).toEqual([]);
    expect(siren.hear([{ ...ALERT, acknowledged: true }], 2_000, WALL_MS)).toEqual([]);
  });

  test("never sounds for one alert for longer than it should, whatever happens", () => {
    const step = fc.record({
      passMs: fc.integer({ min: 0, max: 90_000 }),
      held: fc.boolean(),
      acknowledged: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const siren = started();
        let nowMs = 0;
        let firstMs: number | undefined;
        for (const { passMs, acknowledged } of steps) {
          nowMs += passMs;
          const sounds = siren.hear([{ ...ALERT, acknowledged }], nowMs, WALL_MS).length > 0;
          if (sounds) firstMs ??= nowMs;
          expect(sounds && (acknowledged || nowMs - (firstMs ?? nowMs) >= 120_000)).toBe(false);
        }
      }),
    );
  });
});

describe("the radio's reset", () => {
  const MINUTE = 60_000;
  const dueAt = (reset: RadioReset, untilMinutes: number, frames = (_minute: number) => 0): number[] =>
    Array.from({ length: untilMinutes }, (_, minute) => minute + 1).filter((minute) =>
      reset.isDue(frames(minute), minute * MINUTE),
    );

  test("comes after some minutes of silence, each time after twice as many, and six times at most", () => {
    const reset = new RadioReset(15, 0);
    expect(dueAt(reset, 20_000)).toEqual([15, 45, 105, 225, 465, 945]);
    expect(reset.total).toBe(6);
  });

  test("does not come while the radio speaks", () => {
    expect(dueAt(new RadioReset(15, 0), 5_000, (minute) => Math.floor(minute / 14))).toEqual([]);
  });

  test("begins anew after a radio that lived for a while, not after a single word", () => {
    const healthy = new RadioReset(15, 0);
    expect(dueAt(healthy, 200, (minute) => (minute < 20 ? 0 : Math.min(minute, 60)))).toEqual([15, 75, 105, 165]);
    const gasping = new RadioReset(15, 0);
    expect(dueAt(gasping, 200, (minute) => (minute < 17 ? 0 : 1))).toEqual([15, 47, 107]);
  });
});

describe("what is remembered of the case", () => {
  const memoryOf = (text?: string): Memory => {
    let bytes = text === undefined ? undefined : new TextEncoder().encode(text);
    return {
      read: async () => bytes,
      writeAtomic: async (_, given) => void (bytes = new Uint8Array(given)),
      remove: async () => void (bytes = undefined),
    };
  };

  test("is what was written, until it is forgotten", async () => {
    const memory = memoryOf();
    expect(await recallTampering(memory)).toBeUndefined();
    await rememberTampering(memory, { atMs: WALL_MS, told: true });
    expect(await recallTampering(memory)).toEqual({ atMs: WALL_MS, told: true });
    await forgetTampering(memory);
    expect(await recallTampering(memory)).toBeUndefined();
  });

  const LATER_THAN_ANY_DATE = '{"at_ms":8640000000000001,"told":true}';

  test.each([
    "",
    "{}",
    "[]",
    "null",
    '{"at_ms":-1,"told":false}',
    '{"at_ms":1,"told":false,"more":1}',
    "\u00ff",
    LATER_THAN_ANY_DATE,
  ])("%j can't be read, and counts as opened", async (text) => {
    expect(await recallTampering(memoryOf(text))).toEqual({ atMs: 0, told: false });
  });
});
