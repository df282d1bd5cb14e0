/**
 * The public area (TPMT_PUBLIC) of a P-256 key in a TPM: its attributes, its point, its name. TCG TPM 2.0 Library,
 * part 2, section 12.2.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, copyBytes, type Bytes } from "./bytes.ts";
import { decoded, refused, type Decoded } from "./decoded.ts";

/** TPMA_OBJECT bits. */
export const OBJECT = {
  fixedTpm: 0x2,
  fixedParent: 0x10,
  sensitiveDataOrigin: 0x20,
  userWithAuth: 0x40,
  noDictionaryAttack: 0x400,
  restricted: 0x1_0000,
  decrypt: 0x2_0000,
  sign: 0x4_0000,
} as const;

/** TPM_ALG_ID and TPM_ECC_CURVE values that Caye uses. */
export const ALGORITHM = {
  aes: 0x0006,
  keyedHash: 0x0008,
  sha256: 0x000b,
  none: 0x0010,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
  p256: 0x0003,
} as const;

const COORDINATE_BYTES = 32;

export interface EccPublic {
  /** TPMA_OBJECT, see {@link OBJECT}. */
  readonly attributes: number;
  /** TPM_ALG_ID of the signing scheme; {@link ALGORITHM}.none when it has none. */
  readonly scheme: number;
  /** 32 bytes each, big-endian. */
  readonly x: Bytes;
  readonly y: Bytes;
  /** What the TPM calls the object: the name algorithm and the hash over the public area. 34 bytes. */
  readonly name: Bytes;
}

/** Refuses everything that is not a P-256 key whose name is made with SHA-256. */
export function decodeEccPublic(publicArea: Uint8Array): Decoded<EccPublic> {
  const reader = new ByteReader(publicArea);
  if (reader.u16() !== ALGORITHM.ecc) reader.fail("not an elliptic curve key");
  if (reader.u16() !== ALGORITHM.sha256) reader.fail("name algorithm is not SHA-256");
  const attributes = reader.u32();
  reader.take(reader.u16()); // policy
  if (reader.u16() !== ALGORITHM.none) reader.take(4); // symmetric cipher's key bits and mode
  const scheme = reader.u16();
  if (scheme !== ALGORITHM.none) reader.take(2); // its hash
  if (reader.u16() !== ALGORITHM.p256) reader.fail("not on curve P-256");
  if (reader.u16() !== ALGORITHM.none) reader.fail("unexpected key derivation scheme");
  const x = coordinate(reader);
  const y = coordinate(reader);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({ attributes, scheme, x, y, name: objectName(publicArea) });
}

/** The name of an object whose name algorithm is SHA-256. */
export function objectName(publicArea: Uint8Array): Bytes {
  const digest = createHash("sha256").update(publicArea).digest();
  return new ByteWriter().u16(ALGORITHM.sha256).bytes(digest).finish();
}

function coordinate(reader: ByteReader): Bytes {
  const bytes = reader.take(reader.u16());
  if (bytes.length > COORDINATE_BYTES) {
    reader.fail("coordinate too long");
    return new Uint8Array(COORDINATE_BYTES);
  }
  const padded = new Uint8Array(COORDINATE_BYTES);
  padded.set(copyBytes(bytes), COORDINATE_BYTES - bytes.length);
  return padded;
}
