/**
 * After the store has opened, which proves the key: seal it to the accepted state, keep or drop the copy that opens in
 * any state, and remember the state for the next boot. And `allowNext`: the way back after a planned change.
 *
 * Every file is replaced whole, and none that holds a key is removed or overwritten unless that very key is in hand
 * and written elsewhere: the power may fail between any two steps.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { KeysInUse } from "../ports/store.ts";
import type { Tpm } from "../ports/tpm.ts";
import { changedDigests, expectedValue, type OwnChanges } from "../attest/logs/own.ts";
import { dropApprovals } from "./approvals.ts";
import { isAttested, type SealTarget, type TrustMode } from "./attest.ts";
import {
  DAMAGED_FILE,
  isSameAuthority,
  KEY_FILE,
  readSealed,
  RECOVERED_FILE,
  ANNOUNCED_FILES,
  SEALED_BEFORE_FILE,
  SEALED_FALLBACK_FILE,
  SEALED_FILE,
  SEALED_NEXT_FILE,
  type SealedKey,
  termsOf,
  type UpdateAuthority,
} from "./key-files.ts";
import { followKeys, RECOVERY_FILE } from "./recovery.ts";
import { encodeReference, REFERENCE_FILE } from "./reference.ts";
import {
  areSameIds,
  decodeKeys,
  encodeKeys,
  idsOf,
  isOneOf,
  isProven,
  type KeyIds,
  type StoreKeys,
  wipeKeys,
} from "./store-keys.ts";
import {
  ANY_STATE,
  openSealed,
  policyOf,
  provenKeys,
  sealTo,
  tpmOf,
  type SealPolicy,
  type Unsealed,
} from "./unseal.ts";

export interface SettleInputs {
  readonly memory: Memory;
  readonly mode: TrustMode;
  readonly log: Log;
  /** As the open store says. */
  readonly keysInUse: KeysInUse;
  /** Whose approvals shall open the key, too. */
  readonly authority: UpdateAuthority | undefined;
  readonly random: Random;
}

interface Settling extends SettleInputs {
  /** What the files shall hold. */
  readonly keys: StoreKeys;
  /** Of all keys in hand: a file that holds none of them is somebody else's. */
  readonly known: KeyIds;
}

/**
 * Call it before the keys are wiped.
 * @returns a sentence for people
 * @throws AgentError of the TPM or the state directory: what was on disk still opens then
 */
export async function settle(unsealed: Unsealed, inputs: SettleInputs): Promise<string> {
  const { standing } = unsealed;
  const settling: Settling = { ...inputs, keys: provenKeys(unsealed, inputs.keysInUse), known: unsealed };
  const tpm = tpmOf(standing);
  await settleBox(settling);
  if (tpm === undefined) {
    await settleKeyFile(settling);
    return "there is no TPM to seal the key in";
  }
  const { target } = standing;
  const sealed = target !== undefined && (await settleSealed(tpm, target, settling));
  if (inputs.mode === "warn") await settleFallback(tpm, settling);
  if (target === undefined) return "the key is not sealed to a state, as this one was not attested";
  if (!sealed) return "the sealed file holds another key and was left alone";
  await inputs.memory.writeAtomic(REFERENCE_FILE, encodeReference(target.reference));
  await dropSpent(tpm, target, unsealed, settling);
  return `the key is sealed to PCR ${target.pcrs.join(", ")}${besides(inputs)}`;
}

function besides({ mode, authority }: SettleInputs): string {
  const approved = authority === undefined ? "" : "; states that the village's authority approves open it, too";
  return `${approved}${mode === "warn" ? "; a copy opens on this TPM in any state, as trust.mode is warn" : ""}`;
}

export interface PlannedChanges extends OwnChanges {
  /** The store shall open in today's state, too, after the other one has started: until `SEALED_BEFORE_FILE` is removed. */
  readonly wayBack?: boolean;
}

/**
 * Seals the key to the state that the node will be in after a planned change, so that it opens then too. One state can
 * be announced at a time; the state that runs now stays accepted: until the other one has started, or with a way back
 * until that is taken away.
 * @param known of the keys in use
 * @param next what is about to be installed
 * @returns the value that the register will have, 32 bytes
 * @throws AgentError "TRUST_NOT_MEASURED", "TRUST_KEY_AWAY", and those of the TPM and the state directory
 */
export async function allowNext(
  { standing }: Unsealed,
  known: KeyIds,
  { wayBack = false, ...next }: PlannedChanges,
  memory: Memory,
): Promise<Uint8Array> {
  const { target } = standing;
  const tpm = tpmOf(standing);
  if (tpm === undefined || target === undefined) {
    throw new AgentError("TRUST_NOT_MEASURED", "no key is sealed to this node's state, so no change needs announcing", {
      fix: "see the boot steps in: caye status",
    });
  }
  const value = expectedValue(changedDigests(target.reference.own, next), target.base);
  const keys = await keysAgain(tpm, known, memory);
  try {
    const expected = new Map([...target.expected, [target.pcr, value]]);
    if (wayBack) await sealTo(tpm, memory, SEALED_BEFORE_FILE, keys, policyOf(target));
    else await memory.remove(SEALED_BEFORE_FILE);
    await sealTo(tpm, memory, SEALED_NEXT_FILE, keys, policyOf({ ...target, expected }));
  } finally {
    wipeKeys(keys);
  }
  return value;
}

