/**
 * The authority's word that one node may open its keys in a state that is yet to come, for TPM2_PolicyAuthorize: so that a
 * new version of the agent or of the kernel does not lock a node out. A text file: `caye-approval 1`, then JSON, then a
 * signature by the authority's update key over the PCR policy's digest and the node's reference: what a TPM checks itself.
 * @module
 */
import { z } from "zod";
import { concatBytes, copyBytes, fromHex, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { P256_COORDINATE_BYTES, verifyP256 } from "../kernel/p256.ts";
import { approvalMessage } from "../kernel/tpm-policy.ts";
import type { AuthoritySigner } from "../kernel/village.ts";
import { digestField, hexField, pcrsField } from "./fields.ts";
import { decodeTextFile, inItsOneForm, textOf, withSignatures } from "../kernel/text-file.ts";

export const MAX_APPROVAL_BYTES = 4_096;
const HEAD = "caye-approval 1";
const REFERENCE = "caye-update-v1";
const MAX_REFERENCE_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** What is approved, and for whom. */
export interface ApprovedState {
  /** Registers of the PCR policy, rising. */
  readonly pcrs: readonly number[];
  /** Digest of the PCR policy, 32 bytes: `pcrPolicyDigest` of the registers' values to come. */
  readonly approved: Bytes;
  /** Which node it is for: {@link updatePolicyRef}, 1 … 32 bytes. */
  readonly policyRef: Bytes;
}

export interface Approval extends ApprovedState {
  /** Of the authority's update key, 32 bytes each. */
  readonly x: Bytes;
  readonly y: Bytes;
  /** ECDSA with SHA-256, r ‖ s, 64 bytes. */
  readonly signature: Bytes;
}

const coordinateField = hexField(P256_COORDINATE_BYTES);
const ApprovalBody = z
  .strictObject({
    pcrs: pcrsField.min(1),
    approved: digestField,
    policy_ref: z
      .string()
      .max(2 * MAX_REFERENCE_BYTES)
      .transform((hex) => fromHex(hex) ?? new Uint8Array())
      .refine((bytes) => bytes.length > 0),
    key: z.strictObject({ x: coordinateField, y: coordinateField }),
  })
  .transform(({ pcrs, approved, policy_ref, key }) => ({ pcrs, approved, policyRef: policy_ref, ...key }));

/** By which a TPM tells approvals for this node from those for others. @param author its id, 8 bytes */
export function updatePolicyRef(author: Uint8Array): Bytes {
  return concatBytes(utf8(REFERENCE), author);
}

export function approve(state: ApprovedState, { update }: Pick<AuthoritySigner, "update">): Approval {
  const signature = update.sign(approvalMessage(state.approved, state.policyRef));
  return {
    ...state,
    x: copyBytes(update.x),
    y: copyBytes(update.y),
    signature: copyBytes(signature),
  };
}

/** True when the holder of the key that it names signed it; whose key that is, is another question. Never throws. */
export function verifyApproval({ x, y, approved, policyRef, signature }: Approval): boolean {
  return verifyP256({ x, y }, approvalMessage(approved, policyRef), signature);
}

export function encodeApproval({ pcrs, approved, policyRef, x, y, signature }: Approval): Bytes {
  const key = { x: toHex(x), y: toHex(y) };
  const text = textOf(HEAD, { pcrs, approved: toHex(approved), policy_ref: toHex(policyRef), key });
  return withSignatures(text, [signature]);
}

/** The form only: {@link verifyApproval} says whether it is to be believed. */
export function decodeApproval(file: Uint8Array): Decoded<Approval> {
  const text = decodeTextFile(file, { head: HEAD, maxBytes: MAX_APPROVAL_BYTES, signatures: 1 });
  if (!text.ok) return text;
  const [signature] = text.value.signatures;
  const parsed = ApprovalBody.safeParse(text.value.body);
  if (!parsed.success || signature?.length !== SIGNATURE_BYTES) return refused("no approval");
  const exact = inItsOneForm({ ...parsed.data, signature }, encodeApproval, file);
  return exact.ok ? decoded(exact.value) : exact;
}
