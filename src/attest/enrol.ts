/**
 * How a verifier comes to know a node: request, challenge, answer, enrolment. That the node answers shows that one chip has
 * both the endorsement key and the attestation key; the chip's certificate (or the operator's word) says whose chip it is;
 * the author's signature says whose node asks; and a quote over the verifier's nonce says in which state it is.
 *
 * No step keeps anything: each may be repeated with the same files, and gives the same or fails by name.
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Evidence } from "../kernel/attest.ts";
import { equalBytes, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { decodePublic, type TpmPublic } from "../kernel/tpm-public.ts";
import type { Random } from "../ports/random.ts";
import type { EndorsementKey, KeyKind } from "../ports/tpm.ts";
import { makeCredential } from "./credential.ts";
import { judgeEk } from "./ek-chain.ts";
import {
  decodeAnswer,
  decodePending,
  encodeAnswer,
  encodeChallenge,
  encodePending,
  type Answer,
  type Pending,
} from "./enrol-files.ts";
import { decodeAttestRequest, type AttestRequest } from "./enrol-request.ts";
import type { EnrolledEndorsement, Enrolment } from "./enrolment.ts";
import { evidenceFiles, readEvidenceFiles } from "./evidence-files.ts";
import { decodeEventLog, ownDigestsOf } from "./logs/own.ts";
import { decodeAttest, isAttestationKey } from "./quote.ts";
import { verifyEvidence } from "./verify.ts";

const SECRET_BYTES = 32;
const NONCE_BYTES = 32;
const NO_PROOF: Bytes = new Uint8Array(32);

/** How the verifier knows the chip. `nowS`: Unix time in s, when it is known. */
export type ChipTrust =
  | { readonly kind: "chain"; readonly roots: readonly Uint8Array[]; readonly nowS: number | undefined }
  | { readonly kind: "pin"; readonly nowS: number | undefined };

export interface ChallengeMade {
  readonly request: AttestRequest;
  readonly challenge: Bytes;
  /** The verifier's own, secret. */
  readonly pending: Bytes;
  readonly kind: KeyKind;
  /** Name of the authority that the chip's certificate leads to; undefined when the chip is pinned. */
  readonly rootName: string | undefined;
}

/** @throws AgentError "ATTEST_REQUEST" for what is no request; "EK_UNTRUSTED" when no endorsement key leads to a root */
export function makeChallenge(requestFile: Uint8Array, trust: ChipTrust, random: Random): ChallengeMade {
  const decodedRequest = decodeAttestRequest(requestFile);
  if (!decodedRequest.ok) throw badRequest(`this is no request of a node: ${decodedRequest.reason}`);
  const request = decodedRequest.value;
  const ak = decodePublic(request.akPublic);
  if (!ak.ok || !isAttestationKey(ak.value)) {
    throw badRequest("the node's attestation key could be copied, or signs what others give it");
  }
  const chip = chosenChip(request, trust);
  const [secret, nonce] = [random.bytes(SECRET_BYTES), random.bytes(NONCE_BYTES)];
  const credential = makeCredential(chip.ek, ak.value.name, secret, random);
  const { kind, root, rootName } = chip;
  const whole = new Uint8Array(requestFile);
  return {
    request,
    challenge: encodeChallenge({ request: sha256(requestFile), kind, credential, nonce }),
    pending: encodePending({ request: whole, kind, secret, nonce, root, madeS: trust.nowS }),
    kind,
    rootName,
  };
}

/** What a node proves with the secret of a challenge. @param request its own file, once more */
export function answerFile(request: Uint8Array, secret: Uint8Array, evidence: Evidence): Bytes {
  const answer: Answer = { request: sha256(request), proof: NO_PROOF, files: evidenceFiles(evidence) };
  return encodeAnswer({ ...answer, proof: proofOf(secret, answer) });
}

export interface Enrolled {
  readonly enrolment: Enrolment;
  readonly warnings: readonly string[];
}

/**
 * @param nowS Unix time in s, to be written down; undefined: when the challenge was made
 * @throws AgentError "ATTEST_PENDING" for what is not the verifier's own file, "ATTEST_ANSWER" for an answer that proves
 *   nothing
 */
export function finishEnrolment(answer: Uint8Array, pendingFile: Uint8Array, nowS: number | undefined): Enrolled {
  const pending = decodePending(pendingFile);
  const request = pending.ok ? decodeAttestRequest(pending.value.request) : pending;
  if (!pending.ok || !request.ok) {
    throw new AgentError("ATTEST_PENDING", "this is no file that the challenge left here", {
      fix: "give the .pending file of the same challenge; if it is lost, begin anew: caye attest enrol challenge",
    });
  }
  const evidence = provenEvidence(answer, pending.value, request.value);
  const provisional = provisionalEnrolment(request.value, pending.value, evidence);
  const verdict = verifyEvidence(evidence, { nonce: pending.value.nonce, enrolment: provisional, reboots: 0 });
  if (!verdict.ok) throw badAnswer(`${verdict.reason}: ${verdict.detail}`, verdict.fix);
  const { counters, warnings } = verdict;
  return { enrolment: { ...provisional, counters, enrolledS: nowS ?? pending.value.madeS }, warnings };
}

