/**
 * A TPM without a TPM: registers, counters, keys, credentials, quotes and sealing as the port promises them, with real
 * signatures over real structures. For the tests of every other room, and to play faults that a software TPM can't.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { ByteWriter, equalBytes, type Bytes } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { verifyP256 } from "../../src/kernel/p256.ts";
import { extend, PCR_COUNT, pcrDigest, pcrPolicyDigest, pcrSelection, sortedPcrs } from "../../src/kernel/pcr.ts";
import { approvalMessage, authorizePolicyDigest, orPolicyDigest } from "../../src/kernel/tpm-policy.ts";
import { ALGORITHM, decodeEccPublic, objectName } from "../../src/kernel/tpm-public.ts";
import type {
  AttestationKey,
  AttestationKeyChoice,
  Credential,
  EndorsementKey,
  KeyKind,
  PolicyPath,
  Quote,
  SealedBlob,
  StateApproval,
  Tpm,
  TpmClock,
  TpmIdentity,
} from "../../src/ports/tpm.ts";
import { attestationArea, endorsementArea, makeKey, openCredential, signatureOf, type FakeKey } from "./tpm-keys.ts";

const ENDORSEMENT_HIERARCHY = 0x4000_000b;

/** What outlives a power cut: the keys in the chip, what it sealed, how often it started. */
export class FakeChip {
  readonly #keys = new Map<string, FakeKey>();
  readonly #sealed: { blob: SealedBlob; secret: Uint8Array; policyDigest: Uint8Array }[] = [];
  pcrs: Bytes[] = [];
  /** ms; moves by one at each quote and each reading. */
  clock = 1_000n;
  resetCount = 0;
  restartCount = 0;
  /** False after a stop that the chip was not told of. */
  safe = true;
  firmware = 1n;
  lockoutCounter = 0;
  inLockout = false;
  /** Which endorsement keys it has; RSA keys take a tenth of a second to make, once. */
  kinds: readonly KeyKind[] = ["rsa", "ecc"];
  /** What its maker put into it, DER. */
  certificates: Partial<Record<KeyKind, Uint8Array>> = {};
  /** Set to false to play a chip on a board. */
  software = true;
  /** Set to make every call fail as a chip that is gone. */
  gone = false;
  /** Set to make every call fail as a chip in failure mode. */
  failed = false;
  /** Set to take the SHA-256 bank away. */
  noBank = false;
  /** Set to change what is quoted before the caller sees it. */
  tamper: (quote: Quote) => Quote = (quote) => quote;

  /** Power on: registers are zero again (17 … 22: all ones). */
  powerOn(): FakeTpm {
    this.resetCount++;
    this.restartCount = 0;
    this.pcrs = Array.from({ length: PCR_COUNT }, (_, pcr) =>
      new Uint8Array(32).fill(pcr >= 17 && pcr <= 22 ? 0xff : 0),
    );
    return this.connect();
  }

  /** Told to stop, then reset: registers are zero, and only the other count rises (TPM Restart). */
  restart(): FakeTpm {
    const { resetCount, restartCount } = this;
    const tpm = this.powerOn();
    this.resetCount = resetCount;
    this.restartCount = restartCount + 1;
    return tpm;
  }

  /** Another program, or the same one again, without a reset. */
  connect(): FakeTpm {
    return new FakeTpm(this);
  }

  attestationKey({ kind = "ecc", generation = 0 }: AttestationKeyChoice = {}): FakeKey {
    if (!Number.isInteger(generation) || generation < 0 || generation > 0xffff) {
      throw new RangeError("generation of an attestation key out of range");
    }
    return this.#key(kind, `attestation ${generation}`);
  }

  endorsementKey(kind: KeyKind): FakeKey {
    return this.#key(kind, "endorsement");
  }

  /** TPMT_PUBLIC of an attestation key. */
  publicArea(choice?: AttestationKeyChoice): Bytes {
    return attestationArea(this.attestationKey(choice));
  }