/**
 * The keys were wiped after boot: the TPM gives them once more; without a TPM the key file does.
 * @param known what may be accepted: a file that holds none of these keys is somebody else's
 * @throws AgentError "TPM_GONE", "TRUST_KEY_AWAY"
 */
export async function keysAgain(tpm: Tpm | undefined, known: KeyIds, memory: Memory): Promise<StoreKeys> {
  for (const name of [SEALED_FILE, SEALED_FALLBACK_FILE]) {
    const opened = tpm === undefined ? undefined : await openSealed(tpm, memory, name);
    if (opened === undefined) continue;
    if (!("kind" in opened)) {
      if (isOneOf(idsOf(opened), known)) return opened;
      wipeKeys(opened);
    } else if (opened.kind === "sealed-away") {
      // A TPM that is gone says nothing of this state.
      throw new AgentError("TPM_GONE", opened.detail, { fix: opened.fix });
    }
  }
  const bare = decodeKeys((await memory.read(KEY_FILE)) ?? new Uint8Array());
  if (bare !== undefined && isOneOf(idsOf(bare), known)) return bare;
  throw new AgentError("TRUST_KEY_AWAY", "the TPM does not open the store's key in this state", {
    fix: "restart the machine, then try again",
  });
}

/** True when the key stands sealed to the target afterwards. */
async function settleSealed(tpm: Tpm, target: SealTarget, settling: Settling): Promise<boolean> {
  const { memory, log, keys, known, authority } = settling;
  const wanted = policyOf(target, authority);
  const before = await readSealed(memory, SEALED_FILE);
  if (before?.ok === true) {
    if (!isOneOf(before.value, known)) {
      log.error("A sealed file holds another key and is left alone", { file: SEALED_FILE });
      return false;
    }
    if (isSamePolicy(before.value, wanted) && areSameIds(before.value, idsOf(keys))) return true;
  } else if (before !== undefined) {
    const damaged = await memory.read(SEALED_FILE);
    if (damaged !== undefined) await memory.writeAtomic(DAMAGED_FILE, damaged);
  }
  await sealTo(tpm, memory, SEALED_FILE, keys, wanted);
  log.info("The store's key is sealed to this state", { pcrs: target.pcrs.join(",") });
  return true;
}

function isSamePolicy(a: SealPolicy, b: SealPolicy): boolean {
  return equalBytes(a.policyDigest, b.policyDigest) && isSameAuthority(a.authority, b.authority);
}

async function settleFallback(tpm: Tpm, { memory, log, keys, known }: Settling): Promise<void> {
  const before = await readSealed(memory, SEALED_FALLBACK_FILE);
  if (before?.ok === true) {
    if (!isOneOf(before.value, known)) {
      log.error("A sealed file holds another key and is left alone", { file: SEALED_FALLBACK_FILE });
      return;
    }
    if (areSameIds(before.value, idsOf(keys))) return;
  }
  await sealTo(tpm, memory, SEALED_FALLBACK_FILE, keys, ANY_STATE);
}

/** After a change of the store's key that the power cut short. */
async function settleKeyFile({ memory, keys }: Settling): Promise<void> {
  const wanted = encodeKeys(keys);
  const before = await memory.read(KEY_FILE);
  if (before !== undefined && !equalBytes(before, wanted)) await memory.writeAtomic(KEY_FILE, wanted);
  before?.fill(0);
  wanted.fill(0);
}

async function settleBox({ memory, keys, known, random, log }: Settling): Promise<void> {
  if (await followKeys(memory, keys, known, random)) return;
  log.error("The recovery file is damaged or holds another key, and is left alone: caye recovery create replaces it", {
    file: RECOVERY_FILE,
  });
}

/** True when who wrote the file had the key. */
export function isOwn(sealed: SealedKey, keys: StoreKeys): boolean {
  return isProven(keys, termsOf(sealed), sealed.proofs ?? new Uint8Array());
}

/** After a change of the store's key: under the new one, to the same state. */
async function renewAnnounced(tpm: Tpm, name: string, { memory, keys, known, log }: Settling): Promise<void> {
  const sealed = await readSealed(memory, name);
  if (sealed?.ok !== true || !isOneOf(sealed.value, known) || areSameIds(sealed.value, idsOf(keys))) return;
  // Whoever can write files could else have the key sealed to a state of his own.
  if (isOwn(sealed.value, keys)) await sealTo(tpm, memory, name, keys, sealed.value);
  else log.error("A sealed file was not written by this node, and is left alone", { file: name });
}

/** Files that the sealed one has made superfluous. */
async function dropSpent(tpm: Tpm, target: SealTarget, unsealed: Unsealed, settling: Settling): Promise<void> {
  const { memory, mode, log } = settling;
  const { policyDigest } = policyOf(target);
  const next = await readSealed(memory, SEALED_NEXT_FILE);
  if (next?.ok === true && equalBytes(next.value.policyDigest, policyDigest)) await memory.remove(SEALED_NEXT_FILE);
  for (const name of ANNOUNCED_FILES) await renewAnnounced(tpm, name, settling);
  await dropApprovals(memory, policyDigest);
  if ((await memory.read(KEY_FILE)) !== undefined) {
    await memory.remove(KEY_FILE);
    log.info("The store's key moved from a file into the TPM", {});
  }
  await memory.remove(RECOVERED_FILE);
  if (mode === "enforce" && isAttested(unsealed.standing)) await memory.remove(SEALED_FALLBACK_FILE);
}
