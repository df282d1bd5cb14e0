/**
 * Policy digests of sealed objects and keys beyond one state of the registers: an authority's approval, a hierarchy's
 * password, a choice of branches. Computed without a TPM. TCG TPM 2.0 Library, part 3, sections 23.4 (PolicySecret),
 * 23.6 (PolicyOR) and 23.16 (PolicyAuthorize).
 * @module
 */
import { createHash } from "node:crypto";
import { ByteWriter, type Bytes } from "./bytes.ts";
import { PCR_BYTES } from "./pcr.ts";

const POLICY_SECRET = 0x0000_0151;
const POLICY_OR = 0x0000_0171;
const POLICY_AUTHORIZE = 0x0000_016a;

/** Of what the holder of a key approves. @param keyName 34 bytes, see `objectName` @param policyRef 0 … 32 bytes */
export function authorizePolicyDigest(keyName: Uint8Array, policyRef: Uint8Array): Bytes {
  return policyOf(POLICY_AUTHORIZE, keyName, policyRef);
}

/** Of whoever knows the password of an entity. @param name of a hierarchy: its handle, 4 bytes */
export function secretPolicyDigest(name: Uint8Array): Bytes {
  return policyOf(POLICY_SECRET, name, new Uint8Array());
}

/** Of a choice. @param branches 2 … 8 digests of 32 bytes */
export function orPolicyDigest(branches: readonly Uint8Array[]): Bytes {
  if (branches.length < 2 || branches.length > 8) throw new RangeError("a choice has 2 to 8 branches");
  const command = new ByteWriter().u32(POLICY_OR).finish();
  return sha256(new Uint8Array(PCR_BYTES), command, ...branches);
}

/** What an authority signs, as ECDSA with SHA-256 over these bytes. @param approved a policy digest, 32 bytes */
export function approvalMessage(approved: Uint8Array, policyRef: Uint8Array): Bytes {
  return new ByteWriter().bytes(approved).bytes(policyRef).finish();
}

function policyOf(command: number, name: Uint8Array, policyRef: Uint8Array): Bytes {
  const extended = new ByteWriter().bytes(new Uint8Array(PCR_BYTES)).u32(command).bytes(name).finish();
  return sha256(sha256(extended), policyRef);
}

function sha256(...parts: readonly Uint8Array[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
