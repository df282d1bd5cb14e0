/** The desk's view of the node's keys: what boot handed over, in the API's words; and what doctor says of them. @module */
import { toHex } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { ApprovalReport, KeysReport, RecoveryReport, StoreKeyReport } from "../kernel/keys.ts";
import type { BootStep, Check } from "../kernel/reports.ts";
import type { KeysView } from "../api/keys.ts";
import type { Shard } from "../dag/shard.ts";
import type { NodeKeys } from "../trust/keychain.ts";

export class KeysDesk implements KeysView {
  readonly #keys: NodeKeys;

  readonly #shard: () => Shard;

  /** @param shard throws AgentError "QUARANTINE" while the store is shut */
  constructor(keys: NodeKeys, shard: () => Shard) {
    this.#keys = keys;
    this.#shard = shard;
  }

  async report(): Promise<KeysReport> {
    return { ...(await this.#keys.report()), author_key: await this.#authorKey() };
  }

  async rotateAuthorKey(): Promise<KeysReport["author_key"]> {
    await this.#shard().replaceAuthor();
    return this.#authorKey();
  }

  async makeRecovery(publicKey: Uint8Array): Promise<{ readonly words: string }> {
    return { words: toHex(await this.#keys.makeRecovery(publicKey)) };
  }

  rotateStoreKey(): Promise<StoreKeyReport> {
    return this.#keys.rotateStoreKey();
  }

  async rotateAttestationKey(): Promise<{ readonly next_generation: number }> {
    return { next_generation: await this.#keys.rotateAttestationKey() };
  }

  async approve(file: Uint8Array): Promise<ApprovalReport> {
    const { digest, verdict } = await this.#keys.takeApproval(file);
    return { verdict, digest: toHex(digest) };
  }

  async #authorKey(): Promise<KeysReport["author_key"]> {
    try {
      const shard = this.#shard();
      return { id: toHex(shard.author.id), replaced_at_next_start: await shard.isAuthorReplaced() };
    } catch (error) {
      if (isAgentError(error, "QUARANTINE")) return { id: "", replaced_at_next_start: false };
      throw error;
    }
  }
}

/** While the store moves to a new key: how far it is. Nothing is wrong then. */
export function rekeyStep({ state, looked, moved }: StoreKeyReport): BootStep | undefined {
  if (state !== "moving" && state !== "tidying") return undefined;
  const detail =
    state === "moving"
      ? `the store moves to a new key: ${looked} values looked at, ${moved} moved since the start`
      : "the store has a new key; the former one is taken out of the sealed files";
  return { step: "store-key", state, ok: true, detail, fix: "", ms: 0 };
}

/** What would be lost with the TPM. */
export function recoveryCheck({ recovery }: Pick<KeysReport, "recovery">): Check {
  const { state, detail } = RECOVERY[recovery.state];
  const named = recovery.state === "made" ? ` ${recovery.words}` : "";
  return {
    name: "recovery words",
    state,
    detail: `${detail}${named}`,
    fix: state === "OK" ? "" : "caye recovery create",
  };
}

const RECOVERY: Readonly<Record<RecoveryReport["state"], Pick<Check, "state" | "detail">>> = {
  made: { state: "OK", detail: "made; they are named" },
  none: { state: "WARN", detail: "none: if the TPM is lost, so is what only this node holds" },
  stale: { state: "FAIL", detail: "recovery.bin holds another key than the store's" },
  damaged: { state: "FAIL", detail: "recovery.bin is damaged: no words open it" },
};
