/** The boot corridor over this machine's drivers. @module */
import { boot, type Booted } from "../boot.ts";
import { measuredConfig } from "../config/measured.ts";
import type { Config } from "../config/schema.ts";
import { ownAuthorId } from "../dag/own-author-id.ts";
import type { StoreDamage } from "../desk/store-damage.ts";
import { bootRecord } from "../drivers/boot-record.ts";
import { systemClock } from "../drivers/clock.ts";
import { workerAssessor } from "../drivers/assess-worker.ts";
import { entropyOpenings, type NamedSource } from "../drivers/entropy/openings.ts";
import { openLevelStore } from "../drivers/level/store.ts";
import { processInstance } from "../drivers/instance.ts";
import { ownFiles } from "../drivers/own-files.ts";
import { systemRandom } from "../drivers/random.ts";
import type { StateDirectory } from "../drivers/state-directory.ts";
import { openTpm } from "../drivers/tpm/open.ts";
import { findTpm } from "../drivers/tpm/find.ts";
import type { Bytes } from "../kernel/bytes.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { Tpm } from "../ports/tpm.ts";
import { updateAuthority } from "../trust/approvals.ts";
import { RECOVERED_FILE } from "../trust/key-files.ts";
import { REFERENCE_FILE } from "../trust/reference.ts";
import type { AgentOptions } from "./options.ts";

export interface Ground {
  readonly state: StateDirectory;
  readonly log: Log;
  readonly damage: StoreDamage;
  readonly signal: AbortSignal;
  /** The village's policy as it lies on the disk; empty when there is none. */
  readonly policyFile: Bytes;
}

/** Boots over this machine's drivers. @throws AgentError when the state directory fails */
export async function bootNode(
  options: AgentOptions,
  { state, log, damage, signal, policyFile }: Ground,
): Promise<Booted> {
  const { config, root } = options;
  const { trust, entropy } = config;
  const clock = systemClock();
  const random = systemRandom();
  const ports = {
    memory: state,
    kernelRandom: random,
    clock,
    log: log.named("boot"),
    signal,
    ownFiles: ownFiles(root),
    configBytes: measuredConfig(config),
    policyBytes: policyFile,
    record: bootRecord(),
    tpm: async () => {
      const stateDir = await state.subdirectory("swtpm");
      return openTpm(await findTpm(trust.tpm.uri), { stateDir, clock, random, log, signal });
    },
    entropy: (tpm: Tpm | undefined) => entropyOpenings(entropySources(entropy), tpm),
    assessor: workerAssessor,
    instance: processInstance,
    openStore: async (key: Uint8Array, next?: Uint8Array) => {
      // The reference is written once a store has opened; whose key came from the recovery words had one elsewhere.
      const expected = ((await state.read(REFERENCE_FILE)) ?? (await state.read(RECOVERED_FILE))) !== undefined;
      const onLoss = (what: string): void => damage.note(what);
      try {
        return await openLevelStore(await state.subdirectory("store"), key, { random, log, next, expected, onLoss });
      } finally {
        await damage.save();
      }
    },
    updateAuthority: (store: Store, drawn: Random) =>
      updateAuthority(trust.update_key, () => ownAuthorId(store, { nodeName: config.node.name, random: drawn, log })),
  };
  const { mode, pcr, pcrs } = trust;
  return boot(ports, { mode, pcr, pcrs, entropyFailure: entropy.on_failure });
}

function entropySources({ source, sources, min_entropy_bits: bits }: Config["entropy"]): readonly NamedSource[] {
  const further = sources.map(({ address, claimedBits = bits }) => ({ uri: address.uri, claimedBits }));
  return [{ uri: source.uri, claimedBits: bits }, ...further];
}
