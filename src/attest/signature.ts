/**
 * TPMT_SIGNATURE: ECDSA on P-256 (u16 0018, hash u16, r and s with a length of u16 each), RSASSA and RSAPSS (u16 0014 and
 * 0016, hash u16, the signature with a length of u16). SHA-256 only. TCG TPM 2.0 Library, part 2, section 11.3.
 * @module
 */
import { constants, verify, type KeyObject, type VerifyKeyObjectInput } from "node:crypto";
import { ByteReader, copyBytes, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { ALGORITHM, publicKeyOf, type TpmPublic } from "../kernel/tpm-public.ts";

const COORDINATE_BYTES = 32;
const MAX_RSA_BYTES = 512;

export interface TpmSignature {
  /** TPM_ALG_ID. */
  readonly scheme: number;
  /** r ‖ s, 64 bytes, or what RSA gives. */
  readonly raw: Bytes;
}

/** Leading zeros of r and s may be left out, as some TPMs do. Never throws. */
export function decodeSignature(bytes: Uint8Array): Decoded<TpmSignature> {
  const reader = new ByteReader(bytes);
  const scheme = reader.u16();
  if (reader.u16() !== ALGORITHM.sha256) reader.fail("signature over another hash than SHA-256");
  const raw = scheme === ALGORITHM.ecdsa ? readPair(reader) : readRsa(reader, scheme);
  const failure = reader.done();
  return failure === undefined ? decoded({ scheme, raw }) : refused(failure);
}

/** False for anything but a good signature by that key in that key's own scheme. Never throws. */
export function isSignedBy(key: TpmPublic, message: Uint8Array, signature: TpmSignature): boolean {
  const publicKey = publicKeyOf(key);
  if (publicKey === undefined || signature.scheme !== key.scheme || key.schemeHash !== ALGORITHM.sha256) return false;
  try {
    return verify("sha256", message, inScheme(publicKey, key.scheme), signature.raw);
  } catch {
    return false;
  }
}

function inScheme(key: KeyObject, scheme: number): VerifyKeyObjectInput {
  if (scheme === ALGORITHM.ecdsa) return { key, dsaEncoding: "ieee-p1363" };
  if (scheme === ALGORITHM.rsaSsa) return { key, padding: constants.RSA_PKCS1_PADDING };
  // Chips differ in the salt's length: the hash's, or the longest that fits.
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
}

function readPair(reader: ByteReader): Bytes {
  const raw = new Uint8Array(2 * COORDINATE_BYTES);
  for (const end of [COORDINATE_BYTES, 2 * COORDINATE_BYTES]) {
    const part = reader.take(reader.u16());
    if (part.length > COORDINATE_BYTES) reader.fail("signature too long");
    else raw.set(part, end - part.length);
  }
  return raw;
}

function readRsa(reader: ByteReader, scheme: number): Bytes {
  if (scheme !== ALGORITHM.rsaSsa && scheme !== ALGORITHM.rsaPss) reader.fail("unknown signature scheme");
  const raw = reader.take(reader.u16());
  if (raw.length > MAX_RSA_BYTES) reader.fail("signature too long");
  return copyBytes(raw);
}
