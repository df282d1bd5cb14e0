/**
 * A TPM 2.0, as far as Caye needs one. SHA-256 bank only. Commands run one at a time; each has a time limit.
 *
 * Structures come as the TPM's own bytes (TCG TPM 2.0 Library, part 2): verifiers must hash and check those, never a
 * re-encoding. Every method throws AgentError: "TPM_GONE" (no device, no answer in time), "TPM_BAD_WIRE" (an answer
 * that can't be), "TPM_RC" (the TPM refused; `message` names its code), "TPM_POLICY" (a sealed object does not open in
 * this state), "TPM_BUSY" (too many calls wait already).
 * @module
 */

/** The attestation key. */
export interface AttestationKey {
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
}

export interface Quote {
  /** TPMS_ATTEST. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
}

/** A sealed secret, safe to keep on disk: only this TPM opens it, and only under its policy. */
export interface SealedBlob {
  /** TPM2B_PUBLIC's content. */
  readonly publicPart: Uint8Array;
  /** TPM2B_PRIVATE's content. */
  readonly privatePart: Uint8Array;
}

export interface TpmIdentity {
  /** Four letters, for example `IBM `, `IFX `. */
  readonly manufacturer: string;
  readonly firmware: bigint;
  readonly inLockout: boolean;
  /** PCR banks with at least one register by TCG name: `sha1`, `sha256`, … */
  readonly banks: readonly string[];
}

export interface Tpm extends AsyncDisposable {
  /** The device URI. */
  readonly uri: string;
  /** True for a TPM in software: it protects against nobody who has the disk. */
  readonly software: boolean;
  identity(): Promise<TpmIdentity>;
  /** Values of 32 bytes, by register. @throws AgentError "TPM_NO_BANK" when the SHA-256 bank is not allocated */
  pcrRead(pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>;
  /** @param digest 32 bytes */
  pcrExtend(pcr: number, digest: Uint8Array): Promise<void>;
  /** A restricted P-256 signing key under the endorsement hierarchy, `noDA`; the same key at every call. */
  attestationKey(): Promise<AttestationKey>;
  /** @param nonce 16 … 32 bytes */
  quote(nonce: Uint8Array, pcrs: readonly number[]): Promise<Quote>;
  /** @param secret 1 … 128 bytes @param policyDigest from {@link pcrPolicyDigest} in `kernel/pcr.ts` */
  seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob>;
  /**
   * Opens in a salted, encrypting policy session over the PCRs as they stand; without PCRs, a blob that was sealed to
   * the policy of no PCRs, in any state. @throws AgentError "TPM_POLICY"
   */
  unseal(blob: SealedBlob, pcrs: readonly number[]): Promise<Uint8Array>;
  /** At most 32 bytes a call. */
  random(length: number): Promise<Uint8Array>;
}
