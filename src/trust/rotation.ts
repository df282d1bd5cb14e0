/**
 * Replaces the store's key while the agent runs. Nothing is lost wherever the power fails, since at no moment is a key
 * in use that is not in all files that shall open the store:
 *
 * 1. every file is sealed anew, under its own policy, with both keys in it;
 * 2. the store begins to write under the next key, and needs both to open;
 * 3. all values move, a few at a time;
 * 4. the store gives up the former key;
 * 5. every file is sealed anew with the next key alone.
 *
 * After a start in the middle of it `settle` has brought the files in line with what the store says, and the rest goes on
 * from there.
 * @module
 */
import { AgentError, describeError, isAgentError } from "../kernel/errors.ts";
import { toHex } from "../kernel/bytes.ts";
import type { StoreKeyReport, StoreKeyState } from "../kernel/keys.ts";
import type { Service } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { Rekeying, Store } from "../ports/store.ts";
import type { Tpm } from "../ports/tpm.ts";
import { KEY_FILE, readSealed, SEALED_FILES, ANNOUNCED_FILES } from "./key-files.ts";
import { followKeys } from "./recovery.ts";
import { isOwn, keysAgain } from "./settle.ts";
import {
  areSameIds,
  decodeKeys,
  encodeKeys,
  idsOf,
  isOneOf,
  type KeyIds,
  keysInForce,
  STORE_KEY_BYTES,
  type StoreKeys,
  wipeKeys,
} from "./store-keys.ts";
import { sealTo } from "./unseal.ts";

export interface RotationParts {
  readonly memory: Memory;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  readonly tpm: Tpm | undefined;
  readonly store: Store;
  /** Of the keys that opened the store. */
  readonly known: KeyIds;
  /** Work on the files of keys, one piece at a time. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Between two steps: the radio and people come first. */
const PAUSE_MS = 5;
/** After a failure of the disk or the TPM. */
const RETRY_MS = 60_000;

export class StoreKeyRotation implements Service {
  readonly name = "store-key";
  readonly #parts: RotationParts;
  #known: KeyIds;
  #looked = 0;
  #moved = 0;
  /** Files may still hold the former key. */
  #untidy = false;
  #wake: (() => void) | undefined;

  constructor(parts: RotationParts) {
    this.#parts = parts;
    this.#known = parts.known;
  }

  /** Of the keys in use: what files must hold. */
  get known(): KeyIds {
    return this.#known;
  }

  report(): StoreKeyReport {
    const { keyId, nextKeyId } = this.#known;
    return { state: this.#state(), id: toHex(nextKeyId ?? keyId), looked: this.#looked, moved: this.#moved };
  }

  /**
   * Steps 1 and 2; the rest follows while {@link run} runs.
   * @throws AgentError "ROTATION_UNDER_WAY", "ROTATION_NONE", those of the TPM, the state directory and the store: the
   *   store still opens then, and it can be tried again
   */
  begin(): Promise<void> {
    return this.#parts.inTurn(async () => {
      const { tpm, memory, random } = this.#parts;
      const rekeying = this.#rekeying();
      if (rekeying.keysInUse() === "both") {
        throw new AgentError("ROTATION_UNDER_WAY", "the store is on its way to a new key already", {
          fix: "caye keys tells how far it is",
        });
      }
      const held = await keysAgain(tpm, this.#known, memory);
      // A next key that lies there already may be one that the store has begun with, had only the disk not failed.
      const fresh = rekeying.keysInUse() === "first" ? held.next : undefined;
      const { key } = keysInForce(held, rekeying.keysInUse());
      const ring: StoreKeys = { key, next: fresh ?? random.bytes(STORE_KEY_BYTES) };
      try {
        await this.#writeAll(ring);
        await rekeying.begin(ring.next ?? new Uint8Array());
        this.#known = idsOf(ring);
      } finally {
        wipeKeys(ring);
        wipeKeys(held);
      }
      this.#parts.log.info("The store moves to a new key", { id: toHex(this.#known.nextKeyId ?? new Uint8Array()) });
      this.#wake?.();
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    while (!signal.aborted) {
      try {
        if (this.#parts.store.rekeying?.keysInUse() === "both") {
          await this.#step();
          await clock.sleep(PAUSE_MS, signal);
        } else if (this.#untidy) await this.#tidy();
        else await this.#nextTime(signal);
      } catch (error) {
        if (!isAgentError(error)) throw error;
        log.warn("The change of the store's key waits", { reason: describeError(error) });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async #step(): Promise<void> {
    const { looked, moved, done } = await this.#rekeying().step();
    this.#looked += looked;
    this.#moved += moved;
    this.#untidy = done;
  }

  /** Step 5. */
  #tidy(): Promise<void> {
    return this.#parts.inTurn(async () => {
      const { tpm, memory, log } = this.#parts;
      const held = await keysAgain(tpm, this.#known, memory);
      const keys = held.next === undefined ? held : keysInForce(held, "next");
      try {
        await this.#writeAll(keys);
        this.#known = idsOf(keys);
      } finally {
        wipeKeys(keys);
        wipeKeys(held);
      }
      this.#untidy = false;
      log.info("The store is under a new key, and the former one is gone", {
        id: toHex(this.#known.keyId),
        moved: this.#moved,
      });
    });
  }

  /** Every file that holds one of our keys, under its own policy. */
  async #writeAll(keys: StoreKeys): Promise<void> {
    const { tpm, memory, random, log } = this.#parts;
    for (const name of SEALED_FILES) {
      const sealed = await readSealed(memory, name);
      if (sealed?.ok !== true || tpm === undefined || areSameIds(sealed.value, idsOf(keys))) continue;
      // What was announced is in no other place: the registers that `settle` has just seen tell nothing of it.
      const trusted = !ANNOUNCED_FILES.includes(name) || isOwn(sealed.value, keys);
      if (trusted && isOneOf(sealed.value, this.#known)) await sealTo(tpm, memory, name, keys, sealed.value);
      else log.error("A sealed file holds another key and is left alone", { file: name });
    }
    const bare = decodeKeys((await memory.read(KEY_FILE)) ?? new Uint8Array());
    if (bare !== undefined && isOneOf(idsOf(bare), this.#known)) await memory.writeAtomic(KEY_FILE, encodeKeys(keys));
    if (bare !== undefined) wipeKeys(bare);
    await followKeys(memory, keys, this.#known, random);
  }

  #rekeying(): Rekeying {
    const { rekeying } = this.#parts.store;
    if (rekeying !== undefined) return rekeying;
    throw new AgentError("ROTATION_NONE", "this store has no key");
  }

  #state(): StoreKeyState {
    if (this.#parts.store.rekeying?.keysInUse() === "both") return "moving";
    return this.#untidy ? "tidying" : "settled";
  }

  #nextTime(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
