/** What this node shows of itself to verifiers, and what it judges for others, as its operators ask for it. @module */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import { OWN_EVENTS } from "../kernel/attest.ts";
import type {
  AttestAnswerReport,
  AttestRequestReport,
  EvidenceReport,
  ReferenceReport,
  RemoteVerdictReport,
  WatchReport,
} from "../kernel/attest-reports.ts";
import type { VerifyRequest } from "../kernel/attest-tools.ts";
import { equalBytes, toHex, type Bytes } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeyKind } from "../ports/tpm.ts";
import { answerFile } from "../attest/enrol.ts";
import { decodeChallenge } from "../attest/enrol-files.ts";
import { encodeAttestRequest, type AttestRequest } from "../attest/enrol-request.ts";
import { evidenceFiles } from "../attest/evidence-files.ts";
import { changedDigests } from "../attest/logs/own.ts";
import { sha256 } from "../dag/cid.ts";
import type { AttestView, PlannedState } from "../api/attest.ts";
import type { NodeAttestation } from "../boot.ts";
import { verdictReport } from "../kernel/attest-verdict.ts";
import { radioNumber } from "../exchange/sealing.ts";
import type { AttestParts, DeskParts, OpenParts } from "./parts.ts";

interface AttestDeskParts extends AttestParts {
  readonly nodeName: string;
  readonly clock: Pick<Clock, "nowMs">;
}

export class AttestDesk implements AttestView {
  readonly #parts: AttestDeskParts;
  readonly #open: () => OpenParts;

  /** @param open throws AgentError "QUARANTINE" while data and radio are shut */
  constructor(parts: DeskParts, open: () => OpenParts) {
    const { attest, nodeName, clock } = parts;
    this.#parts = { ...attest, nodeName, clock };
    this.#open = open;
  }

  async request(): Promise<AttestRequestReport> {
    const { file } = await this.#request();
    const { author } = this.#open().shard;
    return { id: toHex(author.id), name: this.#parts.nodeName, request: Buffer.from(file).toString() };
  }

  async answer(challenge: Uint8Array): Promise<AttestAnswerReport> {
    const asked = decodeChallenge(challenge);
    if (!asked.ok) throw invalidChallenge(`this is no challenge of a verifier: ${asked.reason}`);
    const node = this.#node();
    const { file } = await this.#request();
    const { request, kind, credential, nonce } = asked.value;
    if (!equalBytes(request, sha256(file))) {
      throw invalidChallenge(
        "the challenge belongs to another request: of another node, or from before something changed",
      );
    }
    const secret = await opened(() => node.measured.tpm.activateCredential(kind, credential));
    return { answer: Buffer.from(answerFile(file, secret, await node.evidence(nonce))).toString() };
  }

  async quote(nonce: Uint8Array, key: KeyKind): Promise<EvidenceReport> {
    const evidence = await this.#node().evidence(nonce, { kind: key });
    const files = [...evidenceFiles(evidence)].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
    return { nonce: toHex(nonce), pcrs: evidence.pcrs, files: Object.fromEntries(files) };
  }

  verify(request: Omit<VerifyRequest, "nowS">): Promise<RemoteVerdictReport> {
    const { clock, tools } = this.#parts;
    const nowS = Math.floor(clock.nowMs() / 1000);
    const result = tools.verify({ ...request, ...(nowS >= CLOCK_SET_S && { nowS }) });
    const enrolment = Buffer.from(result.enrolment ?? []).toString("base64");
    return Promise.resolve({ ...verdictReport(result), enrolment });
  }

  async reference({ policy, ...planned }: PlannedState): Promise<ReferenceReport> {
    const { own } = this.#node().measured;
    const changes = await this.#parts.changesAt(planned);
    const digests = changedDigests(own, { ...changes, ...(policy !== undefined && { policyBytes: policy }) });
    const [runtime = "", code = "", config = "", ofPolicy = ""] = OWN_EVENTS.map((name) => toHex(digests[name]));
    return { runtime, code, config, policy: ofPolicy };
  }

  async watch(enrolment: Uint8Array): Promise<WatchReport> {
    const { attestations, exchange } = this.#open();
    if (attestations === undefined) {
      throw new AgentError("ATTEST_OFF", "this node asks no neighbours for their quotes");
    }
    const taken = await attestations.add(enrolment);
    if (taken.ok) {
      exchange.attest(taken.value.author);
      return { author: taken.value.author, name: taken.value.name };
    }
    throw new AgentError("ENROLMENT_INVALID", `this is no enrolment of a neighbour: ${taken.reason}`, {
      fix: "caye attest enrol makes one of a node with a TPM; caye attest enrol show FILE says what a file holds",
    });
  }

  #node(): NodeAttestation {
    const { node } = this.#parts;
    if (node !== undefined) return node;
    throw new AgentError("TPM_NONE", "this node could not measure itself, so its TPM has nothing to vouch for", {
      fix: "`caye doctor` says why.",
    });
  }

  /** The same bytes each time, as long as neither the node's keys nor its radio change. */
  async #request(): Promise<{ readonly file: Bytes }> {
    const { measured, pcrs } = this.#node();
    const { modem, shard } = this.#open();
    const radio = radioNumber(modem.state());
    if (radio === undefined) {
      throw new AgentError("RADIO_UNKNOWN", "the radio has not told its number yet, which the enrolment names", {
        fix: "wait until caye status shows the radio as ready, then ask again",
      });
    }
    const { author } = shard;
    const { tpm, identity, pcr } = measured;
    const { publicArea } = await tpm.attestationKey();
    const asked: AttestRequest = {
      name: this.#parts.nodeName,
      author: {
        publicKey: new Uint8Array(author.publicKey),
        mlDsaFingerprint: new Uint8Array(author.mlDsa.fingerprint),
        radio,
      },
      akPublic: new Uint8Array(publicArea),
      endorsementKeys: await tpm.endorsementKeys(),
      manufacturer: identity.manufacturer,
      pcrs: pcrs.toSorted((a, b) => a - b),
      ownPcr: pcr,
    };
    return { file: encodeAttestRequest(asked, (message) => author.sign(message)) };
  }
}

/** A credential for another chip, or for another attestation key. */
async function opened(activate: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await activate();
  } catch (cause) {
    if (!isAgentError(cause, "TPM_RC")) throw cause;
    const { message } = invalidChallenge("this node's TPM does not open the challenge: it was made for another one");
    throw new AgentError("CHALLENGE_INVALID", message, { cause, fix: ANEW });
  }
}

const ANEW = "begin anew: caye attest enrol request";

function invalidChallenge(message: string): AgentError {
  return new AgentError("CHALLENGE_INVALID", message, { fix: ANEW });
}
