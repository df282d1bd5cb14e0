/**
 * The keys inside a TPM that is none: attestation keys that sign, endorsement keys that open credentials. Real
 * cryptography over real structures (TCG TPM 2.0 Library, part 1, section 24), so that what a verifier makes for one is
 * what it would make for a chip.
 * @module
 */
import {
  constants,
  createDecipheriv,
  createECDH,
  createHmac,
  generateKeyPairSync,
  privateDecrypt,
  sign,
  type KeyObject,
} from "node:crypto";
import { ByteReader, ByteWriter, concatBytes, equalBytes, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import { kdfa, kdfe } from "../../src/kernel/tpm-kdf.ts";
import {
  ALGORITHM,
  attestationKeyArea,
  eccPublicArea,
  OBJECT,
  rsaAttestationKeyArea,
  rsaPublicArea,
} from "../../src/kernel/tpm-public.ts";
import type { Credential, KeyKind } from "../../src/ports/tpm.ts";

const EK_ATTRIBUTES =
  OBJECT.fixedTpm |
  OBJECT.fixedParent |
  OBJECT.sensitiveDataOrigin |
  OBJECT.adminWithPolicy |
  OBJECT.restricted |
  OBJECT.decrypt;
/** Of the templates L-1 and L-2: whoever knows the endorsement hierarchy's password (TCG EK Credential Profile). */
const EK_POLICY = Buffer.from("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa", "hex");

export interface FakeKey {
  readonly kind: KeyKind;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function makeKey(kind: KeyKind): FakeKey {
  return kind === "ecc"
    ? { kind, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) }
    : { kind, ...generateKeyPairSync("rsa", { modulusLength: 2048 }) };
}

export function attestationArea(key: FakeKey): Bytes {
  return key.kind === "ecc" ? attestationKeyArea(...pointOf(key.publicKey)) : rsaAttestationKeyArea(modulusOf(key));
}

export function endorsementArea(key: FakeKey): Bytes {
  const shared = { attributes: EK_ATTRIBUTES, policy: EK_POLICY, cipher: true, signs: false };
  if (key.kind === "rsa") return rsaPublicArea({ ...shared, modulus: modulusOf(key) });
  const [x, y] = pointOf(key.publicKey);
  return eccPublicArea({ ...shared, x, y });
}

/** TPMT_PUBLIC of a P-256 signing key with any attributes. */
export function publicAreaOf(key: KeyObject, attributes: number): Bytes {
  const [x, y] = pointOf(key);
  return eccPublicArea({ attributes, x, y, signs: true });
}

/** TPMT_SIGNATURE: ECDSA with SHA-256, or RSASSA with SHA-256. */
export function signatureOf(key: KeyObject, message: Uint8Array): Bytes {
  if (key.asymmetricKeyType === "rsa") {
    const raw = sign("sha256", message, key);
    return new ByteWriter().u16(ALGORITHM.rsaSsa).u16(ALGORITHM.sha256).u16(raw.length).bytes(raw).finish();
  }
  const raw = sign("sha256", message, { key, dsaEncoding: "ieee-p1363" });
  return new ByteWriter()
    .u16(ALGORITHM.ecdsa)
    .u16(ALGORITHM.sha256)
    .u16(32)
    .bytes(raw.subarray(0, 32))
    .u16(32)
    .bytes(raw.subarray(32))
    .finish();
}

/** Undefined for what was made for another endorsement key or another attestation key, or was changed on its way. */
export function openCredential(
  endorsement: FakeKey,
  attestationName: Uint8Array,
  credential: Credential,
): Uint8Array | undefined {
  const seed = seedOf(endorsement, credential.secret);
  if (seed === undefined) return undefined;
  const reader = new ByteReader(credential.blob);
  const hmac = reader.take(reader.u16());
  const hidden = reader.rest();
  const hmacKey = kdfa(seed, "INTEGRITY", new Uint8Array(), new Uint8Array(), 256);
  const expected = createHmac("sha256", hmacKey).update(hidden).update(attestationName).digest();
  if (reader.done() !== undefined || !equalBytes(hmac, expected)) return undefined;
  const key = kdfa(seed, "STORAGE", attestationName, new Uint8Array(), 128);
  const clear = new ByteReader(createDecipheriv("aes-128-cfb", key, new Uint8Array(16)).update(hidden));
  const secret = clear.take(clear.u16());
  return clear.done() === undefined ? Uint8Array.from(secret) : undefined;
}

function seedOf(endorsement: FakeKey, secret: Uint8Array): Uint8Array | undefined {
  try {
    if (endorsement.kind === "rsa") {
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const oaepLabel = utf8("IDENTITY\0");
      return privateDecrypt({ key: endorsement.privateKey, padding, oaepHash: "sha256", oaepLabel }, secret);
    }
    const reader = new ByteReader(secret);
    const x = reader.take(reader.u16());
    const y = reader.take(reader.u16());
    if (reader.done() !== undefined) return undefined;
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(Buffer.from(endorsement.privateKey.export({ format: "jwk" }).d ?? "", "base64url"));
    const z = ecdh.computeSecret(concatBytes(Uint8Array.of(4), x, y));
    return kdfe(z, "IDENTITY", x, pointOf(endorsement.publicKey)[0], 256);
  } catch {
    return undefined;
  }
}

function pointOf(key: KeyObject): readonly [x: Uint8Array, y: Uint8Array] {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return [Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
}

function modulusOf({ publicKey }: FakeKey): Uint8Array {
  return Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url");
}