  keep(secret: Uint8Array, policyDigest: Uint8Array): SealedBlob {
    const publicPart = new ByteWriter().u16(ALGORITHM.keyedHash).bytes(policyDigest).finish();
    const blob = { publicPart, privatePart: new Uint8Array(randomBytes(48)) };
    this.#sealed.push({ blob, secret: Uint8Array.from(secret), policyDigest });
    return blob;
  }

  find(blob: SealedBlob): { readonly secret: Uint8Array; readonly policyDigest: Uint8Array } | undefined {
    return this.#sealed.find((kept) => equalBytes(kept.blob.privatePart, blob.privatePart));
  }

  #key(kind: KeyKind, purpose: string): FakeKey {
    const name = `${kind} ${purpose}`;
    const key = this.#keys.get(name) ?? makeKey(kind);
    this.#keys.set(name, key);
    return key;
  }
}

export class FakeTpm implements Tpm {
  readonly uri = "fake:";
  readonly #chip: FakeChip;
  #closed = false;

  constructor(chip: FakeChip) {
    this.#chip = chip;
  }

  get software(): boolean {
    return this.#chip.software;
  }

  async identity(): Promise<TpmIdentity> {
    this.#answer();
    const { noBank, firmware, inLockout, lockoutCounter } = this.#chip;
    const banks = noBank ? ["sha1"] : ["sha1", "sha256"];
    return { manufacturer: "FAKE", firmware, inLockout, lockoutCounter, maxAuthFail: 32, banks };
  }

  async clock(): Promise<TpmClock> {
    this.#answer();
    this.#chip.clock++;
    const { clock, resetCount, restartCount, safe } = this.#chip;
    return { clock, resetCount, restartCount, safe };
  }

  async selfTest(): Promise<void> {
    this.#answer();
  }

