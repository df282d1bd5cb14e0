/**
 * What a node asks a verifier to be enrolled with, as a text file (`caye-attest-request 1`, then JSON, then the Ed25519
 * signature of the author that asks): its keys and its chip. In which state it is, and where its chip's counters stand,
 * the chip itself says in the answer to the challenge.
 * @module
 */
import { z } from "zod";
import { toHex, type Bytes } from "../kernel/bytes.ts";
import { refused, type Decoded } from "../kernel/decoded.ts";
import { ED25519_PUBLIC_KEY_BYTES, verifyEd25519 } from "../kernel/ed25519.ts";
import type { EndorsementKey } from "../ports/tpm.ts";
import { MAX_CERTIFICATE_BYTES, MAX_PUBLIC_AREA_BYTES, type EnrolledAuthor } from "./enrolment.ts";
import { base64Field, counterField, digestField, hexField, nameField, orNull, pcrField, pcrsField } from "./fields.ts";
import { decodeTextFile, inItsOneForm, textOf, toBase64, withSignatures } from "../kernel/text-file.ts";

const HEAD = "caye-attest-request 1";
export const MAX_REQUEST_BYTES = 32_768;
const MAX_ENDORSEMENT_KEYS = 4;

export interface AttestRequest {
  readonly name: string;
  readonly author: EnrolledAuthor;
  /** TPMT_PUBLIC. */
  readonly akPublic: Bytes;
  readonly endorsementKeys: readonly EndorsementKey[];
  /** Four letters. */
  readonly manufacturer: string;
  /** Registers that the node quotes, rising, and that which it extends itself. */
  readonly pcrs: readonly number[];
  readonly ownPcr: number;
}

const RequestBody = z
  .strictObject({
    name: nameField.min(1),
    public_key: hexField(ED25519_PUBLIC_KEY_BYTES),
    ml_dsa_fingerprint: digestField,
    radio: counterField,
    attestation_key: base64Field(MAX_PUBLIC_AREA_BYTES),
    endorsement_keys: z
      .array(
        z.strictObject({
          kind: z.enum(["rsa", "ecc"]),
          public_area: base64Field(MAX_PUBLIC_AREA_BYTES),
          certificate: orNull(base64Field(MAX_CERTIFICATE_BYTES)),
        }),
      )
      .min(1)
      .max(MAX_ENDORSEMENT_KEYS),
    manufacturer: nameField,
    pcrs: pcrsField,
    own_pcr: pcrField,
  })
  .refine(({ pcrs, own_pcr }) => pcrs.includes(own_pcr))
  .transform((body): AttestRequest => ({
    name: body.name,
    author: { publicKey: body.public_key, mlDsaFingerprint: body.ml_dsa_fingerprint, radio: body.radio },
    akPublic: body.attestation_key,
    endorsementKeys: body.endorsement_keys.map(({ kind, public_area, certificate }) => ({
      kind,
      publicArea: public_area,
      certificate,
    })),
    manufacturer: body.manufacturer,
    pcrs: body.pcrs,
    ownPcr: body.own_pcr,
  }));

/** @param sign by the author's Ed25519 key: the same request is then the same file, each time that it is asked for */
export function encodeAttestRequest(request: AttestRequest, sign: (message: Uint8Array) => Uint8Array): Bytes {
  const text = requestText(request);
  return withSignatures(text, [sign(text)]);
}

/** With its signature checked: who asks has the author's key. */
export function decodeAttestRequest(file: Uint8Array): Decoded<AttestRequest> {
  const text = decodeTextFile(file, { head: HEAD, maxBytes: MAX_REQUEST_BYTES, signatures: 1 });
  if (!text.ok) return text;
  const { body, signed, signatures } = text.value;
  const [signature] = signatures;
  const parsed = RequestBody.safeParse(body);
  if (!parsed.success || signature === undefined) return refused("a field of the request is missing or wrong");
  const request = parsed.data;
  const exact = inItsOneForm(request, (value) => withSignatures(requestText(value), [signature]), file);
  if (!exact.ok) return exact;
  return verifyEd25519(request.author.publicKey, signed, signature) ? exact : refused("wrong signature");
}

function requestText({ name, author, akPublic, endorsementKeys, manufacturer, pcrs, ownPcr }: AttestRequest): Bytes {
  return textOf(HEAD, {
    name,
    public_key: toHex(author.publicKey),
    ml_dsa_fingerprint: toHex(author.mlDsaFingerprint),
    radio: author.radio,
    attestation_key: toBase64(akPublic),
    endorsement_keys: endorsementKeys.map(({ kind, publicArea, certificate }) => ({
      kind,
      public_area: toBase64(publicArea),
      certificate: certificate === undefined ? null : toBase64(certificate),
    })),
    manufacturer,
    pcrs,
    own_pcr: ownPcr,
  });
}
