/**
 * What was found of this node's own sources when they were enrolled: their identity, their figures, and the threshold
 * of the gate at boot. It lies unprotected on the disk; whoever can change it can change the configuration as well.
 * @module
 */
import { z } from "zod";
import { ESTIMATORS, type EntropyFigures } from "../kernel/entropy.ts";
import type { EnrolmentReport } from "../kernel/entropy-reports.ts";
import { equalBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import type { Memory } from "../ports/memory.ts";
import { parseJson } from "../kernel/json.ts";

export const ENTROPY_RECORD_FILE = "entropy-record.json";

const MOST_SOURCES = 16;
const Bits = z.number().min(0).max(8);
/** Only `lrs` can be above log2 of the alphabet. */
const Figure = z.number().min(0).max(64).nullable();
const Figures = z
  .strictObject(Object.fromEntries(ESTIMATORS.map((estimator) => [estimator, Figure])))
  .transform((figures): EntropyFigures => {
    const all = ESTIMATORS.map((estimator) => [estimator, figures[estimator] ?? null] as const);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made of ESTIMATORS, each of them once
    return Object.fromEntries(all) as EntropyFigures;
  });
const Text = z.string().max(200);
const Count = z
  .int()
  .min(0)
  .max(2 ** 32);
const Time = z.int().min(0).max(8.64e15);

const Enrolment = z.strictObject({
  source: Text,
  serial: Text.nullable(),
  firmware: Text.nullable(),
  raw: z.boolean(),
  bits_per_sample: z.int().min(1).max(8),
  claimed_bits: Bits,
  at_ms: Time,
  samples: Count,
  assessed: Bits,
  h_original: Bits,
  h_bitstring: Bits.nullable(),
  literal: Figures,
  bitstring: Figures.nullable(),
  gate: z.strictObject({ samples: Count, pieces: Count, lowest: Bits, median: Bits, threshold: Bits }),
  check: z.strictObject({ at_ms: Time, samples: Count, assessed: Bits }).nullable(),
});

const RecordFile = z.strictObject({ version: z.literal(1), sources: z.array(Enrolment).max(MOST_SOURCES) });

/** By the URI of the source. */
export type EntropyRecord = ReadonlyMap<string, EnrolmentReport>;

export function encodeEntropyRecord(record: EntropyRecord): Bytes {
  const sources = [...record.values()].slice(-MOST_SOURCES);
  return utf8(`${JSON.stringify({ version: 1, sources }, undefined, 1)}\n`);
}

export function decodeEntropyRecord(bytes: Uint8Array): Decoded<EntropyRecord> {
  const parsed = RecordFile.safeParse(parseJson(bytes));
  if (!parsed.success) return refused("not a record of entropy sources");
  const { sources } = parsed.data;
  const record = new Map(sources.map((source) => [source.source, source]));
  if (record.size < sources.length) return refused("a source twice");
  return equalBytes(bytes, encodeEntropyRecord(record)) ? decoded(record) : refused("not in its one form");
}

/** Empty where there is none; undefined where it can't be read: then no source counts as enrolled, and that is said. */
export async function readEntropyRecord(memory: Memory): Promise<EntropyRecord | undefined> {
  const bytes = await memory.read(ENTROPY_RECORD_FILE);
  if (bytes === undefined) return new Map();
  const record = decodeEntropyRecord(bytes);
  return record.ok ? record.value : undefined;
}
