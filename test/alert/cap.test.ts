/** CAP 1.2 XML in and out: strict, total, whole; and valid for a validator that is not ours. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CATEGORIES,
  CERTAINTIES,
  MSG_TYPES,
  RESPONSE_TYPES,
  SCOPES,
  SEVERITIES,
  STATUSES,
  URGENCIES,
  type CapAlert,
  type CapInfo,
} from "../../src/alert/cap.ts";
import { readCap } from "../../src/alert/cap-read.ts";
import { capOf, noticeOf } from "../../src/alert/cap-notice.ts";
import { formatCapTime, parseCapTime } from "../../src/alert/cap-time.ts";
import { writeCap } from "../../src/alert/cap-write.ts";
import { parseXml } from "../../src/alert/xml.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { noticeWith, openBookRig } from "../fakes/alerts.ts";
import { seeded } from "../fakes/seeded.ts";

const SCHEMA = join(import.meta.dirname, "../vectors/cap/cap-1.2.xsd");
const FLOOD = readFileSync(join(import.meta.dirname, "../../src/sim/village-files/shelter/alert-flood.cap.xml"));

const words = fc
  .string({ unit: "grapheme", maxLength: 20 })
  // oxlint-disable-next-line no-control-regex -- what no text may hold
  .map((text) => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, "").trim())
  .filter((text) => text.isWellFormed());
const name = fc.stringMatching(/^[a-zA-Z0-9@.:_-]{1,20}$/);
const some = words.filter((text) => text !== "");
const time = fc.integer({ min: 0, max: 0xffff_ffff });
const maybeTime = fc.option(time, { nil: undefined });
const point = fc.record({
  latitude: fc.integer({ min: -90_000, max: 90_000 }).map((n) => n / 1000 + 0),
  longitude: fc.integer({ min: -180_000, max: 180_000 }).map((n) => n / 1000 + 0),
});
const polygon = fc.array(point, { minLength: 3, maxLength: 5 }).map((points) => [...points, points[0]!]);
const number = fc.option(
  fc.integer({ min: -400, max: 40_000 }).map((n) => n / 4 + 0),
  { nil: undefined },
);
const pairs = fc.array(fc.record({ valueName: some, value: words }), { maxLength: 2 });
const uri = fc.constantFrom("", "http://village.example/a?b=c&d=e", "urn:x:1");
const area = fc
  .record({
    areaDesc: some,
    polygons: fc.array(polygon, { maxLength: 2 }),
    circles: fc.array(fc.record({ center: point, radiusKm: fc.integer({ min: 0, max: 900 }).map((n) => n / 10) }), {
      maxLength: 2,
    }),
    geocodes: pairs,
    altitudeFeet: number,
    ceilingFeet: number,
  })
  .map((area) => (area.altitudeFeet === undefined ? { ...area, ceilingFeet: undefined } : area));
const info: fc.Arbitrary<CapInfo> = fc.record({
  language: fc.constantFrom("en-US", "es-BZ", "bzj"),
  categories: fc.subarray([...CATEGORIES], { minLength: 1 }),
  event: some,
  responseTypes: fc.subarray([...RESPONSE_TYPES]),
  urgency: fc.constantFrom(...URGENCIES),
  severity: fc.constantFrom(...SEVERITIES),
  certainty: fc.constantFrom(...CERTAINTIES),
  audience: words,
  eventCodes: pairs,
  effectiveUnixS: maybeTime,
  onsetUnixS: maybeTime,
  expiresUnixS: maybeTime,
  senderName: words,
  headline: words,
  description: words,
  instruction: words,
  web: uri,
  contact: words,
  parameters: pairs,
  resources: fc.array(
    fc.record({
      resourceDesc: some,
      mimeType: some,
      size: fc.option(fc.nat(1e6), { nil: undefined }),
      uri,
      derefUri: words,
      digest: words,
    }),
    { maxLength: 2 },
  ),
  areas: fc.array(area, { maxLength: 2 }),
});
const alerts: fc.Arbitrary<CapAlert> = fc.record({
  identifier: name,
  sender: name,
  sentUnixS: time,
  status: fc.constantFrom(...STATUSES),
  msgType: fc.constantFrom(...MSG_TYPES),
  source: words,
  scope: fc.constantFrom(...SCOPES),
  restriction: some,
  addresses: some,
  codes: fc.array(some, { maxLength: 2 }),
  note: words,
  references: fc.array(fc.record({ sender: name, identifier: name, sentUnixS: time }), {
    minLength: 1,
    maxLength: 2,
  }),
  incidents: words,
  infos: fc.array(info, { maxLength: 2 }),
});

function readBack(xml: string): CapAlert {
  const outcome = readCap(utf8(xml));
  if (!outcome.ok) throw new Error(`${outcome.reason}\n${xml}`);
  return outcome.value.alert;
}

function reasonOf(xml: string | Uint8Array): string {
  const outcome = readCap(typeof xml === "string" ? utf8(xml) : xml);
  return outcome.ok ? "taken" : outcome.reason;
}

describe("CAP XML", () => {
  test("comes back from what we write, every element", () => {
    fc.assert(
      fc.property(alerts, (alert) => {
        expect(readBack(writeCap(alert))).toEqual(alert);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test("is read with prefixes, comments, CDATA, references and a signature around it", () => {
    const xml = `\uFEFF<?xml version='1.0' encoding='utf-8'?><!-- a --><c:alert xmlns:c="urn:oasis:names:tc:emergency:cap:1.2">
      <c:identifier>a-1</c:identifier><c:sender>me</c:sender><c:sent>2026-08-01T12:00:00-06:00</c:sent>
      <c:status>Actual</c:status><c:msgType>Alert</c:msgType><c:scope>Public</c:scope>
      <c:note><![CDATA[1 < 2]]> &amp; &#x26;&#38;</c:note>
      <s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"><s:x a="b"/></s:Signature></c:alert>`;
    const outcome = readCap(utf8(xml));
    expect(outcome).toMatchObject({ ok: true, value: { signed: true, alert: { note: "1 < 2 & &&" } } });
    expect(outcome.ok && outcome.value.alert.sentUnixS).toBe(Date.UTC(2026, 7, 1, 18) / 1000);
  });

  const good = writeCap({
    identifier: "a",
    sender: "b",
    sentUnixS: 1_785_585_600,
    status: "Actual",
    msgType: "Alert",
    source: "",
    scope: "Public",
    restriction: "",
    addresses: "",
    codes: [],
    note: "",
    references: [],
    incidents: "",
    infos: [],
  });

  test.each([
    ["an unknown word", "<status>Actual<", "<status>Real<", "status: not one of"],
    ["an element twice", "<scope>", "<scope>Public</scope><scope>", "scope: must be there only once"],
    ["another order", "<sender>b</sender>", "", "sender: must be there"],
    ["an unknown element", "<scope>", "<mood>x</mood><scope>", "mood: no element of CAP"],
    ["a time with Z", "-00:00</sent>", "Z</sent>", "sent: not in CAP's form"],
    ["a day that there is not", "2026-08-01T", "2026-02-30T", "sent: not in CAP's form"],
    ["a comma in the identifier", ">a<", ">a,b<", "identifier: must be there, without"],
    ["a scope without its restriction", "Public", "Restricted", "restriction: must be there"],
    ["an update of nothing", ">Alert<", ">Update<", "references: must be there"],
    ["the wrong namespace", "cap:1.2", "cap:1.1", "not a CAP 1.2 alert"],
    ["a document type", "<alert ", '<!DOCTYPE alert [<!ENTITY a "b">]><alert ', "document type"],
    ["an unknown entity", ">b<", ">&xxe;<", "unknown entity"],
    ["a stray ampersand", ">b<", ">b & c<", "stray &"],
    ["a reference to a control character", ">b<", ">&#27;<", "unknown entity"],
    ["an unclosed element", "</alert>", "", "breaks off"],
    ["crossed elements", "</sender>", "</scope>", "not well-formed"],
    ["text after the end", "</alert>", "</alert>x", "text outside"],
    ["two roots", "</alert>", "</alert><alert/>", "several XML elements"],
    ["another encoding", 'encoding="UTF-8"', 'encoding="UTF-16"', "not in UTF-8"],
  ])("with %s is refused with the place", (_, from, to, reason) => {
    expect(good).toContain(from);
    expect(reasonOf(good.replace(from, to))).toContain(reason);
  });

  test("that is too deep, too long or has too many elements is refused", () => {
    expect(reasonOf("<a>".repeat(40))).toBe("XML nested too deep");
    expect(reasonOf(`<a>${"<b/>".repeat(5000)}</a>`)).toBe("too many XML elements");
    expect(reasonOf(new Uint8Array(300_000).fill(0x20))).toBe("XML longer than 256 KiB");
    expect(reasonOf(Uint8Array.of(0xff, 0xfe))).toBe("XML not in UTF-8");
  });

  test("never makes an exception, however it is damaged", () => {
    const { below } = seeded(13);
    const characters = `<>/!?&;#x"'= -[]CDATA:azxmlns${good.slice(0, 40)}`;
    let taken = 0;
    for (let round = 0; round < 4_000; round++) {
      const text = Array.from(good);
      for (let i = below(6); i >= 0; i--) text[below(text.length)] = characters[below(characters.length)] ?? "";
      const damaged = text.join("").slice(0, below(3) === 0 ? below(text.length) : undefined);
      parseXml(utf8(damaged));
      if (readCap(utf8(damaged)).ok) taken++;
    }
    expect(taken).toBeLessThan(1_000);
  });

  test("times are CAP's, with every offset", () => {
    expect(formatCapTime(0)).toBe("1970-01-01T00:00:00-00:00");
    expect(parseCapTime("2026-08-01T12:00:00+05:30")).toBe(Date.UTC(2026, 7, 1, 6, 30) / 1000);
    for (const bad of ["2026-08-01T12:00:00Z", "2026-08-01 12:00:00-06:00", "2026-08-01T24:00:00-06:00", "", "x"]) {
      expect(parseCapTime(bad)).toBeUndefined();
    }
  });
});

describe("an alert through the compact form", () => {
  test("loses nothing but what is named", () => {
    fc.assert(
      fc.property(alerts, (alert) => {
        let compact;
        try {
          compact = noticeOf(alert, [1]);
        } catch (error) {
          expect(isAgentError(error, "ALERT_INVALID")).toBe(true);
          return;
        }
        const { notice, dropped } = compact;
        const held = { notice, authorHex: "00".repeat(8), number: 2, heardAtMs: 0 };
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parts of a held alert that count here
        const back = capOf(held as unknown as Parameters<typeof capOf>[0], () => 0);
        if (dropped.length === 0)
          expect(back.infos).toEqual(alert.infos.map((info) => ({ ...info, language: info.language })));
        expect(back.infos[0]?.headline).toBe(alert.infos[0]?.headline.normalize("NFC"));
        expect(back.status).toBe(alert.status);
        expect(dropped.includes("source")).toBe(alert.source !== "");
        for (const [i, info] of alert.infos.entries()) {
          for (const k of info.parameters.keys()) expect(dropped).toContain(`info[${i}].parameter[${k}]`);
          for (const k of info.resources.keys()) expect(dropped).toContain(`info[${i}].resource[${k}]`);
        }
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  test("keeps two languages, and names what an office's file has beyond", () => {
    const outcome = readCap(FLOOD);
    if (!outcome.ok) throw new Error(outcome.reason);
    const { notice, dropped } = noticeOf(outcome.value.alert, []);
    expect(notice.texts.map(({ language, event }) => [language, event])).toEqual([
      ["en", "Flood"],
      ["es", "Inundación"],
    ]);
    expect(dropped).toEqual([]);
  });

  test("that is not for everybody does not go on the radio", () => {
    const outcome = readCap(
      utf8(FLOOD.toString().replace("<scope>Public</scope>", "<scope>Private</scope><addresses>x</addresses>")),
    );
    if (!outcome.ok) throw new Error(outcome.reason);
    expect(() => noticeOf(outcome.value.alert, [])).toThrow(/tells everybody/);
  });
});

describe("for a validator that is not ours (xmllint)", () => {
  const missing = spawnSync("xmllint", ["--version"]).error !== undefined;
  const why = missing ? " (SKIPPED: xmllint is not installed; npm run setup -- --tests)" : "";

  function validated(documents: readonly string[]): string {
    const directory = mkdtempSync(join(tmpdir(), "caye-cap-"));
    try {
      const files = documents.map((xml, i) => {
        writeFileSync(join(directory, `${i}.xml`), xml);
        return join(directory, `${i}.xml`);
      });
      return spawnSync("xmllint", ["--noout", "--schema", SCHEMA, ...files], { encoding: "utf8" }).stderr;
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  test.skipIf(missing)(`every alert that we write is valid by the schema${why}`, async () => {
    const { book, nowS } = await openBookRig();
    const own = await book.issue(
      noticeWith({ sentUnixS: nowS(), shapes: [{ polygons: [], circles: [], geocodes: [] }] }),
    );
    const documents = [
      ...fc.sample(alerts, { seed: 8, numRuns: 60 }).map(writeCap),
      writeCap(capOf(own, () => undefined)),
    ];
    const lines = validated(documents).trim().split("\n");
    expect(lines.filter((line) => !line.endsWith(" validates"))).toEqual([]);
    expect(lines.length).toBe(documents.length);
  });

  test.skipIf(missing)(`what the schema refuses, we refuse, too${why}`, () => {
    const { below } = seeded(21);
    const documents = fc.sample(alerts, { seed: 9, numRuns: 60 }).map((alert) => {
      const lines = writeCap(alert).split("\n");
      const at = 2 + below(lines.length - 4);
      if (below(2) === 0) lines.splice(at, 1);
      else lines.splice(at, 0, lines[2 + below(lines.length - 4)] ?? "");
      return lines.join("\n");
    });
    const verdicts = documents.map((xml) => validated([xml]).includes(" validates"));
    expect(verdicts).toContain(false);
    for (const [i, xml] of documents.entries()) if (!verdicts[i]) expect(reasonOf(xml), xml).not.toBe("taken");
  });
});
