/** Public areas of the keys that Caye asks a TPM for (TPMT_PUBLIC). TCG TPM 2.0 Library, part 2, section 12.2. @module */
import { ByteWriter, type Bytes } from "../../kernel/bytes.ts";
import { ALGORITHM, OBJECT } from "../../kernel/tpm-public.ts";

export const HIERARCHY = { owner: 0x4000_0001, null: 0x4000_0007, endorsement: 0x4000_000b } as const;

const MADE_HERE = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth;

/**
 * The attestation key: it signs nothing but what the TPM itself states (`restricted`), and goes on doing so while
 * wrong passwords lock other keys (`noDictionaryAttack`).
 */
export function attestationKeyTemplate(): Bytes {
  return new ByteWriter()
    .u16(ALGORITHM.ecc)
    .u16(ALGORITHM.sha256)
    .u32(MADE_HERE | OBJECT.noDictionaryAttack | OBJECT.restricted | OBJECT.sign)
    .u16(0) // no policy
    .u16(ALGORITHM.none) // no symmetric cipher
    .u16(ALGORITHM.ecdsa)
    .u16(ALGORITHM.sha256)
    .u16(ALGORITHM.p256)
    .u16(ALGORITHM.none) // no key derivation
    .u16(0)
    .u16(0)
    .finish();
}

/** The storage root: parent of what is sealed. The TCG's provisioning template for P-256. */
export function storageRootTemplate(): Bytes {
  const zeros = new Uint8Array(32);
  return new ByteWriter()
    .u16(ALGORITHM.ecc)
    .u16(ALGORITHM.sha256)
    .u32(MADE_HERE | OBJECT.noDictionaryAttack | OBJECT.restricted | OBJECT.decrypt)
    .u16(0)
    .u16(ALGORITHM.aes)
    .u16(128)
    .u16(ALGORITHM.cfb)
    .u16(ALGORITHM.none)
    .u16(ALGORITHM.p256)
    .u16(ALGORITHM.none)
    .u16(zeros.length)
    .bytes(zeros)
    .u16(zeros.length)
    .bytes(zeros)
    .finish();
}

/** A sealed secret that opens by its policy alone: no password does. @param policyDigest 32 bytes */
export function sealedTemplate(policyDigest: Uint8Array): Bytes {
  return new ByteWriter()
    .u16(ALGORITHM.keyedHash)
    .u16(ALGORITHM.sha256)
    .u32(OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.noDictionaryAttack)
    .u16(policyDigest.length)
    .bytes(policyDigest)
    .u16(ALGORITHM.none) // no scheme
    .u16(0)
    .finish();
}
