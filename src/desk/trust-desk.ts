/** The desk's view of trust: what the boot found, what the watch sees, fresh quotes, and planned updates. @module */
import type { OwnChanges } from "../attest/logs/own.ts";
import { toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { BootStep, QuoteReport } from "../kernel/reports.ts";
import type { Random } from "../ports/random.ts";
import type { AllowReport, PlannedUpdate } from "../api/view.ts";
import type { Booted } from "../boot.ts";
import type { EntropyWatch } from "../trust/entropy-watch.ts";
import type { TrustWatch } from "../trust/watch.ts";
import { rekeyStep } from "./keys-desk.ts";
import type { TrustParts } from "./parts.ts";
import type { StoreDamage } from "./store-damage.ts";

export interface TrustDeskOptions {
  readonly booted: Booted;
  readonly damage: Pick<StoreDamage, "step">;
  readonly watch: TrustWatch | undefined;
  readonly entropy?: Pick<EntropyWatch, "step"> | undefined;
  readonly policy?: { step(): BootStep | undefined } | undefined;
  /** Was the case opened? */
  readonly board?: { step(): BootStep | undefined } | undefined;
  readonly mode: "enforce" | "warn";
  /** The register that the agent measures itself into. */
  readonly pcr: number;
  readonly random: Random;
  /** Hashes of the code in another directory, laid out like ours, and of its libraries. @throws AgentError "OWN_FILES" */
  readonly codeAt: (directory: string) => Promise<Pick<OwnChanges, "files" | "runtime">>;
  /** What would be measured of another configuration file. @throws AgentError "CONFIG_MISSING", "CONFIG_INVALID" */
  readonly configAt: (path: string) => Promise<Uint8Array>;
}

const NONCE_BYTES = 32;

export function trustDesk(options: TrustDeskOptions): TrustParts {
  const { booted, damage, watch, entropy, policy, board, mode } = options;
  return {
    mode,
    tpm: booted.tpm,
    softwareTpm: booted.tpm.startsWith("swtpm:"),
    steps: () => [
      ...booted.steps,
      ...seen({ step: () => rekeyStep(booted.keychain.storeKey()) }),
      ...seen(damage),
      ...seen(watch),
      ...seen(entropy),
      ...seen(policy),
      ...seen(board),
    ],
    quote: (nonce) => quote(options, nonce),
    allowUpdate: (update) => allowUpdate(options, update),
  };
}

function seen(watch: { step(): BootStep | undefined } | undefined): readonly BootStep[] {
  const step = watch?.step();
  return step === undefined ? [] : [step];
}

async function quote({ booted, random }: TrustDeskOptions, nonce: Uint8Array | undefined): Promise<QuoteReport> {
  if (booted.requote === undefined) {
    throw new AgentError("TPM_NONE", "this node could not measure itself, so there is nothing to quote", {
      fix: "`caye doctor` says why.",
    });
  }
  const outcome = await booted.requote(nonce ?? random.bytes(NONCE_BYTES));
  if (outcome.kind === "quoted") return outcome.report;
  throw new AgentError("TPM_GONE", outcome.detail, { fix: outcome.fix });
}

async function allowUpdate(options: TrustDeskOptions, update: PlannedUpdate): Promise<AllowReport> {
  const { booted, pcr, codeAt, configAt } = options;
  if (booted.kind !== "open") throw new AgentError("QUARANTINE", booted.reason, { fix: booted.fix });
  const value = await booted.keychain.allowNext({
    ...(update.wayBack === undefined ? {} : { wayBack: update.wayBack }),
    ...(update.code === undefined ? {} : await codeAt(update.code)),
    ...(update.config === undefined ? {} : { configBytes: await configAt(update.config) }),
  });
  return { allowed: true, pcr, value: toHex(value) };
}
