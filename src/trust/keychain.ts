/**
 * The node's keys after boot: what its operators may do about them while the agent runs. All work on files of keys goes
 * one piece at a time, so that no file falls behind another.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import { toHex } from "../kernel/bytes.ts";
import type { RecoveryReport, StoreKeyReport, TrustKeysReport } from "../kernel/keys.ts";
import { aborted, type Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { Tpm } from "../ports/tpm.ts";
import { heldDigests, takeApproval, type TakenApproval } from "./approvals.ts";
import { keyGeneration, replaceAttestationKey } from "./attestation-key.ts";
import { makeRecovery, readRecovery, wordsId } from "./recovery.ts";
import { StoreKeyRotation } from "./rotation.ts";
import { allowNext, keysAgain, type PlannedChanges } from "./settle.ts";
import { areSameIds, type KeyIds, wipeKeys } from "./store-keys.ts";
import { tpmOf, type Unsealed } from "./unseal.ts";

export interface KeychainParts {
  readonly memory: Memory;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the attestation key that this agent runs with. */
  readonly generation: number;
  /** Undefined in quarantine. */
  readonly open: { readonly unsealed: Unsealed; readonly known: KeyIds; readonly store: Store } | undefined;
}

/** What operators may do about the keys while the agent runs. As a service it moves the store to its new key. */
export interface NodeKeys extends Service {
  report(): Promise<TrustKeysReport>;
  storeKey(): StoreKeyReport;
  /** Announces a planned change, see `allowNext`. @returns the register's value to come, 32 bytes */
  allowNext(next: PlannedChanges): Promise<Uint8Array>;
  /**
   * Closes the store's key in a box for new recovery words. @param publicKey 32 bytes, of the words
   * @returns 8 bytes that name the words @throws AgentError "QUARANTINE", "RECOVERY_KEY", "TRUST_KEY_AWAY", "TPM_…"
   */
  makeRecovery(publicKey: Uint8Array): Promise<Uint8Array>;
  /** See `StoreKeyRotation.begin`. @throws AgentError "QUARANTINE" */
  rotateStoreKey(): Promise<StoreKeyReport>;
  /** @returns the generation from the next start on @throws AgentError "QUARANTINE", "TPM_NONE" */
  rotateAttestationKey(): Promise<number>;
  /** Also in quarantine: it may be the way out. @throws as `takeApproval` */
  takeApproval(file: Uint8Array): Promise<TakenApproval>;
}

export class Keychain implements NodeKeys {
  readonly name = "keys";
  readonly #parts: KeychainParts;
  readonly #rotation: StoreKeyRotation | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: KeychainParts) {
    this.#parts = parts;
    const { open, memory, random, clock, log } = parts;
    if (open === undefined) return;
    const { store, known, unsealed } = open;
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => this.#inTurn(work);
    this.#rotation = new StoreKeyRotation({
      memory,
      random,
      clock,
      log,
      store,
      known,
      inTurn,
      tpm: tpmOf(unsealed.standing),
    });
  }

  async report(): Promise<TrustKeysReport> {
    const { memory, generation } = this.#parts;
    const { generation: next } = await keyGeneration(memory);
    return {
      store_key: this.storeKey(),
      recovery: await this.#recovery(),
      attestation_key: { generation, next_generation: next },
      approvals: (await heldDigests(memory)).map(toHex),
    };
  }

  storeKey(): StoreKeyReport {
    return this.#rotation?.report() ?? { state: "shut", id: "", looked: 0, moved: 0 };
  }

  async allowNext(next: PlannedChanges): Promise<Uint8Array> {
    const { unsealed, rotation } = this.#opened();
    return this.#inTurn(() => allowNext(unsealed, rotation.known, next, this.#parts.memory));
  }

  async makeRecovery(publicKey: Uint8Array): Promise<Uint8Array> {
    const { tpm, rotation } = this.#opened();
    return this.#inTurn(async () => {
      const { memory, random, log } = this.#parts;
      const keys = await keysAgain(tpm, rotation.known, memory);
      try {
        await makeRecovery(memory, publicKey, keys, random);
      } finally {
        wipeKeys(keys);
      }
      const id = wordsId(publicKey);
      log.info("The store's key lies in a box for new recovery words", { words: toHex(id) });
      return id;
    });
  }

  async rotateStoreKey(): Promise<StoreKeyReport> {
    const { rotation } = this.#opened();
    await rotation.begin();
    return rotation.report();
  }

  async rotateAttestationKey(): Promise<number> {
    const { tpm } = this.#opened();
    if (tpm === undefined) throw new AgentError("TPM_NONE", "this node has no TPM, and so no attestation key");
    const { memory, generation, log } = this.#parts;
    return this.#inTurn(async () => {
      const next = await replaceAttestationKey(tpm, memory, generation);
      log.info("The attestation key is replaced at the next start", { generation: next });
      return next;
    });
  }

  takeApproval(file: Uint8Array): Promise<TakenApproval> {
    return this.#inTurn(() => takeApproval(this.#parts.memory, file));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#rotation?.run(signal) ?? aborted(signal);
  }

  async #recovery(): Promise<RecoveryReport> {
    const box = await readRecovery(this.#parts.memory);
    if (box === undefined) return { state: "none", words: "" };
    if (!box.ok) return { state: "damaged", words: "" };
    const words = toHex(wordsId(box.value.publicKey));
    const isCurrent = this.#rotation === undefined || areSameIds(box.value, this.#rotation.known);
    return { state: isCurrent ? "made" : "stale", words };
  }

  #opened(): { readonly unsealed: Unsealed; readonly rotation: StoreKeyRotation; readonly tpm: Tpm | undefined } {
    const { open } = this.#parts;
    if (open !== undefined && this.#rotation !== undefined) {
      return { unsealed: open.unsealed, rotation: this.#rotation, tpm: tpmOf(open.unsealed.standing) };
    }
    throw new AgentError("QUARANTINE", "the store's key is not in hand, as the node is in quarantine", {
      fix: "`caye doctor` says which step failed, and what to do about it.",
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
