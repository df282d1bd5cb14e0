/**
 * The authority's word that one node may open its keys in a state that is yet to come, for TPM2_PolicyAuthorize: so that a
 * new version of the agent or of the kernel does not lock a node out. A text file: `caye-approval 1`, then JSON, then a
 * signature by the authority's update key over the PCR policy's digest and the node's reference: what a TPM checks itself.
 * @module
 */
import { z } from "zod";
import { concatBytes, equalBytes, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { P256_COORDINATE_BYTES, verifyP256, type P256Point } from "../kernel/p256.ts";
import { approvalMessage } from "../kernel/tpm-policy.ts";
import { authorityKeyArea } from "../kernel/tpm-public.ts";
import type { AuthoritySigner } from "../kernel/village.ts";
import type { StateApproval } from "../ports/tpm.ts";
import { digestField, hexField, pcrsField } from "./fields.ts";
import { decodeTextFile, inItsOneForm, textOf, withSignatures } from "./text-file.ts";

export const MAX_APPROVAL_BYTES = 4_096;
const HEAD = "caye-approval 1";
const REFERENCE = "caye-update-v1";
const AUTHOR_ID_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** What is approved, and for whom. */
export interface ApprovedState {
  /** Of the node that it is for, 8 bytes. */
  readonly author: Bytes;
  /** Registers of the PCR policy, rising. */
  readonly pcrs: readonly number[];
  /** Digest of the PCR policy, 32 bytes: `pcrPolicyDigest` of the registers' values to come. */
  readonly approved: Bytes;
}

export interface Approval extends ApprovedState {
  /** Of the authority's update key, 32 bytes each. */
  readonly key: { readonly x: Bytes; readonly y: Bytes };
  /** ECDSA with SHA-256, r ‖ s, 64 bytes. */
  readonly signature: Bytes;
}

const ApprovalBody = z.strictObject({
  author: hexField(AUTHOR_ID_BYTES),
  pcrs: pcrsField.min(1),
  approved: digestField,
  key: z.strictObject({ x: hexField(P256_COORDINATE_BYTES), y: hexField(P256_COORDINATE_BYTES) }),
});

/** By which a TPM tells approvals for this node from those for others. @param author 8 bytes */
export function updatePolicyRef(author: Uint8Array): Bytes {
  return concatBytes(utf8(REFERENCE), author);
}

export function approve(state: ApprovedState, { update }: Pick<AuthoritySigner, "update">): Approval {
  const message = approvalMessage(state.approved, updatePolicyRef(state.author));
  const key = { x: new Uint8Array(update.x), y: new Uint8Array(update.y) };
  return { ...state, key, signature: new Uint8Array(update.sign(message)) };
}

/** True when the holder of that key approved it for that node. Never throws. */
export function verifyApproval(approval: Approval, updateKey: P256Point, author: Uint8Array): boolean {
  const { key, signature, approved } = approval;
  const same = equalBytes(key.x, updateKey.x) && equalBytes(key.y, updateKey.y) && equalBytes(approval.author, author);
  return same && verifyP256(updateKey, approvalMessage(approved, updatePolicyRef(author)), signature);
}

/** As the TPM takes it. */
export function stateApprovalOf({ key, author, signature }: Approval): StateApproval {
  return { key: authorityKeyArea(key.x, key.y), policyRef: updatePolicyRef(author), signature };
}

export function encodeApproval(approval: Approval): Bytes {
  const { author, pcrs, approved, key, signature } = approval;
  const body = {
    author: toHex(author),
    pcrs,
    approved: toHex(approved),
    key: { x: toHex(key.x), y: toHex(key.y) },
  };
  return withSignatures(textOf(HEAD, body), [signature]);
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
