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
