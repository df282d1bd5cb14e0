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
import { pcrPolicyDigest } from "../kernel/pcr.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import type { SourceFile } from "../ports/source-files.ts";
import type { Tpm } from "../ports/tpm.ts";
import { isAttested, type SealTarget, type TrustMode } from "./attest.ts";
import { codeDigest, configDigest, expectedValue } from "../attest/logs/own.ts";
import {
  DAMAGED_FILE,
  KEY_FILE,
  keyId,
  readSealed,
  SEALED_FALLBACK_FILE,
  SEALED_FILE,
  SEALED_NEXT_FILE,
} from "./key-files.ts";
import { encodeReference, REFERENCE_FILE } from "./reference.ts";
import { openSealed, sealTo, tpmOf, type Unsealed } from "./unseal.ts";

export interface SettleInputs {
  readonly memory: Memory;
  readonly mode: TrustMode;
  readonly log: Log;
}

/**
 * Call it before the key is wiped. Nothing to do without a TPM.
 * @returns a sentence for people
 * @throws AgentError of the TPM or the state directory: what was on disk still opens then
 */
export async function settle(unsealed: Unsealed, inputs: SettleInputs): Promise<string> {
  const { standing } = unsealed;
  const tpm = tpmOf(standing);
  if (tpm === undefined) return "there is no TPM to seal the key in";
  const { target } = standing;
  const sealed = target !== undefined && (await settleSealed(tpm, target, unsealed, inputs));
  if (inputs.mode === "warn") await settleFallback(tpm, unsealed, inputs);
  if (target === undefined) return "the key is not sealed to a state, as this one was not attested";
  if (!sealed) return "the sealed file holds another key and was left alone";
  await inputs.memory.writeAtomic(REFERENCE_FILE, encodeReference(target.reference));
  await dropSpent(target, unsealed, inputs);
  const copy = inputs.mode === "warn" ? "; a copy opens on this TPM in any state, as trust.mode is warn" : "";
  return `the key is sealed to PCR ${target.pcrs.join(", ")}${copy}`;
}

/** What is about to be installed; what is left out stays as it is. */
export interface NextState {
  readonly files?: readonly SourceFile[];
  readonly configBytes?: Uint8Array;
}

/**
 * Seals the key to the state that the node will be in after a planned change, so that it opens then too. One state can
 * be announced at a time; the state that runs now stays accepted.
 * @returns the value that the register will have, 32 bytes
 * @throws AgentError "TRUST_NOT_MEASURED", "TRUST_KEY_AWAY", and those of the TPM and the state directory
 */
export async function allowNext(unsealed: Unsealed, next: NextState, memory: Memory): Promise<Uint8Array> {
  const { target } = unsealed.standing;
  const tpm = tpmOf(unsealed.standing);
  if (tpm === undefined || target === undefined) {
    throw new AgentError("TRUST_NOT_MEASURED", "no key is sealed to this node's state, so no change needs announcing", {
      fix: "see the boot steps in: caye status",
    });
  }
  const { own } = target.reference;
  const value = expectedValue({
    code: next.files === undefined ? own.code : codeDigest(next.files),
    config: next.configBytes === undefined ? own.config : configDigest(next.configBytes),
  });
  const key = await keyAgain(tpm, unsealed, memory);
  try {
    const expected = new Map([...target.expected, [target.pcr, value]]);
    await sealTo(tpm, memory, SEALED_NEXT_FILE, key, { ...target, expected });
  } finally {
    key.fill(0);
  }
  return value;
}

/** The key was wiped after boot: the TPM gives it once more. */
async function keyAgain(tpm: Tpm, unsealed: Unsealed, memory: Memory): Promise<Uint8Array> {
  for (const name of [SEALED_FILE, SEALED_FALLBACK_FILE]) {
    const key = await openSealed(tpm, memory, name);
    if (key instanceof Uint8Array && equalBytes(keyId(key), unsealed.keyId)) return key;
    // A TPM that is gone says nothing of this state.
    if (key !== undefined && "kind" in key && key.kind === "sealed-away") {
      throw new AgentError("TPM_GONE", key.detail, { fix: key.fix });
    }
  }
  throw new AgentError("TRUST_KEY_AWAY", "the TPM does not open the store's key in this state", {
    fix: "restart the machine, then announce the change again",
  });
}

/** True when the key stands sealed to the target afterwards. */
async function settleSealed(
  tpm: Tpm,
  target: SealTarget,
  unsealed: Unsealed,
  { memory, log }: SettleInputs,
): Promise<boolean> {
  const before = await readSealed(memory, SEALED_FILE);
  if (before?.ok === true) {
    if (!equalBytes(before.value.keyId, unsealed.keyId)) {
      log.error("A sealed file holds another key and is left alone", { file: SEALED_FILE });
      return false;
    }
    if (equalBytes(before.value.policyDigest, pcrPolicyDigest(target.pcrs, target.expected))) return true;
  } else if (before !== undefined) {
    const damaged = await memory.read(SEALED_FILE);
    if (damaged !== undefined) await memory.writeAtomic(DAMAGED_FILE, damaged);
  }
  await sealTo(tpm, memory, SEALED_FILE, unsealed.storeKey, target);
  log.info("The store's key is sealed to this state", { pcrs: target.pcrs.join(",") });
  return true;
}

async function settleFallback(tpm: Tpm, unsealed: Unsealed, { memory, log }: SettleInputs): Promise<void> {
  const before = await readSealed(memory, SEALED_FALLBACK_FILE);
  if (before?.ok === true) {
    if (equalBytes(before.value.keyId, unsealed.keyId)) return;
    log.error("A sealed file holds another key and is left alone", { file: SEALED_FALLBACK_FILE });
    return;
  }
  await sealTo(tpm, memory, SEALED_FALLBACK_FILE, unsealed.storeKey);
}

/** Files that the sealed one has made superfluous. */
async function dropSpent(target: SealTarget, unsealed: Unsealed, { memory, mode, log }: SettleInputs): Promise<void> {
  const next = await readSealed(memory, SEALED_NEXT_FILE);
  const spent = next?.ok === true && equalBytes(next.value.policyDigest, pcrPolicyDigest(target.pcrs, target.expected));
  if (spent) await memory.remove(SEALED_NEXT_FILE);
  if ((await memory.read(KEY_FILE)) !== undefined) {
    await memory.remove(KEY_FILE);
    log.info("The store's key moved from a file into the TPM", {});
  }
  if (mode === "enforce" && isAttested(unsealed.standing)) await memory.remove(SEALED_FALLBACK_FILE);
}