interface ChosenChip {
  readonly kind: KeyKind;
  readonly ek: TpmPublic;
  readonly root: Bytes | undefined;
  readonly rootName: string | undefined;
}

function chosenChip({ endorsementKeys }: AttestRequest, trust: ChipTrust): ChosenChip {
  const reasons: string[] = [];
  for (const { kind, publicArea, certificate } of endorsementKeys) {
    const ek = decodePublic(publicArea);
    if (!ek.ok || ek.value.kind !== kind) throw badRequest("an endorsement key is none that can be read");
    if (trust.kind === "pin") return { kind, ek: ek.value, root: undefined, rootName: undefined };
    const judged = judgeEk({ certificate, ek: ek.value, roots: trust.roots, nowS: trust.nowS });
    if (judged.ok) return { kind, ek: ek.value, root: judged.root, rootName: judged.rootName };
    reasons.push(`${kind.toUpperCase()} key: ${judged.reason}, ${judged.detail}`);
  }
  throw new AgentError("EK_UNTRUSTED", `nothing shows whose chip this is; ${reasons.join("; ")}`, {
    fix: "give the certificates of the chip's maker with --roots; with the node before you, take the chip on your own word: --pin",
  });
}

function provenEvidence(file: Uint8Array, pending: Pending, request: AttestRequest): Evidence {
  const answer = decodeAnswer(file);
  if (!answer.ok) throw badAnswer(`this is no answer of a node: ${answer.reason}`);
  const hash = sha256(pending.request);
  if (!equalBytes(answer.value.request, hash)) throw badAnswer("the answer is to another request");
  if (!timingSafeEqual(answer.value.proof, proofOf(pending.secret, answer.value))) {
    throw badAnswer(
      "the node's chip did not open the secret: its keys are not in one TPM, or it answers another challenge",
    );
  }
  const evidence = readEvidenceFiles(answer.value.files, request.akPublic);
  if (!evidence.ok) throw badAnswer(`the answer holds no evidence: ${evidence.reason}`);
  return evidence.value;
}

/** Of the state that the evidence claims: whether it claims rightly is judged next. */
function provisionalEnrolment(request: AttestRequest, pending: Pending, { attest, values, logs }: Evidence): Enrolment {
  const log = logs.own === undefined ? undefined : decodeEventLog(logs.own);
  const own = log?.ok === true ? ownDigestsOf(log.value) : undefined;
  if (log?.ok !== true || own === undefined) {
    throw badAnswer(
      "the agent's own measurements are missing, or more than one state was measured since the machine started",
      "restart the node's machine, then begin anew: caye attest enrol request",
    );
  }
  const statement = decodeAttest(attest);
  const { name, author, akPublic, pcrs, ownPcr, manufacturer } = request;
  const kept = new Map([...values].map(([pcr, value]) => [pcr, new Uint8Array(value)]));
  return {
    name,
    akPublic,
    pcrs,
    author,
    endorsement: endorsementOf(request.endorsementKeys, pending),
    state: { own, ownPcr, ownBase: log.value.base, values: kept },
    manufacturer,
    firmware: statement.ok ? statement.value.firmware : undefined,
    enrolledS: undefined,
    counters: undefined,
    policyVersion: 0,
  };
}

function endorsementOf(keys: readonly EndorsementKey[], { kind, root }: Pending): EnrolledEndorsement {
  const key = keys.find((other) => other.kind === kind);
  if (key === undefined) throw badAnswer("the request has no endorsement key of that kind");
  const certificate = key.certificate === undefined ? undefined : new Uint8Array(key.certificate);
  const bound = root === undefined ? "pinned" : "chain";
  return { publicArea: new Uint8Array(key.publicArea), certificate, bound, root };
}

/** Over the whole answer, as if its proof were zeros. */
function proofOf(secret: Uint8Array, answer: Answer): Bytes {
  const file = encodeAnswer({ ...answer, proof: NO_PROOF });
  return new Uint8Array(createHmac("sha256", secret).update(file).digest());
}

function sha256(bytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function badRequest(message: string): AgentError {
  return new AgentError("ATTEST_REQUEST", message, { fix: "make it on the node: caye attest enrol request" });
}

function badAnswer(message: string, fix = "begin anew on the node: caye attest enrol request"): AgentError {
  return new AgentError("ATTEST_ANSWER", message, { fix });
}
