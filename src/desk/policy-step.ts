/** Whether the village's policy is in force, as a step of its own beside those of the boot: a date passes while nobody looks. @module */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { BootStep } from "../kernel/reports.ts";
import type { Clock } from "../ports/clock.ts";
import { policyLapse, type Policy } from "../attest/policy.ts";
import { FIXES } from "../attest/verdict-words.ts";
import type { PolicyFault } from "../attest/verify.ts";

const REST: Readonly<Record<Policy["unattested"], string>> = {
  serve: "; it is served all the same",
  limit: "; it is served as a guest",
  refuse: '; it gets nothing but alerts, as the policy says "refuse"',
};

/** @param policy undefined where the configuration names none: there is no such step then */
export function policyStep(
  policy: Policy | PolicyFault | undefined,
  clock: Pick<Clock, "nowMs">,
): { step(): BootStep | undefined } {
  return {
    step: () => policy && { step: "policy", ms: 0, ...verdictOf(policy, Math.floor(clock.nowMs() / 1000)) },
  };
}

type Verdict = Pick<BootStep, "state" | "ok" | "detail" | "fix">;

function verdictOf(policy: Policy | PolicyFault, nowS: number): Verdict {
  if ("fault" in policy) {
    const detail = `${policy.detail}; neighbours fail by it, and what it says of those that show no right state does not count`;
    const fix = `${FIXES[policy.fault]}; after a change of the authority let the new one sign it: caye attest policy sign`;
    return { state: policy.fault, ok: false, detail, fix };
  }
  const { version, fromS, untilS, unattested } = policy;
  const name = `policy ${version}`;
  if (nowS < CLOCK_SET_S) {
    const detail = `the clock was never set: whether ${name} is in force is not judged`;
    return {
      state: "clock-unset",
      ok: false,
      detail,
      fix: "Set the machine's clock (date -s), or let a GPS or an RTC set it.",
    };
  }
  const lapse = policyLapse(policy, nowS);
  if (lapse === undefined) {
    return { state: "in-force", ok: true, detail: `${name} is in force until ${dateText(untilS)}`, fix: "" };
  }
  const when = lapse === "policy-expired" ? `ended ${dateText(untilS)}` : `begins ${dateText(fromS)}`;
  const detail = `${name} ${when}; it is ${dateText(nowS)} here, so no neighbour is found in a right state${REST[unattested]}`;
  return { state: lapse, ok: false, detail, fix: FIXES[lapse] };
}

function dateText(unixS: number): string {
  return new Date(unixS * 1000).toISOString().slice(0, 10);
}