  async endorsementKeys(): Promise<readonly EndorsementKey[]> {
    this.#answer();
    return this.#chip.kinds.map((kind) => ({
      kind,
      publicArea: endorsementArea(this.#chip.endorsementKey(kind)),
      certificate: this.#chip.certificates[kind],
    }));
  }

  async activateCredential(kind: KeyKind, credential: Credential, choice?: AttestationKeyChoice): Promise<Uint8Array> {
    this.#answer();
    const name = objectName(this.#chip.publicArea(choice));
    const secret = openCredential(this.#chip.endorsementKey(kind), name, credential);
    if (secret === undefined) throw refused("TPM2_ActivateCredential was refused: 0x1df INTEGRITY (parameter 1)");
    return secret;
  }

  async pcrRead(pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const wanted = sortedPcrs(pcrs);
    this.#answer();
    if (this.#chip.noBank) throw new AgentError("TPM_NO_BANK", "the TPM has no SHA-256 registers");
    return new Map(wanted.map((pcr) => [pcr, Uint8Array.from(this.#chip.pcrs[pcr] ?? [])]));
  }

  async pcrExtend(pcr: number, digest: Uint8Array): Promise<void> {
    if (digest.length !== 32) throw new RangeError("a digest has 32 bytes");
    sortedPcrs([pcr]);
    this.#answer();
    this.#chip.pcrs[pcr] = extend(this.#chip.pcrs[pcr] ?? new Uint8Array(32), digest);
  }

  async attestationKey(choice?: AttestationKeyChoice): Promise<AttestationKey> {
    this.#answer();
    return { publicArea: this.#chip.publicArea(choice) };
  }

  async quote(nonce: Uint8Array, pcrs: readonly number[], choice?: AttestationKeyChoice): Promise<Quote> {
    if (nonce.length < 16 || nonce.length > 32) throw new RangeError("a nonce has 16 to 32 bytes");
    // A missing bank does not stop a quote: it says nothing, and says so.
    const none = this.#chip.noBank;
    const values = none ? new Map<number, Uint8Array>() : await this.pcrRead(pcrs);
    const { clock, resetCount, restartCount, safe } = await this.clock();
    const signer = qualifiedName(this.#chip.publicArea(choice));
    const attest = new ByteWriter()
      .u32(0xff54_4347)
      .u16(0x8018)
      .u16(signer.length)
      .bytes(signer)
      .u16(nonce.length)
      .bytes(nonce)
      .u64(clock)
      .u32(resetCount)
      .u32(restartCount)
      .u8(safe ? 1 : 0)
      .u64(this.#chip.firmware)
      .bytes(pcrSelection(none ? [] : pcrs))
      .u16(32)
      .bytes(pcrDigest(none ? [] : pcrs, values))
      .finish();
    const signature = signatureOf(this.#chip.attestationKey(choice).privateKey, attest);
    return this.#chip.tamper({ attest, signature });
  }

  async seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> {
    if (secret.length < 1 || secret.length > 128) throw new RangeError("a secret has 1 to 128 bytes");
    if (policyDigest.length !== 32) throw new RangeError("a policy digest has 32 bytes");
    this.#answer();
    return this.#chip.keep(secret, policyDigest);
  }

  async unseal(blob: SealedBlob, path: PolicyPath): Promise<Uint8Array> {
    this.#answer();
    const reached = await this.#policyOf(path);
    const kept = this.#chip.find(blob);
    if (kept === undefined) throw refused("TPM2_Load was refused: 0x1df INTEGRITY (parameter 1)");
    if (!equalBytes(reached, kept.policyDigest)) {
      throw wrongState("TPM2_Unseal was refused: 0x99d POLICY_FAIL (session 1)");
    }
    return Uint8Array.from(kept.secret);
  }

  async random(length: number): Promise<Uint8Array> {
    if (!Number.isInteger(length) || length < 1 || length > 32) throw new RangeError("random length out of range");
    this.#answer();
    return new Uint8Array(randomBytes(length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  async #policyOf({ pcrs, approval, branches }: PolicyPath): Promise<Uint8Array> {
    const values = pcrs.length === 0 ? new Map<number, Uint8Array>() : await this.pcrRead(pcrs);
    let digest: Uint8Array = pcrPolicyDigest(pcrs, values);
    if (approval !== undefined) digest = approved(digest, approval);
    if (branches === undefined) return digest;
    const reached = digest;
    if (!branches.some((branch) => equalBytes(branch, reached))) {
      throw wrongState("TPM2_PolicyOR was refused: 0x1c4 VALUE (parameter 1)");
    }
    return orPolicyDigest(branches);
  }

  #answer(): void {
    if (this.#closed || this.#chip.gone) throw new AgentError("TPM_GONE", "the TPM is gone");
    if (this.#chip.failed) throw new AgentError("TPM_FAILED", "the TPM failed its own test: 0x101 FAILURE");
  }
}

function approved(digest: Uint8Array, { key, policyRef, signature }: StateApproval): Uint8Array {
  const authority = decodeEccPublic(key);
  if (!authority.ok) throw refused("TPM2_LoadExternal was refused: 0x2d5 SIZE (parameter 2)");
  if (!verifyP256(authority.value, approvalMessage(digest, policyRef), signature)) {
    throw wrongState("TPM2_VerifySignature was refused: 0x2db SIGNATURE (parameter 2)");
  }
  return authorizePolicyDigest(objectName(key), policyRef);
}

/** Of a key right under the endorsement hierarchy. */
function qualifiedName(publicArea: Uint8Array): Bytes {
  const parent = new ByteWriter().u32(ENDORSEMENT_HIERARCHY).finish();
  return new ByteWriter()
    .u16(ALGORITHM.sha256)
    .bytes(sha256(parent, objectName(publicArea)))
    .finish();
}

function refused(message: string): AgentError {
  return new AgentError("TPM_RC", message);
}

function wrongState(message: string): AgentError {
  return new AgentError("TPM_POLICY", message);
}

export function sha256(...parts: readonly (Uint8Array | string)[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
