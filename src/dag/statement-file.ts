/**
 * What passes between a node and its village's authority by hand, as text files with a first line that says what they are:
 *
 * - `caye-request 1`, then in base64: radio's number (u32), Ed25519 public key (32), SHA-256 of the ML-DSA-44 public key (32),
 *   name (to the end); and a line with the Ed25519 signature over "caye request v1" and that: who asks has the key.
 * - `caye-statement 1`, then in base64, a line each: the statement as `statement.ts` lays it out, the authority's ML-DSA-44
 *   public key, and its signature over the same.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, concatBytes, copyBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { type Author } from "./author.ts";
import { SIGNATURE_BYTES, verifyEd25519 } from "../kernel/ed25519.ts";
import { PUBLIC_KEY_BYTES } from "./entry.ts";
import { ML_DSA_PUBLIC_KEY_BYTES, ML_DSA_SIGNATURE_BYTES } from "../kernel/ml-dsa.ts";
import { FINGERPRINT_BYTES, MAX_MEMBER_NAME_BYTES, type MlDsaProof } from "./statement.ts";

const REQUEST = "caye-request 1";
const STATEMENT = "caye-statement 1";
export const MAX_STATEMENT_FILE_BYTES = 8_192;

/** What a node asks to be enrolled with. */
export interface EnrolmentRequest {
  readonly radio: number;
  readonly publicKey: Uint8Array;
  readonly mlDsaFingerprint: Uint8Array;
  readonly name: string;
}

export function encodeRequest(request: Omit<EnrolmentRequest, "publicKey">, author: Author): Bytes {
  const { radio, mlDsaFingerprint, name } = request;
  const body = new ByteWriter().u32(radio).bytes(author.publicKey).bytes(mlDsaFingerprint).bytes(utf8(name)).finish();
  return textOf(REQUEST, [body, author.sign(requestMessage(body))]);
}

/** With its signature checked. */
export function decodeRequest(file: Uint8Array): Decoded<EnrolmentRequest> {
  const parts = partsOf(file, REQUEST);
  const [body, signature] = parts ?? [];
  if (body === undefined || signature === undefined || parts?.length !== 2) return refused("no request");
  const reader = new ByteReader(body);
  const radio = reader.u32();
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const mlDsaFingerprint = copyBytes(reader.take(FINGERPRINT_BYTES));
  const nameBytes = reader.rest();
  const name = fromUtf8(nameBytes);
  if (reader.failure !== undefined || signature.length !== SIGNATURE_BYTES) return refused("no request");
  if (name === undefined || nameBytes.length < 1 || nameBytes.length > MAX_MEMBER_NAME_BYTES)
    return refused("name unfit");
  if (!verifyEd25519(publicKey, requestMessage(body), signature)) return refused("wrong signature");
  return decoded({ radio, publicKey, mlDsaFingerprint, name });
}

export interface StatementFile {
  readonly entry: Bytes;
  readonly proof: MlDsaProof;
}

export function encodeStatementFile({ entry, proof }: StatementFile): Bytes {
  return textOf(STATEMENT, [entry, proof.publicKey, proof.signature]);
}

/** The form only. */
export function decodeStatementFile(file: Uint8Array): Decoded<StatementFile> {
  const parts = partsOf(file, STATEMENT);
  const [entry, publicKey, signature] = parts ?? [];
  const fits = publicKey?.length === ML_DSA_PUBLIC_KEY_BYTES && signature?.length === ML_DSA_SIGNATURE_BYTES;
  if (entry === undefined || publicKey === undefined || signature === undefined || !fits || parts?.length !== 3) {
    return refused("no statement");
  }
  return decoded({ entry, proof: { publicKey, signature } });
}

function requestMessage(body: Uint8Array): Bytes {
  return concatBytes(utf8("caye request v1"), body);
}

function textOf(head: string, parts: readonly Uint8Array[]): Bytes {
  return utf8(`${[head, ...parts.map((part) => Buffer.from(part).toString("base64"))].join("\n")}\n`);
}

function partsOf(file: Uint8Array, head: string): readonly Bytes[] | undefined {
  if (file.length > MAX_STATEMENT_FILE_BYTES) return undefined;
  const [first, ...lines] = (fromUtf8(file) ?? "").trim().split(/\r?\n/);
  if (first?.trim() !== head) return undefined;
  return lines.map((line) => copyBytes(Buffer.from(line.trim(), "base64")));
}
