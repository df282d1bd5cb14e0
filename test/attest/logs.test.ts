/** The logs of firmware, kernel and systemd: real ones, and every way to break one. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { celValues, decodeCelLog } from "../../src/attest/logs/cel.ts";
import { decodeImaLog, entriesThatGive } from "../../src/attest/logs/ima.ts";
import { fitsItsData } from "../../src/attest/logs/tcg-data.ts";
import { decodeTcgLog, replayTcg } from "../../src/attest/logs/tcg.ts";
import { concatBytes, toHex, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import type { Decoded } from "../../src/kernel/decoded.ts";
import { extend, replay } from "../../src/kernel/pcr.ts";
import {
  celRecord,
  imaBinary,
  imaEntry,
  le,
  recordedBoots,
  sha1Log,
  startupLocality,
  tcgLog,
} from "../fakes/boot-logs.ts";
import { sha256 } from "../fakes/tpm.ts";

const BOOTS = recordedBoots();
const zeros = new Uint8Array(32);
const SEPARATOR = { type: 4, data: new Uint8Array(4) };

function value<T>(outcome: Decoded<T>): T {
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

function reason(outcome: Decoded<unknown>): string {
  return outcome.ok ? "accepted" : outcome.reason;
}

describe("the firmware's log", () => {
  test.each(BOOTS)("of the $name machine replays to what its registers held", ({ tcg, events, values }) => {
    const log = value(decodeTcgLog(tcg));
    expect([log.form, log.events.length]).toEqual(["agile", events]);
    expect(values.size).toBe(9);
    for (const [pcr, held] of values) expect(replayTcg(log, pcr)).toEqual({ value: held, wrong: undefined });
    for (const other of [8, 10, 14, 23]) expect(replayTcg(log, other).value).toBeUndefined();
  });

  test("of the older form has SHA-1 digests, which say nothing of a SHA-256 register", () => {
    const sha1 = new Uint8Array(createHash("sha1").update(SEPARATOR.data).digest());
    const log = value(decodeTcgLog(sha1Log([{ pcr: 7, ...SEPARATOR, sha1 }])));
    expect([log.form, log.events.length]).toEqual(["sha1", 1]);
    expect(log.events[0]?.digests.get(4)).toEqual(sha1);
    expect(replayTcg(log, 7)).toEqual({ value: undefined, wrong: "the events have no SHA-256 digest" });
  });

  test("says from which locality the TPM was started", () => {
    const event = { pcr: 0, ...SEPARATOR };
    for (const locality of [0, 3, 4]) {
      const log = value(decodeTcgLog(tcgLog([startupLocality(locality), event])));
      const start = Uint8Array.from([...new Uint8Array(31), locality]);
      expect(replayTcg(log, 0).value).toEqual(extend(start, sha256(event.data)));
    }
    const late = decodeTcgLog(tcgLog([event, startupLocality(3)]));
    expect(reason(late)).toBe("a start of the TPM told twice or late");
    expect(reason(decodeTcgLog(tcgLog([startupLocality(3), startupLocality(3)])))).toContain("told twice");
    expect(reason(decodeTcgLog(tcgLog([startupLocality(1)])))).toBe("an impossible start of the TPM");
  });

  test("extends nothing where it says that it does not", () => {
    const silent = { pcr: 7, type: 3, data: utf8("note"), sha256: new Uint8Array(32).fill(9) };
    expect(replayTcg(value(decodeTcgLog(tcgLog([silent]))), 7).value).toBeUndefined();
    const both = value(decodeTcgLog(tcgLog([silent, { pcr: 7, ...SEPARATOR }])));
    expect(replayTcg(both, 7).value).toEqual(replay([sha256(SEPARATOR.data)]));
  });

  test.each([
    ["a separator", 0x4, true],
    ["an action", 0x8000_0007, true],
    ["a version of the firmware", 0x8, true],
    ["a variable of secure boot", 0x8000_0001, true],
    ["an image", 0x8000_0003, false],
  ])("that tells other data than was measured is no witness for %s", (_name, type, seen) => {
    const event = { pcr: 7, type, data: utf8("told"), sha256: sha256("measured") };
    const told = replayTcg(value(decodeTcgLog(tcgLog([event]))), 7);
    if (seen) expect(told).toMatchObject({ value: undefined, wrong: expect.stringContaining("something else") });
    else expect(told).toEqual({ value: replay([sha256("measured")]), wrong: undefined });
  });

  test("of a variable of the boot order covers its content or all of it", () => {
    const content = utf8("content");
    const variable = concatBytes(new Uint8Array(16), le(2, 8), le(content.length, 8), utf8("abcd"), content);
    expect(fitsItsData(0x8000_0002, variable, sha256(content))).toBe("fits");
    expect(fitsItsData(0x8000_0002, variable, sha256(variable))).toBe("fits");
    expect(fitsItsData(0x8000_0002, variable, sha256("abcd"))).toBe("differs");
    expect(fitsItsData(0x8000_0002, variable.subarray(1), sha256(content))).toBe("differs");
  });

  test("is refused with impossible numbers, whatever they would make it allocate", () => {
    const whole = tcgLog([{ pcr: 7, ...SEPARATOR }]);
    const at = whole.length - 4 - 4;
    const huge = concatBytes(whole.subarray(0, at), le(0xffff_ffff, 4), whole.subarray(at + 4));
    expect(reason(decodeTcgLog(huge))).toBe("an event too long");
    expect(reason(decodeTcgLog(tcgLog([{ pcr: 24, ...SEPARATOR }])))).toBe("of a register that is none");
    expect(reason(decodeTcgLog(new Uint8Array()))).toBe("truncated");
    expect(reason(decodeTcgLog(new Uint8Array(16_777_217)))).toBe("too long");
  });
});

describe("the kernel's list", () => {
  test.each(BOOTS)("of the $name machine leads to the value that was computed for it", ({ ima, replayed10 }) => {
    const log = value(decodeImaLog(ima));
    expect(log.entries).toMatchObject([{ pcr: 10, template: "ima-sig", path: "boot_aggregate", violation: false }]);
    expect(entriesThatGive(log, 10, replayed10)).toBe(1);
    expect(entriesThatGive(log, 10, zeros)).toBeUndefined();
    expect(entriesThatGive(log, 11, replayed10)).toBeUndefined();
  });

  const sha1 = (...parts: Uint8Array[]): Bytes =>
    new Uint8Array(
      createHash("sha1")
        .update(concatBytes(...parts))
        .digest(),
    );
  const entry = (path: string): Bytes => {
    const fields = [concatBytes(utf8("sha256:\0"), sha256(path)), utf8(`${path}\0`)];
    const data = concatBytes(...fields.flatMap((field) => [le(field.length, 4), field]));
    return imaEntry(10, sha1(data), "ima-ng", fields);
  };

  test("holds paths that the text form can't tell apart", () => {
    const log = value(decodeImaLog(concatBytes(entry("/a file with spaces"), entry("/b\nc"))));
    expect(log.entries.map(({ path }) => path)).toEqual(["/a file with spaces", "/b\nc"]);
  });

  test("goes on growing: the part that leads to the register's value is enough, a shorter one is not", () => {
    const entries = ["/bin/a", "/bin/b", "/bin/c"].map(entry);
    const log = value(decodeImaLog(concatBytes(...entries)));
    const values = log.entries.map((_, at) => replay(log.entries.slice(0, at + 1).map(({ digest }) => digest)));
    expect(values.map((held) => entriesThatGive(log, 10, held))).toEqual([1, 2, 3]);
    const short = value(decodeImaLog(concatBytes(...entries.slice(0, 2))));
    expect(entriesThatGive(short, 10, values[2] ?? zeros)).toBeUndefined();
  });

  test("of a file that changed under its hands extends all ones", () => {
    const violation = imaBinary(`10 ${"00".repeat(20)} ima-ng sha1:${"00".repeat(20)} /var/log/x`);
    const log = value(decodeImaLog(violation));
    expect(log.entries[0]?.violation).toBe(true);
    expect(entriesThatGive(log, 10, extend(zeros, new Uint8Array(32).fill(0xff)))).toBe(1);
  });

  test("of the oldest template pads its paths", () => {
    const digest = new Uint8Array(20).fill(7);
    const path = utf8("/bin/sh");
    const padded = concatBytes(digest, path, new Uint8Array(256 - path.length));
    const bytes = concatBytes(le(10, 4), sha1(padded), le(3, 4), utf8("ima"), digest, le(path.length, 4), path);
    const log = value(decodeImaLog(bytes));
    expect(log.entries).toMatchObject([{ template: "ima", path: "/bin/sh" }]);
    expect(entriesThatGive(log, 10, extend(zeros, sha256(padded)))).toBe(1);
  });

  test("is refused when an entry's digest is not its own, or its fields are not its template's", () => {
    const other = imaEntry(10, new Uint8Array(20).fill(1), "ima-ng", [utf8("a"), utf8("b")]);
    expect(reason(decodeImaLog(other))).toBe("a digest that is not its entry's");
    const data = concatBytes(le(1, 4), utf8("a"));
    expect(reason(decodeImaLog(imaEntry(10, sha1(data), "ima-ng", [utf8("a")])))).toBe(
      "other fields than its template",
    );
  });
});

describe("systemd's log", () => {
  const text = celRecord(11, "enter-initrd") + celRecord(15, "machine-id:1") + celRecord(11, "ready");

  test("leads to each value on its way", () => {
    const log = value(decodeCelLog(utf8(text)));
    const first = extend(zeros, sha256("enter-initrd"));
    expect(celValues(log, 11, zeros)).toEqual([first, extend(first, sha256("ready"))]);
    expect(celValues(log, 12, zeros)).toEqual([]);
    expect(log.events.map(({ text: said, fits }) => [said, fits])).toContainEqual(["ready", true]);
  });

  test("tells of secrets another text than it measured, and of NV indices nothing", () => {
    const secret = celRecord(15, "volume-key", sha256("the key"));
    const nv = text.replace('"pcr":15', '"nv_index":27262464');
    expect(value(decodeCelLog(utf8(secret))).events[0]?.fits).toBe(false);
    expect(value(decodeCelLog(utf8(nv))).events.map(({ pcr }) => pcr)).toEqual([11, 11]);
    expect(value(decodeCelLog(new Uint8Array())).events).toEqual([]);
  });

  test("without a SHA-256 digest explains nothing", () => {
    const sha1 = text.replaceAll(/"sha256","digest":"[0-9a-f]{64}"/gu, `"sha1","digest":"${"ab".repeat(20)}"`);
    expect(celValues(value(decodeCelLog(utf8(sha1))), 11, zeros)).toBeUndefined();
  });

  test.each([
    ["no sequence", "{}\n", "not a sequence of records"],
    ["no end", celRecord(11, "x").trimEnd(), "truncated"],
    ["another digest's length", celRecord(11, "x", new Uint8Array(31)), "not a record of an event"],
    ["an unknown algorithm", celRecord(11, "x").replace("sha256", "sha255"), "not a record of an event"],
    ["no register", celRecord(11, "x").replace('"pcr"', '"qcr"'), "not a record of an event"],
    [
      "capital digits",
      celRecord(11, "x").replace(toHex(sha256("x")), toHex(sha256("x")).toUpperCase()),
      "not a record of an event",
    ],
  ])("with %s is refused", (_name, bytes, why) => {
    expect(reason(decodeCelLog(utf8(bytes)))).toBe(why);
  });
});

describe("hostile bytes", () => {
  const decoders = [decodeTcgLog, decodeImaLog, decodeCelLog];

  test("never make a decoder throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (soup) => {
        for (const decode of decoders) decode(soup);
      }),
      { numRuns: 2000 },
    );
  });

  test("in logs that are nearly right never make one throw", () => {
    const logs = [BOOTS[0]?.tcg, BOOTS[0]?.ima, utf8(celRecord(11, "x"))].map((bytes) => bytes ?? zeros);
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.nat());
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        for (const [which, decode] of decoders.entries()) {
          const bytes = Uint8Array.from(logs[which] ?? []);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          decode(bytes.subarray(0, bytes.length - ((changes[0]?.[2] ?? 0) % 3)));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
