/** Opens what attestation by radio rests on: records over the store, keys of certificates, the village's policy, the own TPM. @module */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { Evidence } from "../kernel/attest.ts";
import { pointOf } from "../kernel/p256.ts";
import { sortedPcrs } from "../kernel/pcr.ts";
import { attestationKeyArea } from "../kernel/tpm-public.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { decodePolicyFile, type Policy } from "../attest/policy.ts";
import type { PolicyFault } from "../attest/verify.ts";
import type { Membership } from "../dag/membership.ts";
import type { AttestationWishes } from "./attestation.ts";
import { AttestationBook, type AttestationBookPorts } from "./attestation-book.ts";
import type { Prover } from "./attestation-records.ts";

export interface AttestationOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** The register that agents extend, unless a record says another. */
  readonly ownPcr: number;
  /** How often each neighbour is asked, in hours; 0: only on request. */
  readonly everyHours: number;
  /** The policy's file as it is; empty when there is none. */
  readonly policyFile: Uint8Array;
  /** 128 hex digits, or empty. */
  readonly authority: string;
  readonly membership: Membership | undefined;
  /** This node's own quotes, over its own registers; undefined when it could not measure itself. */
  readonly node: { readonly pcrs: readonly number[]; evidence(nonce: Uint8Array): Promise<Evidence> } | undefined;
}

export interface OpenAttestation {
  readonly book: AttestationBook;
  readonly wishes: AttestationWishes;
  /** As the file says it, in force or not; undefined without one. */
  readonly policy: Policy | PolicyFault | undefined;
}

const HOUR_MS = 3_600_000;

/** @throws what the store throws */
export async function openAttestation(options: AttestationOptions): Promise<OpenAttestation> {
  const { store, clock, ownPcr, everyHours, node, membership } = options;
  const policy = policyIn(options);
  const book = await AttestationBook.open({
    store,
    ownPcr,
    policy: () => policy,
    nowS: () => {
      const nowS = Math.floor(clock.nowMs() / 1000);
      return nowS < CLOCK_SET_S ? undefined : nowS;
    },
    certified: (author) => certifiedKey(membership, author),
  });
  const evidence: Prover["evidence"] = (nonce) => node?.evidence(nonce) ?? Promise.reject(new Error("no TPM"));
  const prover = node === undefined ? {} : { prover: { ownPcr, pcrs: sortedPcrs(node.pcrs), evidence } };
  return { book, policy, wishes: { records: book, everyMs: everyHours * HOUR_MS, ...prover } };
}

function policyIn({ policyFile, authority }: AttestationOptions): Policy | PolicyFault | undefined {
  if (policyFile.length === 0) return undefined;
  if (authority === "") {
    return { fault: "policy-forged", detail: "village.authority is empty: nobody's policy can be checked" };
  }
  const policy = decodePolicyFile(policyFile, authority);
  return policy.ok ? policy.value : { fault: "policy-forged", detail: `the policy's file: ${policy.reason}` };
}

/** Only of who is enrolled now. */
function certifiedKey(
  membership: Membership | undefined,
  author: string,
): ReturnType<AttestationBookPorts["certified"]> {
  if (membership?.standing(author) !== "enrolled") return undefined;
  const certificate = membership.members().find(({ id }) => id === author)?.certificate;
  const point = certificate?.attestationKey === undefined ? undefined : pointOf(certificate.attestationKey);
  if (certificate === undefined || point === undefined) return undefined;
  return { akPublic: attestationKeyArea(point.x, point.y), name: certificate.name };
}
