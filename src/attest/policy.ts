/**
 * What an authority says of the states that its nodes may be in: which registers count, which values are right, for how
 * long, and what becomes of a node that can't show them. A text file: `caye-policy 1`, then JSON, then two signatures over
 * that by the village's authority, Ed25519 and ML-DSA-44, and both must hold.
 *
 * Lines below the JSON, in base64: Ed25519 signature (64 bytes), ML-DSA-44 public key (1,312), ML-DSA-44 signature (2,420).
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { equalBytes, fromHex, toHex, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { OWN_EVENTS, type OwnEventName } from "../kernel/attest.ts";
import { ED25519_PUBLIC_KEY_BYTES, verifyEd25519 } from "../kernel/ed25519.ts";
import { verifyMlDsa } from "../kernel/ml-dsa.ts";
import type { AuthoritySigner } from "../kernel/village.ts";
import { counterField, digestField, pcrField, pcrsField, timeField, u64Field } from "./fields.ts";
import { parseJson } from "../kernel/json.ts";
import { decodeTextFile, inItsOneForm, textOf, withSignatures } from "../kernel/text-file.ts";

export const MAX_POLICY_BYTES = 131_072;
const HEAD = "caye-policy 1";
const MAX_ALLOWED = 64;
const AUTHORITY_BYTES = 64;

export interface Policy {
  /** Of two policies the higher counts; 1 … 2^32 − 1. */
  readonly version: number;
  /** Unix time in s, both inclusive. */
  readonly fromS: number;
  readonly untilS: number;
  /** Registers that a quote must cover, at least. */
  readonly pcrs: readonly number[];
  /** Digests that are right; an event that is left out must be as it was when the node was enrolled. */
  readonly own: ReadonlyMap<OwnEventName, readonly Bytes[]>;
  /** Values that are right; a register that is left out must be as it was when the node was enrolled. */
  readonly values: ReadonlyMap<number, readonly Bytes[]>;
  /** Versions of the TPM's firmware; empty: that of the enrolment. */
  readonly firmware: readonly bigint[];
  /** Must a verifier's operator know of each restart of the TPM, or are they merely shown? */
  readonly resets: "confirm" | "count";
  /** What a neighbour may do that did not show a right state. */
  readonly unattested: "serve" | "limit" | "refuse";
  /** How long a good verdict holds, s. */
  readonly maxAgeS: number;
}

const digestsField = z.array(digestField).min(1).max(MAX_ALLOWED);

const PolicyBody = z
  .strictObject({
    version: counterField.min(1),
    from: timeField,
    until: timeField,
    pcrs: pcrsField.min(1),
    own: z.strictObject({
      runtime: digestsField.optional(),
      code: digestsField.optional(),
      config: digestsField.optional(),
      policy: digestsField.optional(),
    }),
    values: z.array(z.strictObject({ pcr: pcrField, allowed: digestsField })).max(24),
    firmware: z.array(u64Field).max(MAX_ALLOWED),
    resets: z.enum(["confirm", "count"]),
    unattested: z.enum(["serve", "limit", "refuse"]),
    max_age_s: z
      .int()
      .min(60)
      .max(2 ** 31),
  })
  .refine(({ from, until }) => from <= until)
  .refine(({ pcrs, values }) => values.every(({ pcr }) => pcrs.includes(pcr)));

/** Signed by its authority. */
export function encodePolicyFile(policy: Policy, authority: Pick<AuthoritySigner, "sign" | "mlDsa">): Bytes {
  const text = policyText(policy);
  return withSignatures(text, [authority.sign(text), authority.mlDsa.publicKey, authority.mlDsa.sign(text)]);
}

/** @param authority 128 hex digits: Ed25519 public key ‖ SHA-256 of the ML-DSA-44 public key */
export function decodePolicyFile(file: Uint8Array, authority: string): Decoded<Policy> {
  const unchecked = decodeUncheckedPolicy(file);
  if (!unchecked.ok) return unchecked;
  const { value } = unchecked;
  return value.isSignedBy(authority) ? decoded(value.policy) : refused("not signed by the village's authority");
}

