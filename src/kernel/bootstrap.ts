/** What bringing a node to life takes and tells, and a radio's settings: for the command line. @module */
import type { AttestRequestReport } from "./attest-reports.ts";
import type { StatusReport } from "./reports.ts";
import type { RequestReport, StatementReport } from "./village.ts";

export interface RadioChannelReport {
  readonly index: number;
  readonly name: string;
  /** `none`: not encrypted; `public`: a key that everybody has. */
  readonly key: "none" | "public" | "secret";
  /** The first 4 bytes of the key's SHA-256, in hex: tells keys apart, and tells nothing of them. */
  readonly fingerprint: string;
}

export interface RadioReport {
  readonly modem: string;
  /** As Meshtastic writes it: `!0ca7e001`. */
  readonly node: string;
  readonly firmware: string;
  readonly name: string;
  readonly role: string;
  readonly region: string;
  /** Empty when the modem is set by hand. */
  readonly preset: string;
  readonly hop_limit: number;
  readonly tx_enabled: boolean;
  /** Counted from 1; 0: the frequency follows from the first channel's name. */
  readonly slot: number;
  readonly channels: readonly RadioChannelReport[];
  readonly warnings: readonly string[];
}

export interface RadioSetReport extends RadioReport {
  /** Empty when the radio was as ordered; then nothing was written. */
  readonly changed: readonly { readonly setting: string; readonly from: string; readonly to: string }[];
}

/** What a radio is to have; what is left out stays. */
export interface RadioWish {
  readonly region: string | undefined;
  readonly preset: string | undefined;
  readonly name: string | undefined;
  readonly channelUrl: string | undefined;
}

export const BOOTSTRAP_STEPS = [
  "clock",
  "config",
  "tpm",
  "entropy",
  "radio",
  "agent",
  "enrol",
  "join",
  "card",
] as const;

export type BootstrapStepName = (typeof BOOTSTRAP_STEPS)[number];

/**
 * `waiting`: the node is sound and something outside is missing (a radio that is not plugged in): the next run goes on.
 * `failed`: somebody must put it right. `skipped`: not tried, because an earlier step failed.
 */
export interface BootstrapStep {
  readonly step: BootstrapStepName;
  readonly state: "done" | "unchanged" | "waiting" | "failed" | "skipped";
  readonly detail: string;
  /** UPPER_SNAKE_CASE; empty unless it waits or failed. */
  readonly code: string;
  readonly fix: string;
}

export interface BootstrapReport {
  readonly result: "done" | "waiting" | "failed";
  readonly node: string;
  readonly steps: readonly BootstrapStep[];
}

export interface BootstrapRequest {
  /** The card's boot partition; undefined: files go to and come from the state directory of provisioning. */
  readonly card: string | undefined;
  /** The file with the order; undefined: the card's. */
  readonly order: string | undefined;
  /** Besides the node card a sheet with the channels' address and its keys, to be printed and kept like a key. */
  readonly withChannel: boolean;
}

/** The agent that runs on this node, by its API. Each throws AgentError "NO_AGENT" when none answers. */
export interface AgentDoor {
  status(): Promise<StatusReport>;
  villageRequest(): Promise<RequestReport>;
  attestRequest(): Promise<AttestRequestReport>;
  join(file: Uint8Array): Promise<StatementReport>;
}

export interface BootstrapTools {
  /** The `serial:` addresses of what may be radios. */
  findRadios(): Promise<readonly string[]>;
  /** @throws AgentError "RADIO_…" */
  showRadio(uri: string, signal: AbortSignal): Promise<RadioReport>;
  /** @throws AgentError "RADIO_…", "CHANNEL_URL", "CHANNEL_CONFLICT", "CHANNELS_FULL", "USAGE" */
  setRadio(uri: string, wish: RadioWish, onStep: (what: string) => void, signal: AbortSignal): Promise<RadioSetReport>;
  /** @throws AgentError "NOT_ROOT", "ORDER_MISSING", "ORDER_INVALID" */
  bootstrap(
    request: BootstrapRequest,
    agent: AgentDoor,
    onStep: (step: BootstrapStep) => void,
    signal: AbortSignal,
  ): Promise<BootstrapReport>;
}
