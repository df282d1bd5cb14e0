/**
 * What an operator is woken for. `write.ts` renders Prometheus' rules and their unit tests from these tables; what to do about
 * each stands in `docs/runbook-alarms.md` under its name.
 * @module
 */
import { NODE } from "./alerts-node.ts";
import { RADIO } from "./alerts-radio.ts";
import { TRUST } from "./alerts-trust.ts";
import type { Alert } from "./drill.ts";

/** By group, as Prometheus evaluates them. */
export const ALERT_GROUPS: Readonly<Record<string, readonly Alert[]>> = {
  "caye-node": NODE,
  "caye-trust": TRUST,
  "caye-radio": RADIO,
};

export const ALERTS: readonly Alert[] = Object.values(ALERT_GROUPS).flat();
