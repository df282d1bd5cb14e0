/**
 * The public area (TPMT_PUBLIC) of a key in a TPM: its attributes, its numbers, its name. Read and built here; the TPM
 * never sees anything else of us. TCG TPM 2.0 Library, part 2, section 12.2.
 *
 * Only what Caye meets: elliptic curve keys on P-256 and RSA keys of 2,048 to 4,096 bits, named by SHA-256, with
 * AES-128-CFB or no symmetric cipher.
 * @module
 */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { ByteReader, ByteWriter, copyBytes, type Bytes } from "./bytes.ts";
import { decoded, refused, type Decoded } from "./decoded.ts";
import { P256_COORDINATE_BYTES, p256PublicKey } from "./p256.ts";

/** TPMA_OBJECT bits. */
export const OBJECT = {
  fixedTpm: 0x2,
  fixedParent: 0x10,
  sensitiveDataOrigin: 0x20,
  userWithAuth: 0x40,
  adminWithPolicy: 0x80,
  noDictionaryAttack: 0x400,
  restricted: 0x1_0000,
  decrypt: 0x2_0000,
  sign: 0x4_0000,
} as const;

/** TPM_ALG_ID and TPM_ECC_CURVE values that Caye uses. */
export const ALGORITHM = {
  rsa: 0x0001,
  aes: 0x0006,
  keyedHash: 0x0008,
  sha256: 0x000b,
  none: 0x0010,
  rsaSsa: 0x0014,
  rsaPss: 0x0016,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
  p256: 0x0003,
} as const;

const AES_BITS = 128;
const POLICY_BYTES = 32;
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);
/** Written as 0, too. With a small one a signature is easily forged, and no TPM makes such keys. */
const RSA_EXPONENT = 65_537;
/** A key that TPM2_LoadExternal takes: it lives in no TPM, and checks signatures over anything. */
const AUTHORITY_ATTRIBUTES = OBJECT.userWithAuth | OBJECT.noDictionaryAttack | OBJECT.sign;
const ATTESTATION_ATTRIBUTES =
  OBJECT.fixedTpm |
  OBJECT.fixedParent |
  OBJECT.sensitiveDataOrigin |
  OBJECT.userWithAuth |
  OBJECT.noDictionaryAttack |
  OBJECT.restricted |
  OBJECT.sign;

interface PublicCommon {
  /** TPMA_OBJECT, see {@link OBJECT}. */
  readonly attributes: number;
  /** True for a key that keeps others: it has AES-128-CFB. */
  readonly cipher: boolean;
  /** TPM_ALG_ID of the signing scheme; {@link ALGORITHM}.none when it has none. */
  readonly scheme: number;
  /** TPM_ALG_ID of that scheme's hash; {@link ALGORITHM}.none when it has none. */
  readonly schemeHash: number;
  /** Empty, or 32 bytes: the digest of the policy that guards its use. */
  readonly policy: Bytes;
  /** What the TPM calls the object: the name algorithm and the hash over the public area. 34 bytes. */
  readonly name: Bytes;
}

export interface EccPublic extends PublicCommon {
  readonly kind: "ecc";
  /** 32 bytes each, big-endian. */
  readonly x: Bytes;
  readonly y: Bytes;
}

export interface RsaPublic extends PublicCommon {
  readonly kind: "rsa";
  /** 256, 384 or 512 bytes, big-endian. */
  readonly modulus: Bytes;
  readonly exponent: number;
}

export type TpmPublic = EccPublic | RsaPublic;

/** Refuses everything that the head of this file does not name. Never throws. */
export function decodePublic(publicArea: Uint8Array): Decoded<TpmPublic> {
  const reader = new ByteReader(publicArea);
  const type = reader.u16();
  if (type !== ALGORITHM.ecc && type !== ALGORITHM.rsa) reader.fail("neither an elliptic curve key nor an RSA key");
  if (reader.u16() !== ALGORITHM.sha256) reader.fail("name algorithm is not SHA-256");
  const attributes = reader.u32();
  const policy = copyBytes(reader.take(reader.u16()));
  if (policy.length !== 0 && policy.length !== POLICY_BYTES) reader.fail("policy of another length");
  const cipher = readCipher(reader);
  const scheme = readScheme(reader, type);
  const numbers = type === ALGORITHM.ecc ? readPoint(reader) : readModulus(reader);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({ attributes, cipher, ...scheme, policy, name: objectName(publicArea), ...numbers });
}

/** As {@link decodePublic}, for who needs a key on P-256. */
export function decodeEccPublic(publicArea: Uint8Array): Decoded<EccPublic> {
  const key = decodePublic(publicArea);
  if (!key.ok) return key;
  return key.value.kind === "ecc" ? decoded(key.value) : refused("not an elliptic curve key");
}

/** The key as node:crypto knows it; undefined when it is none: a point off the curve, an even modulus. Never throws. */
export function publicKeyOf(key: TpmPublic): KeyObject | undefined {
  if (key.kind === "ecc") return p256PublicKey(key);
  if (((key.modulus.at(-1) ?? 0) & 1) === 0) return undefined;
  const e = Buffer.from(new ByteWriter().u32(key.exponent).finish().subarray(1)).toString("base64url");
  try {
    return createPublicKey({
      format: "jwk",
      key: { kty: "RSA", n: Buffer.from(key.modulus).toString("base64url"), e },
    });
  } catch {
    return undefined;
  }
}

/** The name of an object whose name algorithm is SHA-256. */
export function objectName(publicArea: Uint8Array): Bytes {
  const digest = createHash("sha256").update(publicArea).digest();
  return new ByteWriter().u16(ALGORITHM.sha256).bytes(digest).finish();
}

