/** What the authority of a village does, off the air and without an agent: for the command line. @module */

/** An authority's key file, and the words that open it; undefined when it is not closed. */
export interface AuthorityKey {
  readonly file: Uint8Array;
  readonly passphrase: string | undefined;
}

/** What everybody's configuration names of an authority. */
export interface AuthorityKeys {
  /** 128 hex digits: its Ed25519 key, and the SHA-256 of its ML-DSA-44 key. */
  readonly authority: string;
  /** 66 hex digits: the compressed point of P-256 by which TPMs know whose updates to open for. */
  readonly updateKey: string;
}

/** An authority's key file, opened: what signs in its name. */
export interface AuthoritySigner extends AuthorityKeys {
  /** Ed25519, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
  readonly mlDsa: {
    /** 1,312 bytes. */
    readonly publicKey: Uint8Array;
    /** 2,420 bytes. */
    sign(message: Uint8Array): Uint8Array;
  };
  /** ECDSA over P-256 with SHA-256: what a TPM can check. */
  readonly update: {
    /** 32 bytes each. */
    readonly x: Uint8Array;
    readonly y: Uint8Array;
    /** r ‖ s, 64 bytes. */
    sign(message: Uint8Array): Uint8Array;
  };
}

/** Of a node, as somebody who checked its TPM knows it. */
export interface NodeKeys {
  readonly name: string;
  /** Of its radio. */
  readonly radio: number;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of its ML-DSA-44 public key. */
  readonly mlDsaFingerprint: Uint8Array;
  /** The TPM's attestation key, a compressed point of P-256, 33 bytes. */
  readonly attestationKey: Uint8Array;
}

export interface VillageTools {
  /** A new authority: its secret file, and its public keys for everybody's configuration. */
  createAuthority(
    passphrase: string | undefined,
    /** What its recovery words stand for, 32 bytes: the same give the same authority. Left out: a new one without words. */
    seed?: Uint8Array,
  ): AuthorityKeys & { readonly file: Uint8Array };
  /** 32 bytes, for the recovery words of an authority to come. */
  createSeed(): Uint8Array;
  /** @throws AgentError "AUTHORITY_KEY" */
  openAuthority(key: AuthorityKey): AuthoritySigner;
  /**
   * The certificate of a node whose TPM was checked, as a file, with its attestation key.
   * @param nowS Unix time in s: it is valid from then on, and its serial
   * @throws AgentError "AUTHORITY_KEY", "CERTIFICATE_INVALID"
   */
  certify(signer: AuthoritySigner, node: NodeKeys, nowS: number, untilS: number): Uint8Array;
  /** A new group key as a file. @param number 1 for the first, one more for each that follows */
  createGroupKey(number: number): Uint8Array;
  /** Whose request a file is: author id in hex, and name. @throws AgentError "REQUEST_INVALID" */
  readRequest(request: Uint8Array): { readonly id: string; readonly name: string };
  /**
   * The certificate for a node's request, as a file.
   * @param nowS Unix time in s: it is valid from then on, and its serial
   * @throws AgentError "REQUEST_INVALID", "AUTHORITY_KEY", "CERTIFICATE_INVALID"
   */
  enrol(
    key: AuthorityKey,
    request: Uint8Array,
    nowS: number,
    untilS: number,
  ): { readonly file: Uint8Array; readonly id: string; readonly name: string };
  /** The whole list of revoked serials, as a file. @throws AgentError "AUTHORITY_KEY", "CERTIFICATE_INVALID" */
  revoke(key: AuthorityKey, serials: readonly number[], number: number): Uint8Array;
}

/** How somebody stands in the village. `stranger`: without a certificate, or with one that is not valid yet. */
export type MemberStanding = "enrolled" | "stranger" | "revoked" | "expired";

export interface MemberRow {
  /** Author id, 16 hex digits. */
  readonly id: string;
  readonly name: string;
  /** Of its radio. */
  readonly radio: number;
  readonly serial: number;
  /** Dates, ISO 8601. */
  readonly from: string;
  readonly until: string;
  readonly standing: MemberStanding;
  /** True when the authority's ML-DSA-44 signature was seen here, too. */
  readonly post_quantum: boolean;
  /** The attestation key of its TPM by the certificate, a compressed point of P-256 in hex; empty when it names none. */
  readonly attestation_key: string;
  /** Entries held of its log. */
  readonly entries: number;
  /** How many of them its newest checkpoint covers, signed with ML-DSA-44; 0 when none was seen. */
  readonly checkpointed: number;
  /** True when a checkpoint says another thing than the log: one of its keys is broken. */
  readonly contradicted: boolean;
}

/** One author that goes on under another key, as both keys have signed. */
export interface HandoverReport {
  /** `name (id)`, before and after. */
  readonly from: string;
  readonly to: string;
  /** Entries under the former key that came after that: somebody else has it. */
  readonly ignored: number;
  /** The former log was signed in two versions: do not rely on this. */
  readonly contested: boolean;
}

export interface RosterReport {
  /** 128 hex digits; empty when the configuration names none. */
  readonly authority: string;
  /** What is done with the others. */
  readonly strangers: "accept" | "show-unverified" | "refuse";
  readonly members: readonly MemberRow[];
  /** Authors whose logs are here without a certificate: `name (id)`. */
  readonly others: readonly string[];
  /** Authors of the two that go on under another key. */
  readonly handovers: readonly HandoverReport[];
  /** Number of the newest revocation list, 0 when there is none, and the serials on it. */
  readonly revocations: number;
  readonly revoked: readonly number[];
}

/** What became of a certificate or a list that was brought. */
export interface StatementReport {
  readonly verdict: "new" | "known" | "stale";
}

/** What a node asks its authority for, as a text file. */
export interface RequestReport {
  readonly id: string;
  readonly name: string;
  readonly request: string;
}
