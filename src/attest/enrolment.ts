/**
 * What a verifier keeps of a node that it enrolled, as a text file (`caye-enrolment 1`, then JSON): whose word the node's
 * keys are, in which chip, in which state it was then, and where the chip's counters stood at the last verification.
 *
 * The file holds no secret, but whoever changes it decides what is believed: keep it where the verifier keeps its own.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { toHex, type Bytes } from "../kernel/bytes.ts";
import { refused, type Decoded } from "../kernel/decoded.ts";
import type { Counters, OwnDigests } from "../kernel/attest.ts";
import { ED25519_PUBLIC_KEY_BYTES } from "../kernel/ed25519.ts";
import {
  base64Field,
  counterField,
  countersField,
  countersJson,
  digestField,
  hexField,
  nameField,
  ownDigestsField,
  orNull,
  ownDigestsJson,
  pcrField,
  pcrsField,
  timeField,
  u64Field,
  valuesField,
  valuesJson,
  valuesOf,
} from "./fields.ts";
import { decodeTextFile, inItsOneForm, textOf, toBase64 } from "../kernel/text-file.ts";

export const MAX_ENROLMENT_BYTES = 32_768;
export const MAX_PUBLIC_AREA_BYTES = 1_024;
export const MAX_CERTIFICATE_BYTES = 4_096;
const HEAD = "caye-enrolment 1";
const AUTHOR_ID_BYTES = 8;

/** The node's signing keys. */
export interface EnrolledAuthor {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Bytes;
  /** SHA-256 of its ML-DSA-44 public key. */
  readonly mlDsaFingerprint: Bytes;
  /** Number of its radio. */
  readonly radio: number;
}

/** The chip, and how it is known to be one. */
export interface EnrolledEndorsement {
  /** TPMT_PUBLIC. */
  readonly publicArea: Bytes;
  /** X.509, DER. */
  readonly certificate: Bytes | undefined;
  /** `chain`: by its maker's certificates; `pinned`: on the word of the operator who enrolled it. */
  readonly bound: "chain" | "pinned";
  /** SHA-256 of the DER of the certificate that the chain ends in; only with `chain`. */
  readonly root: Bytes | undefined;
}

/** The state that the node was enrolled in. */
export interface EnrolledState {
  readonly own: OwnDigests;
  /** The register that the own events are extended into. */
  readonly ownPcr: number;
  /** That register's value before the first of them: zeros unless firmware or systemd extend it, too. */
  readonly ownBase: Bytes;
  /** Of all registers that a quote must cover. */
  readonly values: ReadonlyMap<number, Bytes>;
}

export interface Enrolment {
  /** Empty when it was given none. */
  readonly name: string;
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: Bytes;
  /** Registers that a quote must cover, no more and no fewer, rising; empty: those that it says itself. */
  readonly pcrs: readonly number[];
  /** Undefined (like all that follows) in an enrolment that was made from a bare attestation key. */
  readonly author: EnrolledAuthor | undefined;
  readonly endorsement: EnrolledEndorsement | undefined;
  readonly state: EnrolledState | undefined;
  /** Four letters. */
  readonly manufacturer: string | undefined;
  readonly firmware: bigint | undefined;
  /** Unix time in s, when the enrolling machine knew it. */
  readonly enrolledS: number | undefined;
  /** At the last good verification. */
  readonly counters: Counters | undefined;
  /** The highest version of a policy by which this node was judged: an older one is no longer believed. */
  readonly policyVersion: number;
}

const AuthorBody = z
  .strictObject({
    public_key: hexField(ED25519_PUBLIC_KEY_BYTES),
    ml_dsa_fingerprint: digestField,
    radio: counterField,
  })
  .transform(({ public_key, ml_dsa_fingerprint, radio }): EnrolledAuthor => ({
    publicKey: public_key,
    mlDsaFingerprint: ml_dsa_fingerprint,
    radio,
  }));

const EndorsementBody = z
  .strictObject({
    bound: z.enum(["chain", "pinned"]),
    public_area: base64Field(MAX_PUBLIC_AREA_BYTES),
    certificate: orNull(base64Field(MAX_CERTIFICATE_BYTES)),
    root: orNull(digestField),
  })
  .refine(({ bound, certificate, root }) => bound === "pinned" || (certificate !== undefined && root !== undefined))
  .refine(({ bound, root }) => bound === "chain" || root === undefined)
  .transform(({ bound, public_area, certificate, root }): EnrolledEndorsement => ({
    bound,
    publicArea: public_area,
    certificate,
    root,
  }));

