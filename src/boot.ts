/**
 * The boot corridor: selftest → measure → attest → seed → unseal → open the store. Each step's result is the next one's argument,
 * and carries a private mark, so that none can be forged or left out. Every step ends in a named state.
 *
 * Under `enforce` a step that fails ends in quarantine: the agent answers questions of its state and does nothing else.
 * Under `warn` the corridor goes on wherever something is left to go on with, and says at every step what is wrong.
 * @module
 */
import type { Evidence } from "./kernel/attest.ts";
import type { BootStep } from "./kernel/reports.ts";
import type { BootRecord } from "./ports/boot-logs.ts";
import type { Clock } from "./ports/clock.ts";
import type { EntropyAssessor, EntropyOpening } from "./ports/entropy.ts";
import type { Instance } from "./ports/instance.ts";
import type { Log } from "./ports/log.ts";
import type { Memory } from "./ports/memory.ts";
import type { Random } from "./ports/random.ts";
import type { SourceFiles } from "./ports/source-files.ts";
import type { KeysInUse, Store } from "./ports/store.ts";
import type { AttestationKeyChoice, Tpm } from "./ports/tpm.ts";
import { attest, evidenceOf, requote, tolerate, type Requote, type Standing, type TrustMode } from "./trust/attest.ts";
import { describeMeasured, measure, type Measured, type Measurement } from "./trust/measure.ts";
import { failureFrom, type Failure } from "./trust/outcome.ts";
import { describeOrigin } from "./trust/key-origin.ts";
import { seed, type EntropyState, type Seeded } from "./trust/seed.ts";
import { keyGeneration, TpmWithGeneration } from "./trust/attestation-key.ts";
import type { UpdateAuthority } from "./trust/key-files.ts";
import { Keychain, type NodeKeys } from "./trust/keychain.ts";
import { type PowerUpTests, testCryptography } from "./trust/self-test.ts";
import { settle } from "./trust/settle.ts";
import { idsOf, type KeyIds } from "./trust/store-keys.ts";
import { provenKeys, tpmOf, unseal, wipe, type Unsealed } from "./trust/unseal.ts";

export interface BootPorts {
  /** Opens it; boot closes it, with {@link Booted}. */
  readonly tpm: () => Promise<Tpm>;
  /** Is given the TPM when there is one; boot opens and closes each source. */
  readonly entropy: (tpm: Tpm | undefined) => readonly EntropyOpening[];
  readonly assessor: EntropyAssessor;
  readonly instance: Instance;
  readonly ownFiles: SourceFiles;
  /** The configuration file as it is; empty when there is none. */
  readonly configBytes: Uint8Array;
  /** The policy file as it is; empty when there is none. */
  readonly policyBytes: Uint8Array;
  readonly record: BootRecord;
  readonly memory: Memory;
  readonly kernelRandom: Random;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * The keys, 32 bytes each, are wiped as soon as this has settled and they are sealed.
   * @param next when the store may be on its way to another key
   */
  readonly openStore: (key: Uint8Array, next?: Uint8Array) => Promise<Store>;
  /** Whose approvals shall open the key, too; asked once the store is open. Left out: nobody's. */
  readonly updateAuthority?: (store: Store, random: Random) => Promise<UpdateAuthority | undefined>;
  /** Left out: those of the cryptography in use. */
  readonly powerUpTests?: PowerUpTests;
  readonly signal?: AbortSignal;
}

export interface BootPolicy {
  readonly mode: TrustMode;
  /** The register that the agent extends, 0 … 15. */
  readonly pcr: number;
  /** The registers that the key is sealed to; `pcr` among them. */
  readonly pcrs: readonly number[];
  /** Does a source of entropy that fails shut the node under `enforce`? */
  readonly entropyFailure: "degrade" | "quarantine";
}

interface BootedBase extends AsyncDisposable {
  readonly steps: readonly BootStep[];
  /** For people: the TPM's device and maker, or that there is none. */
  readonly tpm: string;
  /** A new quote; undefined when the agent could not measure itself. Bounded in time, never rejects. */
  readonly requote: ((nonce: Uint8Array) => Promise<Requote>) | undefined;
  /** What operators may do about the node's keys; a service, to be run. */
  readonly keychain: NodeKeys;
  /** For strangers who ask; undefined when the agent could not measure itself. */
  readonly attestation: NodeAttestation | undefined;
}

/** What this node can show of itself. */
export interface NodeAttestation {
  readonly measured: Measured;
  /** The registers that a quote covers. */
  readonly pcrs: readonly number[];
  /** @param nonce 16 … 32 bytes @throws AgentError of the TPM, "BOOT_LOGS" */
  evidence(nonce: Uint8Array, key?: AttestationKeyChoice): Promise<Evidence>;
}

