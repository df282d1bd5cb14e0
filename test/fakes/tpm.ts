/**
 * A TPM without a TPM: registers, quotes and sealing as the port promises them, with real signatures over real
 * structures. For the tests of every other room, and to play faults that a software TPM can't.
 * @module
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { ByteWriter, equalBytes, type Bytes } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { extend, PCR_COUNT, pcrDigest, pcrPolicyDigest, pcrSelection, sortedPcrs } from "../../src/kernel/pcr.ts";
import { ALGORITHM, OBJECT } from "../../src/kernel/tpm-public.ts";
import type {
  AttestationKey,
  EndorsementKey,
  PolicyPath,
  Quote,
  SealedBlob,
  Tpm,
  TpmClock,
  TpmIdentity,
} from "../../src/ports/tpm.ts";

const AK_ATTRIBUTES =
  OBJECT.fixedTpm |
  OBJECT.fixedParent |
  OBJECT.sensitiveDataOrigin |
  OBJECT.userWithAuth |
  OBJECT.noDictionaryAttack |
  OBJECT.restricted |
  OBJECT.sign;

/** What outlives a power cut: the keys in the chip, what it sealed, how often it started. */
export class FakeChip {
  readonly #key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #sealed: { blob: SealedBlob; secret: Uint8Array; policyDigest: Uint8Array }[] = [];
  pcrs: Bytes[] = [];
  resetCount = 0;
  /** Set to make every call fail as a chip that is gone. */
  gone = false;
  /** Set to take the SHA-256 bank away. */
  noBank = false;
  /** Set to change what is quoted before the caller sees it. */
  tamper: (quote: Quote) => Quote = (quote) => quote;

  /** Power on: registers are zero again (17 … 22: all ones). */
  powerOn(): FakeTpm {
    this.resetCount++;
    this.pcrs = Array.from({ length: PCR_COUNT }, (_, pcr) =>
      new Uint8Array(32).fill(pcr >= 17 && pcr <= 22 ? 0xff : 0),
    );
    return this.connect();
  }

  /** Another program, or the same one again, without a reset. */
  connect(): FakeTpm {
    return new FakeTpm(this);
  }

  publicArea(attributes = AK_ATTRIBUTES): Bytes {
    return publicAreaOf(this.#key.publicKey, attributes);
  }

  sign(message: Uint8Array): Bytes {
    return signatureOf(this.#key.privateKey, message);
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
}

export class FakeTpm implements Tpm {
  readonly uri = "fake:";
  readonly software = true;
  readonly #chip: FakeChip;
  #closed = false;

  constructor(chip: FakeChip) {
    this.#chip = chip;
  }

  async identity(): Promise<TpmIdentity> {
    this.#answer();
    const banks = this.#chip.noBank ? ["sha1"] : ["sha1", "sha256"];
    return { manufacturer: "FAKE", firmware: 1n, inLockout: false, lockoutCounter: 0, maxAuthFail: 32, banks };
  }

  async clock(): Promise<TpmClock> {
    this.#answer();
    return { clock: 1000n, resetCount: this.#chip.resetCount, restartCount: 0, safe: true };
  }

  async selfTest(): Promise<void> {
    this.#answer();
  }

  async endorsementKeys(): Promise<readonly EndorsementKey[]> {
    this.#answer();
    return [];
  }

  async activateCredential(): Promise<Uint8Array> {
    throw new AgentError("TPM_RC", "TPM2_ActivateCredential was refused: 0x1df INTEGRITY (parameter 1)");
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

  async attestationKey(): Promise<AttestationKey> {
    this.#answer();
    return { publicArea: this.#chip.publicArea() };
  }

  async quote(nonce: Uint8Array, pcrs: readonly number[]): Promise<Quote> {
    if (nonce.length < 16 || nonce.length > 32) throw new RangeError("a nonce has 16 to 32 bytes");
    const values = await this.pcrRead(pcrs);
    const attest = new ByteWriter()
      .u32(0xff54_4347)
      .u16(0x8018)
      .u16(0)
      .u16(nonce.length)
      .bytes(nonce)
      .u64(1000n)
      .u32(this.#chip.resetCount)
      .u32(0)
      .u8(1)
      .u64(1n)
      .bytes(pcrSelection(pcrs))
      .u16(32)
      .bytes(pcrDigest(pcrs, values))
      .finish();
    return this.#chip.tamper({ attest, signature: this.#chip.sign(attest) });
  }

  async seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> {
    if (secret.length < 1 || secret.length > 128) throw new RangeError("a secret has 1 to 128 bytes");
    if (policyDigest.length !== 32) throw new RangeError("a policy digest has 32 bytes");
    this.#answer();
    return this.#chip.keep(secret, policyDigest);
  }

  async unseal(blob: SealedBlob, { pcrs }: PolicyPath): Promise<Uint8Array> {
    this.#answer();
    const kept = this.#chip.find(blob);
    if (kept === undefined) throw new AgentError("TPM_RC", "TPM2_Load was refused: 0x1df INTEGRITY (parameter 1)");
    const values = pcrs.length === 0 ? new Map<number, Uint8Array>() : await this.pcrRead(pcrs);
    if (!equalBytes(pcrPolicyDigest(pcrs, values), kept.policyDigest)) {
      throw new AgentError("TPM_POLICY", "TPM2_Unseal was refused: 0x99d POLICY_FAIL (session 1)");
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

  #answer(): void {
    if (this.#closed || this.#chip.gone) throw new AgentError("TPM_GONE", "the TPM is gone");
  }
}

/** TPMT_PUBLIC of a P-256 signing key. */
export function publicAreaOf(key: KeyObject, attributes: number): Bytes {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const part = (text: string): Uint8Array => Buffer.from(text, "base64url");
  return new ByteWriter()
    .u16(ALGORITHM.ecc)
    .u16(ALGORITHM.sha256)
    .u32(attributes)
    .u16(0)
    .u16(ALGORITHM.none)
    .u16(ALGORITHM.ecdsa)
    .u16(ALGORITHM.sha256)
    .u16(ALGORITHM.p256)
    .u16(ALGORITHM.none)
    .u16(32)
    .bytes(part(x))
    .u16(32)
    .bytes(part(y))
    .finish();
}

/** TPMT_SIGNATURE, ECDSA with SHA-256. */
export function signatureOf(key: KeyObject, message: Uint8Array): Bytes {
  const raw = sign("sha256", message, { key, dsaEncoding: "ieee-p1363" });
  return new ByteWriter()
    .u16(ALGORITHM.ecdsa)
    .u16(ALGORITHM.sha256)
    .u16(32)
    .bytes(raw.subarray(0, 32))
    .u16(32)
    .bytes(raw.subarray(32))
    .finish();
}

export function sha256(...parts: readonly (Uint8Array | string)[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