export interface UncheckedPolicy {
  readonly policy: Policy;
  /** The JSON as it was signed. */
  readonly body: unknown;
  isSignedBy(authority: string): boolean;
}

/** The form only: for showing what a file says. */
export function decodeUncheckedPolicy(file: Uint8Array): Decoded<UncheckedPolicy> {
  const text = decodeTextFile(file, { head: HEAD, maxBytes: MAX_POLICY_BYTES, signatures: 3 });
  if (!text.ok) return text;
  const { body, signed, signatures } = text.value;
  const policy = policyOf(body);
  if (!policy.ok) return policy;
  const exact = inItsOneForm(policy.value, (value) => withSignatures(policyText(value), signatures), file);
  if (!exact.ok) return exact;
  return decoded({ policy: exact.value, body, isSignedBy: (authority) => isSigned(signed, signatures, authority) });
}

/** A policy as people write it: the JSON alone, in any layout. */
export function readPolicyBody(json: Uint8Array): Decoded<Policy> {
  if (json.length > MAX_POLICY_BYTES) return refused("file too long");
  const body = parseJson(json);
  return body === undefined ? refused("not JSON") : policyOf(body);
}

/** In which way the policy is not in force; undefined when it is. @param nowS Unix time in s */
export function policyLapse(policy: Policy, nowS: number): "policy-not-yet" | "policy-expired" | undefined {
  if (nowS < policy.fromS) return "policy-not-yet";
  return nowS > policy.untilS ? "policy-expired" : undefined;
}

function policyOf(body: unknown): Decoded<Policy> {
  const parsed = PolicyBody.safeParse(body);
  if (!parsed.success) return refused(reasonOf(parsed.error));
  const { version, from, until, pcrs, own, values, firmware, resets, unattested, max_age_s } = parsed.data;
  const listed = OWN_EVENTS.flatMap((name) => {
    const allowed = own[name];
    return allowed === undefined ? [] : [[name, allowed] as const];
  });
  const byPcr = new Map(values.map(({ pcr, allowed }) => [pcr, allowed]));
  const rest = { pcrs, firmware, resets, unattested, maxAgeS: max_age_s };
  return decoded({ version, fromS: from, untilS: until, own: new Map(listed), values: byPcr, ...rest });
}

/** The field's path is of our own schema, or a foreign key's name: shown to whoever wrote the file, never counted. */
function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join(".") ?? "";
  return path === "" ? "a field of the policy is missing or wrong" : `the policy's field ${path} is missing or wrong`;
}

function policyText(policy: Policy): Bytes {
  const { version, fromS, untilS, pcrs, own, values, firmware, resets, unattested, maxAgeS } = policy;
  const hex = (digests: readonly Uint8Array[] = []) => digests.map((digest) => toHex(digest));
  const rows = [...values].sort(([a], [b]) => a - b);
  return textOf(HEAD, {
    version,
    from: fromS,
    until: untilS,
    pcrs,
    own: Object.fromEntries(OWN_EVENTS.filter((name) => own.has(name)).map((name) => [name, hex(own.get(name))])),
    values: rows.map(([pcr, allowed]) => ({ pcr, allowed: hex(allowed) })),
    firmware: firmware.map((version) => version.toString()),
    resets,
    unattested,
    max_age_s: maxAgeS,
  });
}

function isSigned(signed: Uint8Array, signatures: readonly Uint8Array[], authority: string): boolean {
  const keys = fromHex(authority);
  const [ed25519, mlDsaKey, mlDsa] = signatures;
  if (keys?.length !== AUTHORITY_BYTES || ed25519 === undefined || mlDsaKey === undefined || mlDsa === undefined) {
    return false;
  }
  const fingerprint = createHash("sha256").update(mlDsaKey).digest();
  if (!equalBytes(fingerprint, keys.subarray(ED25519_PUBLIC_KEY_BYTES))) return false;
  return (
    verifyEd25519(keys.subarray(0, ED25519_PUBLIC_KEY_BYTES), signed, ed25519) && verifyMlDsa(mlDsaKey, signed, mlDsa)
  );
}
