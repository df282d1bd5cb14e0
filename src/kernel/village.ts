/** What the authority of a village does, off the air and without an agent: for the command line. @module */

/** An authority's key file, and the words that open it; undefined when it is not closed. */
export interface AuthorityKey {
  readonly file: Uint8Array;
  readonly passphrase: string | undefined;
}

export interface VillageTools {
  /** A new authority: its secret file, and its 128 public hex digits for everybody's configuration. */
  createAuthority(passphrase: string | undefined): { readonly file: Uint8Array; readonly authority: string };
  /** A new group key as a file. @param number 1 for the first, one more for each that follows */
  createGroupKey(number: number): Uint8Array;
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
  /** Entries held of its log. */
  readonly entries: number;
  /** How many of them its newest checkpoint covers, signed with ML-DSA-44; 0 when none was seen. */
  readonly checkpointed: number;
  /** True when a checkpoint says another thing than the log: one of its keys is broken. */
  readonly contradicted: boolean;
}

export interface RosterReport {
  /** 128 hex digits; empty when the configuration names none. */
  readonly authority: string;
  /** What is done with the others. */
  readonly strangers: "accept" | "show-unverified" | "refuse";
  readonly members: readonly MemberRow[];
  /** Authors whose logs are here without a certificate: `name (id)`. */
  readonly others: readonly string[];
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
