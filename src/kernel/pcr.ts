/**
 * Platform configuration registers of a TPM's SHA-256 bank: selections, extending, replaying, and the policy digest
 * that a sealed object carries (TCG TPM 2.0 Library, parts 2 and 3).
 *
 * A register is 32 bytes; registers are numbered 0 … 23 and always taken in rising order.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteWriter, copyBytes, type Bytes } from "./bytes.ts";

export const PCR_BYTES = 32;
export const PCR_COUNT = 24;

/** TPM_ALG_SHA256. */
const SHA256_BANK = 0x000b;
const MASK_BYTES = 3;
/** TPM_CC_PolicyPCR. */
const POLICY_PCR = 0x0000_017f;

function sha256(...parts: readonly Uint8Array[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The registers in rising order, each once. @throws RangeError for a number that is no register */
export function sortedPcrs(pcrs: readonly number[]): readonly number[] {
  for (const pcr of pcrs) {
    if (!Number.isInteger(pcr) || pcr < 0 || pcr >= PCR_COUNT) throw new RangeError(`there is no PCR ${pcr}`);
  }
  return [...new Set(pcrs)].sort((a, b) => a - b);
}

/** The mask of a selection: register p is bit p mod 8 of byte p div 8. */
export function pcrMask(pcrs: readonly number[]): Bytes {
  const mask = new Uint8Array(MASK_BYTES);
  for (const pcr of sortedPcrs(pcrs)) mask[pcr >> 3] = (mask[pcr >> 3] ?? 0) | (1 << (pcr & 7));
  return mask;
}

/** The registers of a mask of any length, rising. */
export function pcrsOfMask(mask: Uint8Array): readonly number[] {
  return [...mask].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => ((byte >> bit) & 1) === 1).map((bit) => 8 * at + bit),
  );
}

/** TPML_PCR_SELECTION with one entry: these registers of the SHA-256 bank. */
export function pcrSelection(pcrs: readonly number[]): Bytes {
  return new ByteWriter().u32(1).u16(SHA256_BANK).u8(MASK_BYTES).bytes(pcrMask(pcrs)).finish();
}

/** The digest that a quote and a policy take of register values: SHA-256 over them in rising order of registers. */
export function pcrDigest(pcrs: readonly number[], values: ReadonlyMap<number, Uint8Array>): Bytes {
  return sha256(
    ...sortedPcrs(pcrs).map((pcr) => {
      const value = values.get(pcr);
      if (value === undefined) throw new RangeError(`no value given for PCR ${pcr}`);
      return value;
    }),
  );
}

/**
 * The policy digest that TPM2_PolicyPCR leaves in a fresh session when the registers hold these values: computed
 * without a TPM, so that a key can be sealed to a state that is yet to come. No registers: a policy that every state
 * of that TPM fulfils.
 * @throws RangeError when a register's value is missing
 */
export function pcrPolicyDigest(pcrs: readonly number[], values: ReadonlyMap<number, Uint8Array>): Bytes {
  const command = new ByteWriter().u32(POLICY_PCR).bytes(pcrSelection(pcrs)).finish();
  return sha256(new Uint8Array(PCR_BYTES), command, pcrDigest(pcrs, values));
}

/** What a register holds after TPM2_PCR_Extend. @param digest 32 bytes */
export function extend(value: Uint8Array, digest: Uint8Array): Bytes {
  return sha256(value, digest);
}

/** What a register holds after these digests were extended into it in order. @param base its value before: zeros after a TPM reset */
export function replay(digests: readonly Uint8Array[], base: Uint8Array = new Uint8Array(PCR_BYTES)): Bytes {
  return digests.reduce<Bytes>((value, digest) => extend(value, digest), copyBytes(base));
}

/** True when nothing was ever extended into the register. */
export function isZero(value: Uint8Array): boolean {
  return value.every((byte) => byte === 0);
}
