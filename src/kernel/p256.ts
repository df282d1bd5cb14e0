/**
 * Points and keys of NIST P-256 (FIPS 186-5), by OpenSSL: the curve of TPMs' attestation keys, and of the key by which a
 * village's authority approves updates. A signature is ECDSA with SHA-256, r ‖ s, 64 bytes.
 * @module
 */
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  ECDH,
  hkdfSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { type Bytes, concatBytes, copyBytes } from "./bytes.ts";

export const P256_COORDINATE_BYTES = 32;
/** 0x02 or 0x03 by the parity of y, then x (SEC 1, section 2.3.3). */
export const COMPRESSED_POINT_BYTES = 33;
const CURVE = "prime256v1";
const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;
/** So many more than the order has that no scalar is likelier than another (FIPS 186-5, A.2.1). */
const SCALAR_SEED_BYTES = 48;

/** 32 bytes each, big-endian. */
export interface P256Point {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

export interface P256Signer extends P256Point {
  /** 64 bytes. */
  sign(message: Uint8Array): Bytes;
}

export function compressedPoint({ x, y }: P256Point): Bytes {
  return concatBytes(Uint8Array.of(2 + ((y.at(-1) ?? 0) & 1)), x);
}

/** Undefined for what is no compressed point of the curve. Never throws. */
export function pointOf(compressed: Uint8Array): P256Point | undefined {
  if (compressed.length !== COMPRESSED_POINT_BYTES || (compressed[0] !== 2 && compressed[0] !== 3)) return undefined;
  try {
    const whole = ECDH.convertKey(compressed, CURVE, undefined, undefined, "uncompressed");
    return typeof whole === "string" ? undefined : coordinates(whole);
  } catch {
    return undefined;
  }
}

/** The key that a secret stands for, for one purpose: another label gives another key. */
export function p256FromSecret(secret: Uint8Array, label: string): P256Signer {
  const seed = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), label, SCALAR_SEED_BYTES));
  const scalar = scalarOf(seed);
  if (scalar === undefined) throw new RangeError("that secret gives no key of P-256");
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(scalar);
  const point = coordinates(ecdh.getPublicKey());
  const key = createPrivateKey({ format: "jwk", key: { ...jwkOf(point), d: base64url(scalar) } });
  return { ...point, sign: (message) => copyBytes(sign("sha256", message, { key, dsaEncoding: "ieee-p1363" })) };
}

/** False for anything but a good signature, points off the curve included. Never throws. */
export function verifyP256(point: P256Point, message: Uint8Array, signature: Uint8Array): boolean {
  const key = p256PublicKey(point);
  if (key === undefined) return false;
  try {
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}

/** As node:crypto knows it; undefined when the point is not on the curve. */
export function p256PublicKey(point: P256Point): KeyObject | undefined {
  try {
    return createPublicKey({ format: "jwk", key: jwkOf(point) });
  } catch {
    return undefined;
  }
}

/** Undefined when it is zero, which happens once in 2^256 times. */
function scalarOf(seed: Uint8Array): Bytes | undefined {
  let number = 0n;
  for (const byte of seed) number = (number << 8n) | BigInt(byte);
  number %= ORDER;
  if (number === 0n) return undefined;
  return new Uint8Array(Buffer.from(number.toString(16).padStart(2 * P256_COORDINATE_BYTES, "0"), "hex"));
}

function coordinates(uncompressed: Uint8Array): P256Point {
  const second = 1 + P256_COORDINATE_BYTES;
  return { x: copyBytes(uncompressed.subarray(1, second)), y: copyBytes(uncompressed.subarray(second)) };
}

function jwkOf({ x, y }: P256Point) {
  return { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
