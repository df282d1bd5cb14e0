/**
 * What passes between a node and its verifier after the request, as text files, JSON below a first line each:
 *
 * - `caye-attest-challenge 1`, for the node: a secret that only the right chip opens, and a nonce;
 * - `caye-attest-pending 1`, which the verifier keeps to itself: the same secret in clear, and what it decided about the chip;
 * - `caye-attest-answer 1`: evidence over that nonce, and HMAC-SHA256 of the whole under that secret.
 *
 * All name the request that they belong to by its SHA-256.
 * @module
 */
import { z } from "zod";
import { toHex, type Bytes } from "../kernel/bytes.ts";
import { refused, type Decoded } from "../kernel/decoded.ts";
import type { EvidenceFiles } from "../kernel/attest-tools.ts";
import type { Credential, KeyKind } from "../ports/tpm.ts";
import { MAX_REQUEST_BYTES } from "./enrol-request.ts";
import { base64Field, digestField, orNull, timeField } from "./fields.ts";
import { decodeTextFile, inItsOneForm, textOf, toBase64 } from "../kernel/text-file.ts";

const CHALLENGE = "caye-attest-challenge 1";
const PENDING = "caye-attest-pending 1";
const ANSWER = "caye-attest-answer 1";
export const MAX_CHALLENGE_BYTES = 8_192;
const MAX_PENDING_BYTES = 65_536;
/** The kernel's list may be long. */
const MAX_ANSWER_BYTES = 2 ** 25;
const MAX_LOG_BYTES = 2 ** 24;
const MAX_CREDENTIAL_BYTES = 1_024;
const MAX_FILES = 16;

export interface Challenge {
  /** SHA-256 of the request's file. */
  readonly request: Bytes;
  /** Of the endorsement key that the credential is made for. */
  readonly kind: KeyKind;
  readonly credential: Credential;
  /** 32 bytes, for the quote. */
  readonly nonce: Bytes;
}

export interface Pending {
  /** The file itself. */
  readonly request: Bytes;
  readonly kind: KeyKind;
  /** 32 bytes each. */
  readonly secret: Bytes;
  readonly nonce: Bytes;
  /** SHA-256 of the certificate that the chip's leads to; undefined when the chip is pinned. */
  readonly root: Bytes | undefined;
  /** When the challenge was made, Unix time in s, if the verifier knew. */
  readonly madeS: number | undefined;
}

export interface Answer {
  readonly request: Bytes;
  /** HMAC-SHA256 under the challenge's secret, of this file with zeros in the proof's place. */
  readonly proof: Bytes;
  readonly files: EvidenceFiles;
}

const kindField = z.enum(["rsa", "ecc"]);

const ChallengeBody = z
  .strictObject({
    request: digestField,
    endorsement_key: kindField,
    credential: base64Field(MAX_CREDENTIAL_BYTES),
    encrypted_seed: base64Field(MAX_CREDENTIAL_BYTES),
    nonce: digestField,
  })
  .transform(({ request, endorsement_key, credential, encrypted_seed, nonce }): Challenge => ({
    request,
    kind: endorsement_key,
    credential: { blob: credential, secret: encrypted_seed },
    nonce,
  }));

const PendingBody = z
  .strictObject({
    request: base64Field(MAX_REQUEST_BYTES),
    endorsement_key: kindField,
    secret: digestField,
    nonce: digestField,
    root: orNull(digestField),
    made_at: orNull(timeField),
  })
  .transform(({ request, endorsement_key, secret, nonce, root, made_at }): Pending => ({
    request,
    kind: endorsement_key,
    secret,
    nonce,
    root,
    madeS: made_at,
  }));

const AnswerBody = z
  .strictObject({
    request: digestField,
    proof: digestField,
    files: z
      .array(z.strictObject({ name: z.string().max(64), content: base64Field(MAX_LOG_BYTES) }))
      .max(MAX_FILES)
      .refine((files) => new Set(files.map(({ name }) => name)).size === files.length),
  })
  .transform(({ request, proof, files }): Answer => ({
    request,
    proof,
    files: new Map(files.map(({ name, content }) => [name, content])),
  }));

export function encodeChallenge({ request, kind, credential, nonce }: Challenge): Bytes {
  return textOf(CHALLENGE, {
    request: toHex(request),
    endorsement_key: kind,
    credential: toBase64(credential.blob),
    encrypted_seed: toBase64(credential.secret),
    nonce: toHex(nonce),
  });
}

export function decodeChallenge(file: Uint8Array): Decoded<Challenge> {
  return decodeFile(file, CHALLENGE, MAX_CHALLENGE_BYTES, ChallengeBody, encodeChallenge);
}

export function encodePending({ request, kind, secret, nonce, root, madeS }: Pending): Bytes {
  return textOf(PENDING, {
    request: toBase64(request),
    endorsement_key: kind,
    secret: toHex(secret),
    nonce: toHex(nonce),
    root: root === undefined ? null : toHex(root),
    made_at: madeS ?? null,
  });
}

export function decodePending(file: Uint8Array): Decoded<Pending> {
  return decodeFile(file, PENDING, MAX_PENDING_BYTES, PendingBody, encodePending);
}

export function encodeAnswer({ request, proof, files }: Answer): Bytes {
  const rows = [...files].map(([name, content]) => ({ name, content: toBase64(content) }));
  return textOf(ANSWER, { request: toHex(request), proof: toHex(proof), files: rows });
}

export function decodeAnswer(file: Uint8Array): Decoded<Answer> {
  return decodeFile(file, ANSWER, MAX_ANSWER_BYTES, AnswerBody, encodeAnswer);
}

function decodeFile<T>(
  file: Uint8Array,
  head: string,
  maxBytes: number,
  schema: z.ZodType<T>,
  encode: (value: T) => Bytes,
): Decoded<T> {
  const text = decodeTextFile(file, { head, maxBytes, signatures: 0 });
  if (!text.ok) return text;
  const parsed = schema.safeParse(text.value.body);
  return parsed.success ? inItsOneForm(parsed.data, encode, file) : refused("a field is missing or wrong");
}
