/**
 * The Wireshark dissector (`docs/wireshark/caye.lua`) under tshark, over captures as `caye sim --trace FILE.pcap` writes
 * them: it shows every field of every golden message, refuses what we refuse and for the same reason, and never fails.
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fromHex } from "../../src/kernel/bytes.ts";
import { PRIVATE_APP } from "../../src/ports/modem.ts";
import { Trace } from "../../src/sim/trace.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import alerts from "../vectors/wire/alerts.json" with { type: "json" };
import files from "../vectors/wire/files.json" with { type: "json" };
import index from "../vectors/wire/index.json" with { type: "json" };
import golden from "../vectors/wire/messages.json" with { type: "json" };
import wrong from "../vectors/wire/refusals.json" with { type: "json" };
import { spoiledPayloads } from "./spoiled.ts";

const SCRIPT = join(import.meta.dirname, "../../docs/wireshark/caye.lua");
const missing = spawnSync("tshark", ["--version"]).error !== undefined;
const why = missing ? " (SKIPPED: tshark is not installed; npm run setup -- --tests)" : "";
const directory = mkdtempSync(join(tmpdir(), "caye-dissector-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Values of a message by the names that the dissector gives them, each as often as it occurs. */
type Shown = Readonly<Record<string, readonly string[]>>;

const NUMBER = "caye.number";
const REASON = "_ws.expert.message";
const UNASSIGNED = "Message number not assigned";

/** Parts that several messages share are shown under one name. */
const SHARED = new Set(["holdings"]);

function expectedOf(message: Readonly<Record<string, unknown>>): Shown {
  const shown: Record<string, string[]> = {};
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) add(name, item);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) add(`${name}.${snake(key)}`, inner);
    } else if (value !== null) {
      (shown[name] ??= []).push(typeof value === "string" ? value : String(Number(value)));
    }
  };
  const { type, ...fields } = message;
  for (const [key, value] of Object.entries(fields)) {
    // Where the key rides along, the id is not on air: it is the key's hash.
    if (type === "alert" && key === "author" && fields["publicKey"] !== null) continue;
    add(SHARED.has(key) ? `caye.${key}` : `caye.${String(type)}.${snake(key)}`, value);
  }
  return shown;
}

function snake(camel: string): string {
  return camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What the air knows of each packet beside its time and payload. */
const FRAME = {
  station: 1,
  from: 1,
  to: 0xffff_ffff,
  id: 1,
  port: PRIVATE_APP,
  hopLimit: 0,
  relayed: false,
  frameBytes: 0,
  airtimeUs: 0,
  type: "any",
} as const;

function expectedOfNotice(notice: (typeof alerts.alerts)[number]["notice"]): Shown {
  const place = (words: string, word: string): readonly string[] => [String(words.split(" ").indexOf(word))];
  const time = (name: string, seconds: number | null): Shown =>
    seconds === null ? {} : { [`caye.notice.${name}`]: [String(seconds)] };
  return {
    "caye.notice.status": place("Actual Exercise System Test", notice.status),
    "caye.notice.type": place("Alert Update Cancel", notice.msgType),
    "caye.notice.severity": place("Extreme Severe Moderate Minor Unknown", notice.severity),
    "caye.notice.urgency": place("Immediate Expected Future Past Unknown", notice.urgency),
    "caye.notice.certainty": place("Observed Likely Possible Unlikely Unknown", notice.certainty),
    ...time("expires", notice.expiresS),
    ...time("effective", notice.effectiveS),
    ...time("onset", notice.onsetS),
  };
}

interface Capture {
  readonly linkType: number;
  readonly options: readonly string[];
}

const OWN: Capture = { linkType: 147, options: [] };

/** What tshark shows of each payload. */
function shownOf(
  payloads: readonly Uint8Array[],
  names: readonly string[],
  { linkType, options }: Capture = OWN,
): readonly Shown[] {
  const trace = new Trace();
  for (const [atMs, payload] of payloads.entries()) trace.add({ ...FRAME, atMs, payload });
  const file = join(directory, `${payloads.length}.pcap`);
  const capture = trace.encode("pcap", 0);
  new DataView(capture.buffer, capture.byteOffset).setUint32(20, linkType, true);
  writeFileSync(file, capture);
  const columns = [NUMBER, REASON, ...names];
  const given = ["-X", `lua_script:${SCRIPT}`, "-r", file, "-T", "fields", "-E", "aggregator=|", ...options];
  const run = spawnSync("tshark", [...given, ...columns.flatMap((name) => ["-e", name])], {
    encoding: "utf8",
    maxBuffer: 2 ** 27,
  });
  expect(run.status, run.stderr).toBe(0);
  const lines = run.stdout.replace(/\n$/, "").split("\n");
  expect(lines.length).toBe(payloads.length);
  return lines.map((line) => {
    const cells = line.split("\t").map((cell) => (cell === "" ? [] : cell.split("|").map(plain)));
    return Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? []]).filter(([, cell]) => cell?.length));
  });
}

