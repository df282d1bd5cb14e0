/** The node's part of an enrolment, as the desk plays it: for the tests of the verifier's part. @module */
import { answerFile } from "../../src/attest/enrol.ts";
import { decodeChallenge } from "../../src/attest/enrol-files.ts";
import { encodeAttestRequest, type AttestRequest } from "../../src/attest/enrol-request.ts";
import type { EvidenceLogs } from "../../src/kernel/attest.ts";
import { toHex, type Bytes } from "../../src/kernel/bytes.ts";
import { ed25519FromSeed } from "../../src/kernel/ed25519.ts";
import type { Tpm } from "../../src/ports/tpm.ts";
import { sha256 } from "../fakes/tpm.ts";
import { OWN_PCR } from "./rig.ts";

export interface EnrollingNode {
  readonly tpm: Tpm;
  readonly pcrs: readonly number[];
  readonly logs: EvidenceLogs;
  readonly name?: string;
}

const AUTHOR = ed25519FromSeed(sha256("author's seed"));
export const AUTHOR_ID = toHex(sha256(AUTHOR.publicKey).subarray(0, 8));

export async function requestOf(node: EnrollingNode, changes: Partial<AttestRequest> = {}): Promise<Bytes> {
  const { tpm, pcrs, name = "clinic" } = node;
  const request: AttestRequest = {
    name,
    author: { publicKey: AUTHOR.publicKey, mlDsaFingerprint: sha256("ML-DSA key"), radio: 0x0a0b_0c0d },
    akPublic: new Uint8Array((await tpm.attestationKey()).publicArea),
    endorsementKeys: await tpm.endorsementKeys(),
    manufacturer: (await tpm.identity()).manufacturer,
    pcrs,
    ownPcr: OWN_PCR,
    ...changes,
  };
  return encodeAttestRequest(request, (message) => AUTHOR.sign(message));
}

export async function answerOf(node: EnrollingNode, request: Uint8Array, challengeFile: Uint8Array): Promise<Bytes> {
  const challenge = decodeChallenge(challengeFile);
  if (!challenge.ok) throw new Error(challenge.reason);
  const { kind, credential, nonce } = challenge.value;
  const { tpm, pcrs, logs } = node;
  const secret = await tpm.activateCredential(kind, credential);
  const { publicArea } = await tpm.attestationKey();
  const { attest, signature } = await tpm.quote(nonce, pcrs);
  const evidence = { attest, signature, akPublic: publicArea, pcrs, values: await tpm.pcrRead(pcrs), logs };
  return answerFile(request, secret, evidence);
}