/** Disposing of it closes the store, then the TPM. */
export interface OpenNode extends BootedBase {
  readonly kind: "open";
  readonly state: "running" | "warned";
  readonly store: Store;
  readonly random: Random;
  /** The same generator, with what was found of its sources: for whoever watches them. */
  readonly seeded: EntropyState;
}

export interface QuarantinedNode extends BootedBase {
  readonly kind: "quarantine";
  readonly reason: string;
  readonly fix: string;
}

export type Booted = OpenNode | QuarantinedNode;

/** @throws AgentError when the state directory fails; failed steps don't throw, they end in quarantine */
export async function boot(ports: BootPorts, policy: BootPolicy): Promise<Booted> {
  // Closes what was opened, unless the result has taken it over.
  await using corridor = new Corridor(ports, policy);
  return await corridor.walk();
}

/** Ends the corridor: thrown by a step, caught by `walk`, never seen outside. */
class Quarantine extends Error {
  readonly fix: string;

  constructor(detail: string, fix: string) {
    super(detail);
    this.fix = fix;
  }
}

interface StepResult {
  readonly state: string;
  readonly ok: boolean;
  readonly detail: string;
  /** Empty when all is well. */
  readonly fix: string;
}

/** With a value the corridor goes on, whether the step went well or not; without, it ends. */
type Outcome<T> = StepResult & ({ readonly ends: false; readonly value: T } | { readonly ends: true });

/** What is left of the key when the store is open: its name, and where it can be had again. */
interface Kept {
  readonly unsealed: Unsealed;
  readonly known: KeyIds;
  readonly store: Store;
}

function keysInUse({ rekeying }: Store): KeysInUse {
  return rekeying?.keysInUse() ?? "first";
}

class Corridor implements AsyncDisposable {
  readonly #ports: BootPorts;
  readonly #policy: BootPolicy;
  readonly #signal: AbortSignal;
  readonly #steps: BootStep[] = [];
  readonly #owned = new AsyncDisposableStack();
  #measured: Measured | undefined;
  #tpm = "none";
  #generation = 0;

  constructor(ports: BootPorts, policy: BootPolicy) {
    this.#ports = ports;
    this.#policy = policy;
    this.#signal = ports.signal ?? new AbortController().signal;
  }

