/**
 * A TPM 2.0, as far as Caye needs one. SHA-256 bank only. Commands run one at a time; each has a time limit.
 *
 * Structures come as the TPM's own bytes (TCG TPM 2.0 Library, part 2): verifiers must hash and check those, never a
 * re-encoding. Every method throws AgentError: "TPM_GONE" (no device, no answer in time), "TPM_BAD_WIRE" (an answer
 * that can't be), "TPM_RC" (the TPM refused; `message` names its code), "TPM_POLICY" (a sealed object does not open in
 * this state, or the approval is of another one), "TPM_FAILED" (the chip is in failure mode: only a power cycle helps),
 * "TPM_LOCKED" (it is in lockout), "TPM_BUSY" (too many calls wait already).
 * @module
 */

export type KeyKind = "ecc" | "rsa";

/** Which attestation key: the P-256 one of generation 0 when left out. */
export interface AttestationKeyChoice {
  readonly kind?: KeyKind;
  /** 0 … 65,535: another number is another key, the same at every call. */
  readonly generation?: number;
}

export interface AttestationKey {
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
}

/** The key that says which chip this is. It signs nothing; it opens credentials. */
export interface EndorsementKey {
  readonly kind: KeyKind;
  /** TPMT_PUBLIC. */
  readonly publicArea: Uint8Array;
  /** X.509, DER, from the chip's NV memory; undefined when its maker put none there. */
  readonly certificate: Uint8Array | undefined;
}

/** A secret that only the TPM with that endorsement key opens, and only while it holds that attestation key. */
export interface Credential {
  /** TPM2B_ID_OBJECT's content. */
  readonly blob: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET's content. */
  readonly secret: Uint8Array;
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

/** An authority's word that a state is fit to open what is sealed to that authority (TPM2_PolicyAuthorize). */
export interface StateApproval {
  /** TPMT_PUBLIC of the authority's P-256 key. */
  readonly key: Uint8Array;
  /** 0 … 32 bytes that tell one use of the key from another. */
  readonly policyRef: Uint8Array;
  /** ECDSA with SHA-256, r ‖ s, 64 bytes, over {@link approvalMessage} in `kernel/tpm-policy.ts`. */
  readonly signature: Uint8Array;
}

/** How the policy of a sealed object is fulfilled: the registers as they stand; then an approval of just that; then a choice. */
export interface PolicyPath {
  /** Empty: the policy of no registers, in any state. */
  readonly pcrs: readonly number[];
  readonly approval?: StateApproval;
  /** Digests of 2 … 8 branches when the object's policy is TPM2_PolicyOR of them. */
  readonly branches?: readonly Uint8Array[];
}

export interface TpmIdentity {
  /** Four letters, for example `IBM `, `IFX `. */
  readonly manufacturer: string;
  readonly firmware: bigint;
  readonly inLockout: boolean;
  /** Wrong passwords counted so far, and how many lock the chip. */
  readonly lockoutCounter: number;
  readonly maxAuthFail: number;
  /** PCR banks with at least one register by TCG name: `sha1`, `sha256`, … */
  readonly banks: readonly string[];
}

export interface TpmClock {
  /** ms since the TPM was first started. */
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
}

export interface Tpm extends AsyncDisposable {
  /** The device URI. */
  readonly uri: string;
  /** True for a TPM in software: it protects against nobody who has the disk. */
  readonly software: boolean;
  identity(): Promise<TpmIdentity>;
  clock(): Promise<TpmClock>;
  /** The chip's own test of itself. @throws AgentError "TPM_FAILED" when it fails it */
  selfTest(): Promise<void>;
  /** Values of 32 bytes, by register. @throws AgentError "TPM_NO_BANK" when the SHA-256 bank is not allocated */
  pcrRead(pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>;
  /** @param digest 32 bytes */
  pcrExtend(pcr: number, digest: Uint8Array): Promise<void>;
  /** The RSA-2048 one first, then the P-256 one; at least one. */
  endorsementKeys(): Promise<readonly EndorsementKey[]>;
  /** A restricted signing key under the endorsement hierarchy, `noDA`; the same key at every call. */
  attestationKey(choice?: AttestationKeyChoice): Promise<AttestationKey>;
  /** @param nonce 16 … 32 bytes */
  quote(nonce: Uint8Array, pcrs: readonly number[], choice?: AttestationKeyChoice): Promise<Quote>;
  /** Opens what a verifier made for this TPM and this attestation key. @throws AgentError "TPM_RC": for another one */
  activateCredential(kind: KeyKind, credential: Credential, choice?: AttestationKeyChoice): Promise<Uint8Array>;
  /** @param secret 1 … 128 bytes @param policyDigest from `kernel/pcr.ts` or `kernel/tpm-policy.ts` */
  seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob>;
  /** Opens in a salted, encrypting policy session. @throws AgentError "TPM_POLICY" */
  unseal(blob: SealedBlob, path: PolicyPath): Promise<Uint8Array>;
  /** At most 32 bytes a call. They cross the wires to the chip in clear: mixed with other sources they do no harm, alone they are no secret. */
  random(length: number): Promise<Uint8Array>;
}