interface AreaFields {
  readonly attributes: number;
  readonly policy?: Uint8Array;
  /** With AES-128-CFB. */
  readonly cipher?: boolean;
}

export interface EccAreaFields extends AreaFields {
  /** Both 32 bytes; in a template both are anything up to that, and tell keys from each other. */
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  /** ECDSA with SHA-256. */
  readonly signs: boolean;
}

/** TPMT_PUBLIC of a P-256 key, or the template of one. */
export function eccPublicArea(fields: EccAreaFields): Bytes {
  return areaHead(ALGORITHM.ecc, fields, fields.signs ? ALGORITHM.ecdsa : ALGORITHM.none)
    .u16(ALGORITHM.p256)
    .u16(ALGORITHM.none) // no key derivation
    .u16(fields.x.length)
    .bytes(fields.x)
    .u16(fields.y.length)
    .bytes(fields.y)
    .finish();
}

export interface RsaAreaFields extends AreaFields {
  /** 256 bytes; in a template anything up to that. */
  readonly modulus: Uint8Array;
  /** RSASSA with SHA-256. */
  readonly signs: boolean;
}

/** TPMT_PUBLIC of an RSA key of 2,048 bits with the usual exponent, or the template of one. */
export function rsaPublicArea(fields: RsaAreaFields): Bytes {
  return areaHead(ALGORITHM.rsa, fields, fields.signs ? ALGORITHM.rsaSsa : ALGORITHM.none)
    .u16(2048)
    .u32(0)
    .u16(fields.modulus.length)
    .bytes(fields.modulus)
    .finish();
}

/**
 * Of the node's P-256 attestation key: it signs nothing but what the TPM itself states (`restricted`), and goes on doing
 * so while wrong passwords lock other keys (`noDictionaryAttack`). @param x, y as in {@link EccAreaFields}
 */
export function attestationKeyArea(x: Uint8Array, y: Uint8Array): Bytes {
  return eccPublicArea({ attributes: ATTESTATION_ATTRIBUTES, x, y, signs: true });
}

/** The same as RSA key. @param modulus as in {@link RsaAreaFields} */
export function rsaAttestationKeyArea(modulus: Uint8Array): Bytes {
  return rsaPublicArea({ attributes: ATTESTATION_ATTRIBUTES, modulus, signs: true });
}

/** Of an authority's P-256 key outside of any TPM, by which TPMs check approvals. @param x, y 32 bytes each */
export function authorityKeyArea(x: Uint8Array, y: Uint8Array): Bytes {
  return eccPublicArea({ attributes: AUTHORITY_ATTRIBUTES, x, y, signs: true });
}

function areaHead(type: number, { attributes, policy = new Uint8Array(), cipher }: AreaFields, scheme: number) {
  const writer = new ByteWriter().u16(type).u16(ALGORITHM.sha256).u32(attributes).u16(policy.length).bytes(policy);
  if (cipher === true) writer.u16(ALGORITHM.aes).u16(AES_BITS).u16(ALGORITHM.cfb);
  else writer.u16(ALGORITHM.none);
  writer.u16(scheme);
  return scheme === ALGORITHM.none ? writer : writer.u16(ALGORITHM.sha256);
}

function readCipher(reader: ByteReader): boolean {
  const cipher = reader.u16();
  if (cipher === ALGORITHM.none) return false;
  const usual = cipher === ALGORITHM.aes && reader.u16() === AES_BITS && reader.u16() === ALGORITHM.cfb;
  if (!usual) reader.fail("symmetric cipher is not AES-128-CFB");
  return usual;
}

function readScheme(reader: ByteReader, type: number): { readonly scheme: number; readonly schemeHash: number } {
  const scheme = reader.u16();
  if (scheme === ALGORITHM.none) return { scheme, schemeHash: ALGORITHM.none };
  const known: readonly number[] = type === ALGORITHM.ecc ? [ALGORITHM.ecdsa] : [ALGORITHM.rsaSsa, ALGORITHM.rsaPss];
  if (!known.includes(scheme)) reader.fail("unknown scheme");
  return { scheme, schemeHash: reader.u16() };
}

function readPoint(reader: ByteReader): Pick<EccPublic, "kind" | "x" | "y"> {
  if (reader.u16() !== ALGORITHM.p256) reader.fail("not on curve P-256");
  if (reader.u16() !== ALGORITHM.none) reader.fail("unexpected key derivation scheme");
  return { kind: "ecc", x: coordinate(reader), y: coordinate(reader) };
}

function readModulus(reader: ByteReader): Pick<RsaPublic, "kind" | "modulus" | "exponent"> {
  const bits = reader.u16();
  if (!RSA_BITS.has(bits)) reader.fail("RSA key of another size");
  const exponent = reader.u32() || RSA_EXPONENT;
  if (exponent !== RSA_EXPONENT) reader.fail("exponent is not 65537");
  const modulus = copyBytes(reader.take(reader.u16()));
  if (8 * modulus.length !== bits) reader.fail("modulus of another length");
  return { kind: "rsa", modulus, exponent };
}

/** Some TPMs leave the zeros in front away. */
function coordinate(reader: ByteReader): Bytes {
  const bytes = reader.take(reader.u16());
  const padded = new Uint8Array(P256_COORDINATE_BYTES);
  if (bytes.length === 0 || bytes.length > P256_COORDINATE_BYTES) reader.fail("coordinate of another length");
  else padded.set(bytes, P256_COORDINATE_BYTES - bytes.length);
  return padded;
}
