/** Fields that the text files of attestation have in common, as zod schemas: bytes in hex and base64, counters. @module */
import { z } from "zod";
import { fromHex, toHex, type Bytes } from "../kernel/bytes.ts";
import { OWN_EVENTS, type Counters, type OwnDigests } from "../kernel/attest.ts";
import { PCR_BYTES, PCR_COUNT } from "../kernel/pcr.ts";
import { fromBase64 } from "../kernel/text-file.ts";

const U64_DIGITS = 20;
const MAX_U64 = 0xffff_ffff_ffff_ffffn;
const MAX_NAME_CHARACTERS = 64;
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;

/** @param bytes the exact length */
export function hexField(bytes: number) {
  return z
    .string()
    .length(2 * bytes)
    .transform((text, context) => read(fromHex(text), context));
}

/** @param maxBytes the longest that is accepted */
export function base64Field(maxBytes: number) {
  return z
    .string()
    .max(4 * Math.ceil(maxBytes / 3))
    .transform((text, context) => read(fromBase64(text), context));
}

/** Undefined is written as null: a field is never left out. */
export function orNull<T extends z.ZodType>(field: T) {
  return field.nullable().transform((value) => value ?? undefined);
}

export const digestField = hexField(PCR_BYTES);
export const pcrField = z
  .int()
  .min(0)
  .max(PCR_COUNT - 1);
export const counterField = z.int().min(0).max(0xffff_ffff);
/** Unix time in s. */
export const timeField = z
  .int()
  .min(0)
  .max(2 ** 40);
/** A name to show: no control characters. */
export const nameField = z
  .string()
  .max(MAX_NAME_CHARACTERS)
  .refine((name) => !CONTROL.test(name) && name.isWellFormed());
/** In decimal: JSON's numbers are too short. */
export const u64Field = z
  .string()
  .max(U64_DIGITS)
  .regex(/^\d+$/)
  .transform(BigInt)
  .refine((value) => value <= MAX_U64);

/** Registers, rising. */
export const pcrsField = z
  .array(pcrField)
  .max(PCR_COUNT)
  .refine((pcrs) => pcrs.every((pcr, i) => i === 0 || pcr > (pcrs[i - 1] ?? 0)));

export const valuesField = z.array(z.strictObject({ pcr: pcrField, value: digestField })).max(PCR_COUNT);

export const ownDigestsField = z.strictObject({
  runtime: digestField,
  code: digestField,
  config: digestField,
  policy: digestField,
});

export const countersField = z
  .strictObject({ reset_count: counterField, restart_count: counterField, clock: u64Field })
  .transform(({ reset_count, restart_count, clock }): Counters => ({
    resetCount: reset_count,
    restartCount: restart_count,
    clock,
  }));

export function countersJson({ resetCount, restartCount, clock }: Counters) {
  return { reset_count: resetCount, restart_count: restartCount, clock: clock.toString() };
}

export function ownDigestsJson(own: OwnDigests): Readonly<Record<string, string>> {
  return Object.fromEntries(OWN_EVENTS.map((name) => [name, toHex(own[name])]));
}

/** Rising, so that one set of values has one form. */
export function valuesJson(values: ReadonlyMap<number, Uint8Array>) {
  return [...values].sort(([a], [b]) => a - b).map(([pcr, value]) => ({ pcr, value: toHex(value) }));
}

export function valuesOf(rows: readonly { readonly pcr: number; readonly value: Bytes }[]): ReadonlyMap<number, Bytes> {
  return new Map(rows.map(({ pcr, value }) => [pcr, value]));
}

function read(bytes: Bytes | undefined, context: z.core.$RefinementCtx<string>): Bytes {
  if (bytes === undefined) context.addIssue("not bytes");
  return bytes ?? new Uint8Array();
}