/** Numbers in decimal, truth as 1 or 0: versions of tshark differ. */
function plain(shown: string): string {
  if (/^0x[0-9a-f]+$/.test(shown)) return String(Number(shown));
  return shown === "True" ? "1" : shown === "False" ? "0" : shown;
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array(0);
}

/** Why the dissector refuses a payload; undefined when it takes it. */
function reasonOf(shown: Shown): string | undefined {
  const [reason] = shown[REASON] ?? [];
  // Another first byte: it is left to others.
  if (shown[NUMBER] === undefined || reason === UNASSIGNED) return "not ours";
  return reason;
}

describe("the Wireshark dissector", () => {
  test.skipIf(missing)(`shows every field of every golden message, and no other${why}`, () => {
    const messages = golden.messages.map(({ name, message, bytes }) => ({ name, bytes, shown: expectedOf(message) }));
    const names = [...new Set(messages.flatMap(({ shown }) => Object.keys(shown)))];
    const shown = shownOf(
      messages.map(({ bytes }) => bytesOf(bytes)),
      names,
    );
    for (const [i, message] of messages.entries()) {
      const number = String(Number.parseInt(message.bytes[1] ?? "", 16));
      expect(shown[i], message.name).toEqual({ [NUMBER]: [number], ...message.shown });
    }
  });

  test.skipIf(missing)(`shows what is inside: notices, entries, slots, what a symbol is${why}`, () => {
    const notices = alerts.alerts.map(({ notice }) => notice);
    const streams = index.streams.filter((_, i) => index.updates[i]?.length === 1);
    const payloads = [
      ...alerts.alerts.map(({ message }) => message),
      ...index.updates.filter(({ length }) => length === 1).flat(),
      ...index.repairs,
      ...files.burst,
    ];
    const names = ["status", "type", "severity", "urgency", "certainty", "expires", "effective", "onset"].map(
      (name) => `caye.notice.${name}`,
    );
    const more = ["caye.update.entry", "caye.update.signature", "caye.repair.slot", "caye.coded.k"];
    const shown = shownOf(payloads.map(bytesOf), [...names, ...more]).map((all) =>
      Object.fromEntries(Object.entries(all).filter(([name]) => name !== NUMBER)),
    );
    const expected = [
      ...notices.map((notice) => expectedOfNotice(notice)),
      ...streams.map(({ author, from, delta }) => {
        const log = index.authors.find((one) => one.author === author);
        const signature = log?.signatures.at(-1) ?? "";
        return {
          "caye.update.entry": log?.entries.slice(from, from + delta),
          "caye.update.signature": [signature],
        };
      }),
      // Ten slots behind the head.
      ...index.repairs.map((packet) => ({ "caye.repair.slot": packet.slice(-320).match(/.{32}/g) })),
      ...files.burst.map(() => ({ "caye.coded.k": [String(files.k)] })),
    ];
    expect(shown).toEqual(expected);
  });

  test.skipIf(missing)(`can be called by its name, here for link type 148${why}`, () => {
    const payloads = golden.messages.map(({ bytes }) => bytesOf(bytes));
    const byName = shownOf(payloads, [], {
      linkType: 148,
      options: ["-o", `uat:user_dlts:"User 1 (DLT=148)","caye","0","","0",""`],
    });
    expect(byName.map((shown) => shown[NUMBER])).toEqual(
      golden.messages.map(({ bytes }) => [String(Number.parseInt(bytes[1] ?? "", 16))]),
    );
  });

  test.skipIf(missing)(`refuses what we refuse, for the same reason${why}`, () => {
    const shown = shownOf(
      wrong.refusals.map(({ bytes }) => bytesOf(bytes)),
      [],
    );
    for (const [i, { name, reason }] of wrong.refusals.entries()) expect(reasonOf(shown[i] ?? {}), name).toBe(reason);
  });

  test.skipIf(missing)(`judges 10,000 spoiled and random payloads as we do, and never fails${why}`, () => {
    const payloads = spoiledPayloads(10_000);
    const shown = shownOf(payloads, []);
    let taken = 0;
    for (const [i, payload] of payloads.entries()) {
      const outcome = decodeMessage(payload);
      const reason = reasonOf(shown[i] ?? {});
      if (outcome.ok) taken++;
      expect(reason, Buffer.from(payload).toString("hex")).toBe(outcome.ok ? undefined : outcome.reason);
    }
    expect(taken).toBeGreaterThan(1_000);
    expect(taken).toBeLessThan(9_000);
  });
});
