/**
 * What a TPM's counters say of what happened since they were last seen. A sealed key and a quote can't tell a machine that
 * started well from one whose TPM was reset and fed the right measurements by hand; only that the TPM counts its resets
 * gives that away. So each step of the count must be a restart that somebody knows of.
 *
 * There are two counts: a TPM that was told to stop with its state kept (TPM2_Shutdown(STATE), which any program may send)
 * loses its registers at the next start as at any reset, but counts a restart instead. TCG TPM 2.0 Library, part 1,
 * "TPM Restart".
 * @module
 */
import type { AttestReason, Counters } from "../kernel/attest.ts";

/** How often the TPM started, in two numbers. */
export type StartCounts = Pick<Counters, "resetCount" | "restartCount">;

export interface CounterCase {
  readonly remembered: Counters;
  readonly now: Counters & { readonly safe: boolean };
  /** How often the machine is known to have restarted in between. */
  readonly reboots: number;
}

export interface CounterFinding {
  readonly reason: Extract<AttestReason, "counters-backward" | "unknown-reset" | "reset-missing">;
  readonly detail: string;
}

/** Undefined when the counters went on as they should. */
export function counterFinding({ remembered, now, reboots }: CounterCase): CounterFinding | undefined {
  const backward = backwardCounter(remembered, now);
  if (backward !== undefined) {
    return { reason: "counters-backward", detail: `the TPM's ${backward} went back since it was last seen` };
  }
  const steps = startsBetween(remembered, now);
  if (steps === reboots) return undefined;
  const counted = `the TPM was reset ${times(steps)} since it was last seen, and ${times(reboots)} is known of`;
  return { reason: steps > reboots ? "unknown-reset" : "reset-missing", detail: counted };
}

/**
 * How often the TPM may have lost its registers. A machine that slept looks the same, though its TPM kept them. Below
 * zero when the counts went back.
 */
export function startsBetween(before: StartCounts, now: StartCounts): number {
  const resets = now.resetCount - before.resetCount;
  // With each reset the other count begins anew.
  return resets + now.restartCount - (resets === 0 ? before.restartCount : 0);
}

function backwardCounter(before: Counters, now: CounterCase["now"]): string | undefined {
  if (now.resetCount < before.resetCount) return "reset counter";
  const sameStart = now.resetCount === before.resetCount;
  if (sameStart && now.restartCount < before.restartCount) return "restart counter";
  // After a stop without warning the clock may repeat what it said before, and `safe` is false until it is past that.
  const mayRepeat = !sameStart && !now.safe;
  return now.clock < before.clock && !mayRepeat ? "clock" : undefined;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