  /** The result owns the TPM and the store from then on. */
  async walk(): Promise<Booted> {
    try {
      await this.#selfTest();
      const measurement = await this.#measure();
      const standing = await this.#attest(measurement);
      const seeded = await this.#seed(standing);
      const unsealed = await this.#unseal(standing, seeded);
      return this.#open(await this.#openStore(unsealed, seeded), seeded);
    } catch (error) {
      if (!(error instanceof Quarantine)) throw error;
      this.#ports.log.error("The node is in quarantine", { reason: error.message, fix: error.fix });
      return { kind: "quarantine", reason: error.message, fix: error.fix, ...this.#base(undefined) };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }

  /** Under any policy the end when it fails: what a broken cipher or signature lets through, nobody can warn of. */
  #selfTest(): Promise<undefined> {
    return this.#step("selftest", async () => {
      const testing = testCryptography(this.#ports.powerUpTests);
      if (testing.kind !== "tested") return ended(testing);
      return passed("tested", "the cryptography gives the known answers", undefined);
    });
  }

  #measure(): Promise<Measurement> {
    const { ownFiles, configBytes, policyBytes, record, memory, tpm } = this.#ports;
    const openTpm = async (): Promise<Tpm> => {
      const opened = this.#owned.use(await tpm());
      this.#tpm = opened.uri;
      return new TpmWithGeneration(opened, this.#generation);
    };
    return this.#step("measure", async () => {
      this.#generation = (await keyGeneration(memory)).generation;
      const { pcr } = this.#policy;
      const measurement = await measure({ ownFiles, configBytes, policyBytes, record, memory, openTpm, pcr });
      if (measurement.kind !== "measured") return this.#failed<Measurement>(measurement, measurement);
      const { evidence } = measurement;
      this.#measured = evidence;
      const { software, uri } = evidence.tpm;
      this.#tpm = `${uri} (${evidence.identity.manufacturer.trim()}${software ? ", in software" : ""})`;
      return passed("measured", describeMeasured(evidence), measurement);
    });
  }

  #attest(measurement: Measurement): Promise<Standing> {
    return this.#step("attest", async () => {
      if (measurement.kind !== "measured") return this.#failed<Standing>(measurement, tolerate(measurement));
      const { memory, kernelRandom } = this.#ports;
      const inputs = { memory, random: kernelRandom, pcrs: this.#policy.pcrs, mode: this.#policy.mode };
      const attestation = await attest(measurement.evidence, inputs);
      if (attestation.kind !== "attested") return this.#failed<Standing>(attestation, tolerate(attestation));
      const { firstUse, claim, note } = attestation.evidence;
      const how = firstUse ? "taken as the accepted state, as there was none" : "the accepted state";
      const detail = [`the quote over PCR ${claim.pcrs.join(", ")} holds`, how, note].filter(Boolean).join("; ");
      return passed<Standing>("attested", detail, attestation.evidence);
    });
  }

  #seed(standing: Standing): Promise<Seeded> {
    return this.#step("seed", async () => {
      const tpm = tpmOf(standing);
      const { entropy, ...ports } = this.#ports;
      const seeding = await seed({ ...ports, sources: entropy(tpm), tpm, signal: this.#signal });
      const { evidence } = seeding;
      if (seeding.kind === "seeded") return passed("seeded", evidence.detail, evidence);
      return this.#policy.entropyFailure === "degrade" ? warned(seeding, evidence) : this.#failed(seeding, evidence);
    });
  }

  #unseal(standing: Standing, seeded: Seeded): Promise<Unsealed> {
    return this.#step("unseal", async () => {
      const { memory } = this.#ports;
      const unsealing = await unseal(standing, seeded, { memory, mode: this.#policy.mode });
      // Without the key there is nothing to go on with, under any policy.
      if (unsealing.kind !== "unsealed") return ended(unsealing);
      const { evidence } = unsealing;
      return { ...describeOrigin(evidence.origin, tpmOf(standing) !== undefined), ends: false, value: evidence };
    });
  }

  /** Settles the key's files once the store has proven the key, and wipes it however that ends. */
  async #openStore(unsealed: Unsealed, { random }: Seeded): Promise<Kept> {
    try {
      const store = await this.#step("store", async (): Promise<Outcome<Store>> => {
        try {
          const { key, next } = unsealed.keys;
          const opened = this.#owned.use(await this.#ports.openStore(key, next));
          return passed("open", "the store is open", opened);
        } catch (error) {
          return ended(failureFrom("store-error", error));
        }
      });
      await this.#step("settle", () => this.#settle(unsealed, store, random));
      return { unsealed, store, known: idsOf(provenKeys(unsealed, keysInUse(store))) };
    } finally {
      wipe(unsealed);
    }
  }

  async #settle(unsealed: Unsealed, store: Store, random: Random): Promise<Outcome<undefined>> {
    const { memory, log, updateAuthority } = this.#ports;
    try {
      const authority = await updateAuthority?.(store, random);
      const inputs = { memory, mode: this.#policy.mode, log, keysInUse: keysInUse(store), authority, random };
      return passed("settled", await settle(unsealed, inputs), undefined);
    } catch (error) {
      return this.#failed(failureFrom("not-settled", error), undefined);
    }
  }

  #open(kept: Kept, seeded: Seeded): OpenNode {
    const state = this.#steps.every(({ ok }) => ok) ? "running" : "warned";
    return { kind: "open", state, store: kept.store, random: seeded.random, seeded, ...this.#base(kept) };
  }

  #base(kept: Kept | undefined): BootedBase {
    const measured = this.#measured;
    const owned = this.#owned.move();
    const { pcrs } = this.#policy;
    const { memory, clock, log, kernelRandom: random } = this.#ports;
    return {
      steps: this.#steps,
      tpm: this.#tpm,
      keychain: new Keychain({ memory, clock, log, random, generation: this.#generation, open: kept }),
      requote: measured === undefined ? undefined : (nonce) => requote(measured, nonce, pcrs),
      attestation: measured === undefined ? undefined : attestationOf(measured, pcrs),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  /** Under `enforce` the end; under `warn` on with what is left. */
  #failed<T>(reason: Failure<string>, value: T): Outcome<T> {
    return this.#policy.mode === "enforce" ? ended(reason) : warned(reason, value);
  }

  async #step<T>(step: string, walk: () => Promise<Outcome<T>>): Promise<T> {
    this.#signal.throwIfAborted();
    const { clock, log } = this.#ports;
    const startMs = clock.monotonicMs();
    const outcome = await walk();
    const { state, ok, detail, fix } = outcome;
    const ms = Math.round(clock.monotonicMs() - startMs);
    this.#steps.push({ step, state, ok, detail, fix, ms });
    if (ok) log.info("Boot step", { step, state, ms, detail });
    else log.warn("Boot step", { step, state, ms, detail, fix });
    if (outcome.ends) throw new Quarantine(detail, fix);
    return outcome.value;
  }
}

function attestationOf(measured: Measured, pcrs: readonly number[]): NodeAttestation {
  return { measured, pcrs, evidence: (nonce, key) => evidenceOf(measured, nonce, pcrs, key) };
}

function passed<T>(state: string, detail: string, value: T): Outcome<T> {
  return { state, ok: true, detail, fix: "", ends: false, value };
}

function warned<T>({ kind: state, detail, fix }: Failure<string>, value: T): Outcome<T> {
  return { state, ok: false, detail, fix, ends: false, value };
}

function ended({ kind, detail, fix }: Failure<string>): StepResult & { readonly ends: true } {
  return { state: kind, ok: false, detail, fix, ends: true };
}
