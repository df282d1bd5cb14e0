/**
 * What a village's authority states: who belongs to it (certificates), and who no longer does (the revocation list). Both
 * travel as entries of anybody's log, so that one packet tells a whole village, and are believed for their signature.
 *
 * Certificate: 0xC1; serial (varint); radio's number (u32); Ed25519 public key (32); SHA-256 of the ML-DSA-44 public key
 * (32); valid from and until (u32 each, Unix time in s); length of the name (u8), name; Ed25519 signature (64).
 * With attestation key: 0xC3; serial (varint), which is also the time from which it is valid; radio's number (u32); Ed25519
 * public key (32); SHA-256 of the ML-DSA-44 public key (32); the TPM's attestation key, a compressed point of P-256 (33); valid
 * until (u32); length of the name (u8), name; Ed25519 signature (64).
 * Revocations: 0xC2; number of the list (varint); how many (u8); serials in rising order, each as what it is above the one
 * before (varint); Ed25519 signature (64). Each list is whole, and replaces all of lower numbers.
 *
 * Signed is a label ("caye certificate v1", "caye revocations v1") and all before the signature. The authority signs the same
 * with ML-DSA-44; that signature is 2,420 bytes long and goes by file only (`statement-file.ts`).
 * @module
 */
import {
  type Bytes,
  ByteReader,
  ByteWriter,
  concatBytes,
  copyBytes,
  equalBytes,
  fromUtf8,
  utf8,
} from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { SIGNATURE_BYTES, verifyEd25519 } from "../kernel/ed25519.ts";
import { COMPRESSED_POINT_BYTES, pointOf } from "../kernel/p256.ts";
import { MAX_ENTRY_BYTES, PUBLIC_KEY_BYTES } from "./entry.ts";
import { verifyMlDsa } from "../kernel/ml-dsa.ts";
import { sha256 } from "./cid.ts";

const CERTIFICATE = 0xc1;
const REVOCATIONS = 0xc2;
/** A certificate with an attestation key; without its "from" it fits into an entry whatever the name. */
const ATTESTED = 0xc3;
export const FINGERPRINT_BYTES = 32;
export const MAX_MEMBER_NAME_BYTES = 24;
/** Of one list; who is over time need not stand in it any longer. */
export const MAX_REVOKED = 64;
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;

export interface Certificate {
  readonly kind: "certificate";
  /** Of two certificates for one key the higher counts; 1 … 2^32 − 1. */
  readonly serial: number;
  /** Of the node's radio. */
  readonly radio: number;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the node's ML-DSA-44 public key. */
  readonly mlDsaFingerprint: Uint8Array;
  /** Unix time in s, both inclusive. */
  readonly fromS: number;
  readonly untilS: number;
  /** 1 … 24 bytes. */
  readonly name: string;
  /** The TPM's attestation key, a compressed point of P-256, 33 bytes; then `serial` is `fromS`. */
  readonly attestationKey?: Uint8Array;
}

export interface Revocations {
  readonly kind: "revocations";
  /** Of two lists the higher counts; 1 … 2^32 − 1. */
  readonly number: number;
  /** Rising, at most 64. */
  readonly serials: readonly number[];
}

export type Statement = Certificate | Revocations;

export interface SignedStatement {
  readonly statement: Statement;
  /** What is signed, label included. */
  readonly message: Bytes;
  /** The whole, as it stands in a log. */
  readonly entry: Bytes;
  readonly signature: Bytes;
}

/** Who may state: an Ed25519 public key, and the SHA-256 of an ML-DSA-44 public key. */
export interface Authority {
  readonly publicKey: Uint8Array;
  readonly mlDsaFingerprint: Uint8Array;
}

/** From the 64 bytes of the configuration; undefined for another length. */
export function authorityOf(bytes: Uint8Array): Authority | undefined {
  if (bytes.length !== PUBLIC_KEY_BYTES + FINGERPRINT_BYTES) return undefined;
  return { publicKey: bytes.slice(0, PUBLIC_KEY_BYTES), mlDsaFingerprint: bytes.slice(PUBLIC_KEY_BYTES) };
}

/** True for an entry that looks like a statement; what it says is another question. */
export function isStatement(entry: Uint8Array): boolean {
  return entry[0] === CERTIFICATE || entry[0] === REVOCATIONS || entry[0] === ATTESTED;
}

/** What the authority has to sign. @throws RangeError for what could not be decoded again: a fault of ours */
export function messageOf(statement: Statement): Bytes {
  const flaw = flawOf(statement);
  if (flaw !== undefined) throw new RangeError(`no statement: ${flaw}`);
  return concatBytes(labelOf(statement.kind), bodyOf(statement));
}

export function signedStatement(statement: Statement, signature: Uint8Array): Bytes {
  return concatBytes(bodyOf(statement), signature);
}

