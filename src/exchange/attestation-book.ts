/**
 * Records of other nodes' TPMs, by which their quotes are judged: enrolments that were handed to this node as files, and,
 * under a policy, the attestation keys in the certificates of the village's authority. Where a chip's counters stood at the
 * last good verdict is kept with them, so that none may go back.
 * @module
 */
import { OWN_EVENTS, type AttestVerdict, type Evidence, type OwnDigests } from "../kernel/attest.ts";
import { type Bytes, concatBytes, equalBytes, toHex, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { decodeEccPublic } from "../kernel/tpm-public.ts";
import type { Store } from "../ports/store.ts";
import { firmwareBytes, type Expectations } from "../attest/compact.ts";
import {
  authorIdOf,
  bareEnrolment,
  decodeEnrolment,
  encodeEnrolment,
  remember,
  type Enrolment,
} from "../attest/enrolment.ts";
import { decodeEventLog, ownDigestsOf } from "../attest/logs/own.ts";
import { policyLapse, type Policy } from "../attest/policy.ts";
import { decodeAttest } from "../attest/quote.ts";
import { countersOf, verifyEvidence, type PolicyFault } from "../attest/verify.ts";
import type { AttestationRecords, AttestRules, KnownNode } from "./attestation-records.ts";

export interface AttestationBookPorts {
  readonly store: Pick<Store, "write" | "entries">;
  /** The village's policy; undefined without one: then only the state of an enrolment is right. */
  readonly policy: () => Policy | PolicyFault | undefined;
  /** Unix time in s; undefined while this node's clock is not to be trusted. */
  readonly nowS: () => number | undefined;
  /** The register that agents of this village extend, where no record says it. */
  readonly ownPcr: number;
  /** TPMT_PUBLIC of the attestation key that the village's authority certified, and the node's name. */
  readonly certified: (author: string) => { readonly akPublic: Bytes; readonly name: string } | undefined;
}

/** One record, for people. */
export interface RecordRow {
  /** Author id, 16 hex digits. */
  readonly author: string;
  readonly name: string;
  /** How the chip is known: by its maker's certificates, on an operator's word, or by the authority's certificate. */
  readonly known: "chain" | "pinned" | "certificate";
}

/** Begins with a byte that no kind of the shard's keys has. */
const PREFIX = utf8("~attest:");
export const MAX_RECORDS = 1_024;

export class AttestationBook implements AttestationRecords {
  readonly #ports: AttestationBookPorts;
  readonly #enrolments: Map<string, Enrolment>;
  /** What a node's last good quote said: the likeliest next one. */
  readonly #last = new Map<string, Evidence>();

  private constructor(ports: AttestationBookPorts, enrolments: Map<string, Enrolment>) {
    this.#ports = ports;
    this.#enrolments = enrolments;
  }

  /** A record that can't be read any more is passed over. @throws what the store throws */
  static async open(ports: AttestationBookPorts): Promise<AttestationBook> {
    const enrolments = new Map<string, Enrolment>();
    const until = concatBytes(PREFIX.subarray(0, -1), Uint8Array.of((PREFIX.at(-1) ?? 0) + 1));
    for await (const { key, value } of ports.store.entries({ from: PREFIX, until, limit: MAX_RECORDS })) {
      const enrolment = decodeEnrolment(value);
      if (enrolment.ok) enrolments.set(Buffer.from(key.subarray(PREFIX.length)).toString(), enrolment.value);
    }
    return new AttestationBook(ports, enrolments);
  }

  /** Takes an enrolment's file; it replaces what was known of that node. What is taken is on disk. */
  async add(file: Uint8Array): Promise<Decoded<RecordRow>> {
    const enrolment = decodeEnrolment(file);
    if (!enrolment.ok) return enrolment;
    const { author: keys, akPublic, endorsement, name } = enrolment.value;
    if (keys === undefined || endorsement === undefined) return refused("the enrolment names no author");
    if (!decodeEccPublic(akPublic).ok)
      return refused("its attestation key is not on P-256: it can't be asked by radio");
    const author = toHex(authorIdOf(keys.publicKey));
    if (!this.#enrolments.has(author) && this.#enrolments.size >= MAX_RECORDS) return refused("too many records");
    await this.#keep(author, enrolment.value);
    this.#last.delete(author);
    return decoded({ author, name, known: endorsement.bound });
  }

  list(): readonly RecordRow[] {
    return [...this.#enrolments].map(([author, { name, endorsement }]) => ({
      author,
      name,
      known: endorsement?.bound ?? "certificate",
    }));
  }

  /** As {@link AttestationBook.add} takes it. */
  file(author: string): Bytes | undefined {
    const enrolment = this.#enrolments.get(author);
    return enrolment?.endorsement === undefined ? undefined : encodeEnrolment(enrolment);
  }

  known(author: string): KnownNode | undefined {
    const enrolment = this.#enrolmentOf(author);
    if (enrolment === undefined) return undefined;
    const policy = this.#policy();
    const { ownPcr: fallback } = this.#ports;
    const pcrs = enrolment.pcrs.length > 0 ? enrolment.pcrs : (policy?.pcrs ?? [fallback]);
    const ownPcr = enrolment.state?.ownPcr ?? fallback;
    const expected = this.#expected(
      author,
      enrolment,
      policy,
      pcrs.filter((pcr) => pcr !== ownPcr),
    );
    return { akPublic: enrolment.akPublic, pcrs, ownPcr, expected };
  }

  judge(author: string, evidence: Evidence, nonce: Uint8Array): AttestVerdict {
    const enrolment = this.#enrolmentOf(author) ?? bareEnrolment(new Uint8Array(0));
    const { nowS, policy } = this.#ports;
    return verifyEvidence(evidence, {
      nonce,
      enrolment,
      policy: policy(),
      nowS: nowS(),
      reboots: 0,
      overAir: true,
    });
  }

  async remember(author: string, evidence: Evidence): Promise<void> {
    const enrolment = this.#enrolmentOf(author);
    const attest = decodeAttest(evidence.attest);
    if (enrolment === undefined || !attest.ok) return;
    if (!this.#enrolments.has(author) && this.#enrolments.size >= MAX_RECORDS) return;
    await this.#keep(author, remember(enrolment, countersOf(attest.value), this.#policy()?.version));
    this.#last.set(author, evidence);
  }

  rules(): AttestRules | undefined {
    const policy = this.#policy();
    if (policy === undefined) return undefined;
    const nowS = this.#ports.nowS();
    const inForce = nowS === undefined || policyLapse(policy, nowS) === undefined;
    // Nobody can satisfy a policy that is over: a village that forgot to renew it is not to fall silent for that.
    const unattested = policy.unattested === "refuse" && !inForce ? "limit" : policy.unattested;
    return { unattested, maxAgeMs: policy.maxAgeS * 1000 };
  }

  #policy(): Policy | undefined {
    const policy = this.#ports.policy();
    return policy === undefined || "fault" in policy ? undefined : policy;
  }

  /** Undefined where nothing says which states are right. A certificate's newer key takes the place of an older one. */
  #enrolmentOf(author: string): Enrolment | undefined {
    const kept = this.#enrolments.get(author);
    if (kept?.endorsement !== undefined && (kept.state !== undefined || this.#policy() !== undefined)) return kept;
    const certified = this.#policy() === undefined ? undefined : this.#ports.certified(author);
    if (certified === undefined) return undefined;
    const isSame = kept !== undefined && equalBytes(kept.akPublic, certified.akPublic);
    return isSame ? kept : bareEnrolment(certified.akPublic, certified.name);
  }

  /** As the last good quote had it; else as the policy says first; else as at the enrolment. */
  #expected(
    author: string,
    { state, firmware }: Enrolment,
    policy: Policy | undefined,
    others: readonly number[],
  ): Expectations {
    const last = this.#last.get(author);
    const own = last === undefined ? undefined : ownOf(last);
    const attest = last === undefined ? undefined : decodeAttest(last.attest);
    const version = attest?.ok === true ? attest.value.firmware : (firmware ?? policy?.firmware[0]);
    return [
      ...OWN_EVENTS.map((name) => own?.[name] ?? policy?.own.get(name)?.[0] ?? state?.own[name]),
      version === undefined ? undefined : firmwareBytes(version),
      ...others.map((pcr) => last?.values.get(pcr) ?? policy?.values.get(pcr)?.[0] ?? state?.values.get(pcr)),
    ];
  }

  async #keep(author: string, enrolment: Enrolment): Promise<void> {
    const key = concatBytes(PREFIX, utf8(author));
    await this.#ports.store.write([{ key, value: encodeEnrolment(enrolment) }]);
    this.#enrolments.set(author, enrolment);
  }
}

function ownOf({ logs }: Evidence): OwnDigests | undefined {
  const log = logs.own === undefined ? undefined : decodeEventLog(logs.own);
  return log?.ok === true ? ownDigestsOf(log.value) : undefined;
}
