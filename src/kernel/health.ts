/**
 * Whether a node does its work, told from its own status: for updates, which are taken back when it does not, and for
 * whoever rolls changes out over many nodes.
 * @module
 */
import type { StatusReport } from "./reports.ts";

/** How `caye health` answers. */
export interface HealthReport {
  readonly healthy: boolean;
  /** Why it is not, a sentence each; empty when it is. */
  readonly reasons: readonly string[];
  readonly state: StatusReport["state"] | "no-answer";
  /** Of the agent that answered; empty when none did. */
  readonly version: string;
  /** 0 when none answered. */
  readonly pid: number;
  readonly uptime_s: number;
  /** The radio's link: `ready`, `down`, …; empty when none answered. */
  readonly radio: string;
  /** As the agent names its TPM; a software TPM begins with `swtpm:`. */
  readonly tpm: string;
  readonly mode: StatusReport["trust"]["mode"] | "";
}

export interface HealthDemands {
  /** The radio must be ready: because it was, before a change. */
  readonly radio: boolean;
}

/** The boot's last word on the data: without it nothing is kept or served. */
const STORE_STEP = "store";

export function healthOf(status: StatusReport, { radio }: HealthDemands): HealthReport {
  const { state, version, pid, uptime_s, trust } = status;
  const store = trust.steps.findLast(({ step }) => step === STORE_STEP);
  const link = status.radio.link;
  const reasons = [
    ...(state === "quarantine" ? [`the node is in quarantine: ${status.radio.detail}`] : []),
    ...(store?.ok === false ? [`the store is not well: ${store.detail}`] : []),
    ...(radio && link !== "ready" ? [`the radio's link is ${link}, not ready`] : []),
  ];
  return {
    healthy: reasons.length === 0,
    reasons,
    state,
    version,
    pid,
    uptime_s,
    radio: link,
    tpm: trust.tpm,
    mode: trust.mode,
  };
}

/** When nobody answers. */
export function noHealth(reason: string): HealthReport {
  const none = { version: "", pid: 0, uptime_s: 0, radio: "", tpm: "", mode: "" } as const;
  return { healthy: false, reasons: [reason], state: "no-answer", ...none };
}
