/** The record of enrolments: one encoding, and nothing else is taken for one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import {
  decodeEntropyRecord,
  encodeEntropyRecord,
  ENTROPY_RECORD_FILE,
  readEntropyRecord,
} from "../../src/trust/entropy-record.ts";
import { FakeMemory } from "../fakes/chips.ts";
import { enrolmentOf } from "./enrolments.ts";

const first = enrolmentOf();
const second = enrolmentOf({
  source: "hwrng:/dev/hwrng",
  serial: null,
  bitstring: null,
  h_bitstring: null,
  bits_per_sample: 1,
  check: { at_ms: 1_760_000_000_000, samples: 1_000_000, assessed: 7.2 },
});
const record = new Map([first, second].map((enrolment) => [enrolment.source, enrolment]));
const bytes = encodeEntropyRecord(record);

test("what is written is read again", () => {
  expect(decodeEntropyRecord(bytes)).toEqual({ ok: true, value: record });
  expect(decodeEntropyRecord(encodeEntropyRecord(new Map()))).toEqual({ ok: true, value: new Map() });
});

test("nothing is enrolled where there is no record; a damaged one is told from none", async () => {
  const memory = new FakeMemory();
  expect(await readEntropyRecord(memory)).toEqual(new Map());
  memory.files.set(ENTROPY_RECORD_FILE, bytes);
  expect(await readEntropyRecord(memory)).toEqual(record);
  memory.files.set(ENTROPY_RECORD_FILE, bytes.subarray(1));
  expect(await readEntropyRecord(memory)).toBeUndefined();
});

test("no truncation and no flipped bit is the same record", () => {
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeEntropyRecord(bytes.subarray(0, length)).ok, `${length}`).toBe(false);
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const decoded = decodeEntropyRecord(flipped);
    if (decoded.ok) expect(decoded.value).not.toEqual(record);
  }
});

test.each([
  ["two encodings", ` ${new TextDecoder().decode(bytes)}`],
  ["a figure that can't be", new TextDecoder().decode(bytes).replace('"assessed": 7.3', '"assessed": 9')],
  ["a source twice", new TextDecoder().decode(bytes).replace("hwrng:/dev/hwrng", "qrng:fake")],
  ["another version", new TextDecoder().decode(bytes).replace('"version": 1', '"version": 2')],
  ["no JSON", "records"],
])("%s is refused", (_what, text) => {
  expect(decodeEntropyRecord(utf8(text)).ok).toBe(false);
});

test("any bytes give a record or a reason", () => {
  const refuses = (any: Uint8Array): void => {
    expect(decodeEntropyRecord(any).ok).toBe(false);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refuses));
  fc.assert(fc.property(fc.json().map(utf8), refuses));
});