/** The form only: {@link isStatedBy} says whether it is to be believed. */
export function decodeStatement(entry: Uint8Array): Decoded<SignedStatement> {
  if (entry.length <= SIGNATURE_BYTES || entry.length > MAX_ENTRY_BYTES) return refused("statement of a wrong length");
  const body = entry.subarray(0, entry.length - SIGNATURE_BYTES);
  const reader = new ByteReader(body);
  const statement = readStatement(reader);
  const flaw = reader.done() ?? flawOf(statement);
  if (flaw !== undefined) return refused(flaw);
  const message = concatBytes(labelOf(statement.kind), body);
  const signature = copyBytes(entry.subarray(body.length));
  return decoded({ statement, message, entry: copyBytes(entry), signature });
}

export function isStatedBy({ publicKey }: Authority, { message, signature }: SignedStatement): boolean {
  return verifyEd25519(publicKey, message, signature);
}

/** The authority's second signature, which a quantum computer can't forge. */
export interface MlDsaProof {
  /** Of the authority, 1,312 bytes. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

export function isProvenBy({ mlDsaFingerprint }: Authority, { message }: SignedStatement, proof: MlDsaProof): boolean {
  if (!equalBytes(sha256(proof.publicKey), mlDsaFingerprint)) return false;
  return verifyMlDsa(proof.publicKey, message, proof.signature);
}

function labelOf(kind: Statement["kind"]): Bytes {
  return utf8(`caye ${kind} v1`);
}

function bodyOf(statement: Statement): Bytes {
  if (statement.kind === "certificate") return certificateBody(statement);
  const writer = new ByteWriter();
  writer.u8(REVOCATIONS).varint(statement.number).u8(statement.serials.length);
  let before = 0;
  for (const serial of statement.serials) {
    writer.varint(serial - before);
    before = serial;
  }
  return writer.finish();
}

function certificateBody(certificate: Certificate): Bytes {
  const { serial, radio, publicKey, mlDsaFingerprint, fromS, untilS, attestationKey } = certificate;
  const name = utf8(certificate.name);
  const writer = new ByteWriter().u8(attestationKey === undefined ? CERTIFICATE : ATTESTED);
  writer.varint(serial).u32(radio).bytes(publicKey).bytes(mlDsaFingerprint);
  if (attestationKey === undefined) writer.u32(fromS);
  else writer.bytes(attestationKey);
  return writer.u32(untilS).u8(name.length).bytes(name).finish();
}

function readStatement(reader: ByteReader): Statement {
  const kind = reader.u8();
  return kind === REVOCATIONS ? readRevocations(reader) : readCertificate(reader, kind);
}

function readCertificate(reader: ByteReader, kind: number): Certificate {
  if (kind !== CERTIFICATE && kind !== ATTESTED) reader.fail("no kind of statement");
  const serial = reader.varint();
  const radio = reader.u32();
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const mlDsaFingerprint = copyBytes(reader.take(FINGERPRINT_BYTES));
  const from =
    kind === ATTESTED
      ? { attestationKey: copyBytes(reader.take(COMPRESSED_POINT_BYTES)), fromS: serial }
      : { fromS: reader.u32() };
  const untilS = reader.u32();
  const name = fromUtf8(reader.take(reader.u8()));
  if (name === undefined) reader.fail("name not UTF-8");
  return { kind: "certificate", serial, radio, publicKey, mlDsaFingerprint, ...from, untilS, name: name ?? "" };
}

function readRevocations(reader: ByteReader): Revocations {
  const number = reader.varint();
  const count = reader.u8();
  const serials: number[] = [];
  let serial = 0;
  while (serials.length < count && reader.failure === undefined) {
    const above = reader.varint();
    if (above === 0) reader.fail("serials not rising");
    serial += above;
    serials.push(serial);
  }
  return { kind: "revocations", number, serials };
}

function flawOf(statement: Statement): string | undefined {
  if (statement.kind === "certificate") return flawOfCertificate(statement);
  const { number, serials } = statement;
  if (!isNumber(number)) return "number of a list out of range";
  if (serials.length > MAX_REVOKED) return "too many serials";
  if (!serials.every((serial, i) => isNumber(serial) && serial > (serials[i - 1] ?? 0))) return "serials not rising";
  return bodyOf(statement).length + SIGNATURE_BYTES > MAX_ENTRY_BYTES ? "statement of a wrong length" : undefined;
}

function flawOfCertificate({ serial, fromS, untilS, name, attestationKey }: Certificate): string | undefined {
  if (!isNumber(serial)) return "serial out of range";
  if (attestationKey !== undefined && fromS !== serial) return "serial is not when it begins";
  if (attestationKey !== undefined && pointOf(attestationKey) === undefined) return "attestation key is no point";
  if (untilS < fromS) return "valid until before it begins";
  const bytes = utf8(name).length;
  const fits = bytes >= 1 && bytes <= MAX_MEMBER_NAME_BYTES && name.isWellFormed();
  return fits && !CONTROL.test(name) ? undefined : "name unfit";
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff;
}
