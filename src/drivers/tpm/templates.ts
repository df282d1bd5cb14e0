/**
 * Public areas of the keys that Caye asks a TPM for (TPMT_PUBLIC). TCG TPM 2.0 Library, part 2, section 12.2; TCG EK
 * Credential Profile 2.5, annex B.3.3 and B.3.4.
 * @module
 */
import { ByteWriter, type Bytes } from "../../kernel/bytes.ts";
import {
  ALGORITHM,
  attestationKeyArea,
  eccPublicArea,
  OBJECT,
  rsaAttestationKeyArea,
  rsaPublicArea,
} from "../../kernel/tpm-public.ts";
import { secretPolicyDigest } from "../../kernel/tpm-policy.ts";
import type { AttestationKeyChoice, KeyKind } from "../../ports/tpm.ts";

export const HIERARCHY = { owner: 0x4000_0001, null: 0x4000_0007, endorsement: 0x4000_000b } as const;

const MADE_HERE = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin;
const KEEPS_OTHERS = OBJECT.restricted | OBJECT.decrypt;
const MAX_GENERATION = 0xffff;

/** The attestation key. Generation 0 has an empty unique field, so that it is the key of a node's first days. */
export function attestationKeyTemplate({ kind = "ecc", generation = 0 }: AttestationKeyChoice = {}): Bytes {
  if (!Number.isInteger(generation) || generation < 0 || generation > MAX_GENERATION) {
    throw new RangeError("generation of an attestation key out of range");
  }
  const unique = generation === 0 ? new Uint8Array() : new ByteWriter().u16(generation).finish();
  return kind === "ecc" ? attestationKeyArea(unique, new Uint8Array()) : rsaAttestationKeyArea(unique);
}

/** The storage root: parent of what is sealed. The TCG's provisioning template for P-256. */
export function storageRootTemplate(): Bytes {
  const attributes = MADE_HERE | OBJECT.userWithAuth | OBJECT.noDictionaryAttack | KEEPS_OTHERS;
  return eccPublicArea({ attributes, cipher: true, x: new Uint8Array(32), y: new Uint8Array(32), signs: false });
}

/** The endorsement key, by the templates L-1 (RSA-2048) and L-2 (P-256): the key of the maker's certificate. */
export function endorsementKeyTemplate(kind: KeyKind): Bytes {
  const attributes = MADE_HERE | OBJECT.adminWithPolicy | KEEPS_OTHERS;
  const policy = secretPolicyDigest(new ByteWriter().u32(HIERARCHY.endorsement).finish());
  const shared = { attributes, policy, cipher: true, signs: false };
  return kind === "rsa"
    ? rsaPublicArea({ ...shared, modulus: new Uint8Array(256) })
    : eccPublicArea({ ...shared, x: new Uint8Array(32), y: new Uint8Array(32) });
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