const StateBody = z
  .strictObject({ own: ownDigestsField, own_pcr: pcrField, own_base: digestField, values: valuesField })
  .transform(({ own, own_pcr, own_base, values }): EnrolledState => ({
    own,
    ownPcr: own_pcr,
    ownBase: own_base,
    values: valuesOf(values),
  }));

const EnrolmentBody = z
  .strictObject({
    name: nameField,
    attestation_key: base64Field(MAX_PUBLIC_AREA_BYTES),
    pcrs: pcrsField,
    author: orNull(AuthorBody),
    endorsement: orNull(EndorsementBody),
    state: orNull(StateBody),
    manufacturer: orNull(nameField),
    firmware: orNull(u64Field),
    enrolled_at: orNull(timeField),
    counters: orNull(countersField),
    policy_version: counterField,
  })
  .refine(({ pcrs, state }) => state === undefined || pcrs.includes(state.ownPcr));

export function encodeEnrolment(enrolment: Enrolment): Bytes {
  const { name, akPublic, pcrs, author, endorsement, state, counters } = enrolment;
  return textOf(HEAD, {
    name,
    attestation_key: toBase64(akPublic),
    pcrs,
    author: author === undefined ? null : authorJson(author),
    endorsement: endorsement === undefined ? null : endorsementJson(endorsement),
    state: state === undefined ? null : stateJson(state),
    manufacturer: enrolment.manufacturer ?? null,
    firmware: enrolment.firmware?.toString() ?? null,
    enrolled_at: enrolment.enrolledS ?? null,
    counters: counters === undefined ? null : countersJson(counters),
    policy_version: enrolment.policyVersion,
  });
}

export function decodeEnrolment(file: Uint8Array): Decoded<Enrolment> {
  const text = decodeTextFile(file, { head: HEAD, maxBytes: MAX_ENROLMENT_BYTES, signatures: 0 });
  if (!text.ok) return text;
  const parsed = EnrolmentBody.safeParse(text.value.body);
  if (!parsed.success) return refused("a field of the enrolment is missing or wrong");
  const body = parsed.data;
  const enrolment: Enrolment = {
    name: body.name,
    akPublic: body.attestation_key,
    pcrs: body.pcrs,
    author: body.author,
    endorsement: body.endorsement,
    state: body.state,
    manufacturer: body.manufacturer,
    firmware: body.firmware,
    enrolledS: body.enrolled_at,
    counters: body.counters,
    policyVersion: body.policy_version,
  };
  return inItsOneForm(enrolment, encodeEnrolment, file);
}

/** The enrolment of a key that nothing else is known of: enough for a quote of other tools. @param akPublic TPMT_PUBLIC */
export function bareEnrolment(akPublic: Bytes, name = ""): Enrolment {
  return {
    name,
    akPublic,
    pcrs: [],
    author: undefined,
    endorsement: undefined,
    state: undefined,
    manufacturer: undefined,
    firmware: undefined,
    enrolledS: undefined,
    counters: undefined,
    policyVersion: 0,
  };
}

/** After a good verdict: where the counters stand now, and which policy was used. */
export function remember(enrolment: Enrolment, counters: Counters, policyVersion = 0): Enrolment {
  return { ...enrolment, counters, policyVersion: Math.max(enrolment.policyVersion, policyVersion) };
}

/** The id by which the node's author goes on the air, 8 bytes. */
export function authorIdOf(publicKey: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update(publicKey).digest()).slice(0, AUTHOR_ID_BYTES);
}

function authorJson({ publicKey, mlDsaFingerprint, radio }: EnrolledAuthor) {
  return { public_key: toHex(publicKey), ml_dsa_fingerprint: toHex(mlDsaFingerprint), radio };
}

function endorsementJson({ bound, publicArea, certificate, root }: EnrolledEndorsement) {
  return {
    bound,
    public_area: toBase64(publicArea),
    certificate: certificate === undefined ? null : toBase64(certificate),
    root: root === undefined ? null : toHex(root),
  };
}

function stateJson({ own, ownPcr, ownBase, values }: EnrolledState) {
  return { own: ownDigestsJson(own), own_pcr: ownPcr, own_base: toHex(ownBase), values: valuesJson(values) };
}
