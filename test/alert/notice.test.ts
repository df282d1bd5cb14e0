/** The compact form: nothing that it keeps is lost, hostile bytes give a reason, and what does not fit is told. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CATEGORIES, CERTAINTIES, RESPONSE_TYPES, SEVERITIES, URGENCIES } from "../../src/alert/cap.ts";
import { fitNotice } from "../../src/alert/fit.ts";
import type { Notice, NoticeText } from "../../src/alert/notice.ts";
import { NOTICE_STATUSES } from "../../src/alert/notice.ts";
import { decodeNotice, encodeNotice } from "../../src/alert/notice-codec.ts";
import { NO_TEXT, noticeWith } from "../fakes/alerts.ts";
import { seeded } from "../fakes/seeded.ts";

const words = fc
  .string({ unit: "grapheme", maxLength: 30 })
  // oxlint-disable-next-line no-control-regex -- what no text may hold
  .map((text) => text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g, ""))
  .filter((text) => text.isWellFormed());
const offset = fc.option(
  fc.oneof(
    fc.integer({ min: -5000, max: 5000 }).map((m) => m * 60),
    fc.integer({ min: -1e6, max: 1e6 }),
  ),
  {
    nil: undefined,
  },
);
const point = fc.record({
  latitude: fc.integer({ min: -9_000_000, max: 9_000_000 }).map((steps) => steps / 100_000 + 0),
  longitude: fc.integer({ min: -18_000_000, max: 18_000_000 }).map((steps) => steps / 100_000 + 0),
});
const text: fc.Arbitrary<NoticeText> = fc.record({
  language: fc.constantFrom("en", "es", "bzj", "en-US", "pt-BR", "cab"),
  event: words.filter((event) => event !== ""),
  headline: words,
  instruction: words,
  description: words,
  senderName: words,
  audience: words,
  web: words,
  contact: words,
  areaDescs: fc.array(
    words.filter((name) => name !== ""),
    { maxLength: 4 },
  ),
});
const notices: fc.Arbitrary<Notice> = fc.record({
  status: fc.constantFrom(...NOTICE_STATUSES),
  msgType: fc.constant("Update" as const),
  sentUnixS: fc.integer({ min: 0, max: 0xffff_ffff }),
  references: fc
    .uniqueArray(fc.integer({ min: 1, max: 0x7fff_ffff }), { minLength: 1, maxLength: 8 })
    .map((numbers) => numbers.toSorted((a, b) => a - b)),
  categories: fc.subarray([...CATEGORIES], { minLength: 1 }),
  responseTypes: fc.subarray([...RESPONSE_TYPES]),
  urgency: fc.constantFrom(...URGENCIES),
  severity: fc.constantFrom(...SEVERITIES),
  certainty: fc.constantFrom(...CERTAINTIES),
  effectiveS: offset,
  onsetS: offset,
  expiresS: offset.map((s) => (s === undefined ? s : Math.abs(s))),
  note: words,
  texts: fc.array(text, { minLength: 1, maxLength: 4 }),
  shapes: fc.constant([]),
  full: fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 }), { nil: undefined }),
  shortened: fc.boolean(),
});
const shapes = fc.array(
  fc.record({
    polygons: fc.array(fc.array(point, { minLength: 3, maxLength: 6 }), { maxLength: 2 }),
    circles: fc.array(fc.record({ center: point, radiusKm: fc.integer({ min: 0, max: 9999 }).map((n) => n / 100) }), {
      maxLength: 2,
    }),
    geocodes: fc.array(
      fc.record({ valueName: words.filter((name) => name !== "" && !name.includes("=")), value: words }),
      { maxLength: 2 },
    ),
  }),
  { maxLength: 3 },
);

function again(notice: Notice): Notice {
  const outcome = decodeNotice(encodeNotice(notice));
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

describe("a notice", () => {
  test("comes back from its bytes", () => {
    fc.assert(
      fc.property(notices, (notice) => {
        expect(again(notice)).toEqual(notice);
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  test("keeps the shapes of its areas, to a metre", () => {
    fc.assert(
      fc.property(shapes, (drawn) => {
        const areaDescs = drawn.map((_, i) => `area ${i}`);
        const last = drawn.findLastIndex((shape) => Object.values(shape).some((list) => list.length > 0));
        const kept = again(noticeWith({ shapes: drawn }, { areaDescs })).shapes;
        expect(kept.slice(0, last + 1)).toEqual(drawn.slice(0, last + 1));
        expect(kept.slice(last + 1).flatMap((shape) => Object.values(shape).flat())).toEqual([]);
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  test("with a common text is small: an evacuation takes less than 60 bytes beside its signature", () => {
    const notice = noticeWith(
      { sentUnixS: 1_785_585_600, responseTypes: ["Evacuate"] },
      { headline: "Sea over the north road", instruction: "Go to the school now.", areaDescs: ["Harbour"] },
    );
    expect(encodeNotice(notice).length).toBeLessThan(60);
  });

  test("is refused with a reason, never an exception, whatever the bytes are", () => {
    const { below } = seeded(7);
    const good = encodeNotice(noticeWith({ references: [1, 5], msgType: "Update", onsetS: 60 }));
    let taken = 0;
    for (let round = 0; round < 800; round++) {
      const bytes = round % 2 === 0 ? Uint8Array.from({ length: below(60) }, () => below(256)) : good.slice();
      if (round % 2 === 1) for (let i = 0; i < 3; i++) bytes[below(14)] = below(256);
      if (decodeNotice(bytes.subarray(0, below(4) === 0 ? below(bytes.length + 1) : undefined)).ok) taken++;
    }
    expect(taken).toBeGreaterThan(10);
    expect(taken).toBeLessThan(600);
  });

  test("holds no character that controls a terminal", () => {
    const bad = encodeNotice(noticeWith({}, { headline: "\u001b[2J" }));
    expect(decodeNotice(bad)).toEqual({ ok: false, reason: "text with a control character" });
  });
});

describe("what does not fit", () => {
  const { below } = seeded(17);
  const long = Array.from({ length: 60 }, () => String.fromCodePoint(97 + below(26)).repeat(1 + below(9))).join(" ");

  test("is cut from its least important end, and named", () => {
    const notice = noticeWith(
      {},
      { description: long, instruction: "Go to the school now.", senderName: "Shelter office" },
    );
    const full = new Uint8Array(8).fill(7);
    const fitted = fitNotice(notice, 120, full);
    expect(encodeNotice(fitted.notice).length).toBeLessThanOrEqual(120);
    expect(fitted.cut).toEqual(expect.arrayContaining(["info[0].senderName", "info[0].description"]));
    expect(fitted.cut).not.toContain("info[0].instruction");
    expect(fitted.notice).toMatchObject({ shortened: true, full });
    expect(fitted.notice.texts[0]?.instruction).toBe("Go to the school now.");
  });

  test("is left whole where it fits", () => {
    const notice = noticeWith();
    expect(fitNotice(notice, 157, undefined)).toEqual({ notice, cut: [] });
  });

  test("fits in the end, however long the texts are, and still says what, where and what to do", () => {
    const { below } = seeded(9);
    const noise = (length: number): string =>
      Array.from({ length }, () => String.fromCodePoint(97 + below(26))).join("");
    const sentence = (count: number): string => Array.from({ length: count }, () => noise(2 + below(7))).join(" ");
    const text: NoticeText = {
      ...NO_TEXT,
      event: sentence(8),
      headline: sentence(40),
      instruction: sentence(60),
      description: sentence(100),
      areaDescs: [sentence(12), sentence(12), sentence(12), sentence(12)],
    };
    const notice = noticeWith({ texts: [text, { ...text, language: "es" }, { ...text, language: "cab" }] });
    const { notice: fitted } = fitNotice(notice, 157, new Uint8Array(8));
    expect(encodeNotice(fitted).length).toBeLessThanOrEqual(157);
    expect(fitted.texts[0]).toMatchObject({ language: "en" });
    for (const field of ["event", "headline", "instruction"] as const) expect(fitted.texts[0]?.[field]).not.toBe("");
    expect(fitted.texts[0]?.areaDescs[0]).not.toBe("");
  });
});
