/**
 * Resets of the TPM beside starts of the machine. Who resets the chip while the machine runs can give its registers any
 * value again; only the chip's counters tell.
 * @module
 */
import { startsBetween } from "../attest/counters.ts";
import { decodeAttest, type Attest, type QuoteClaim } from "../attest/quote.ts";
import type { Measured } from "./measure.ts";
import { failure, type Failure } from "./outcome.ts";
import { resetStep, type Reference } from "./reference.ts";

/** A reset without a start of the machine; a TPM in software starts with each agent. */
export function resetWhileRunning(
  { tpm, bootId }: Measured,
  reference: Reference | undefined,
  counts: Attest,
): Failure<"reset-replayed"> | undefined {
  if (tpm.software || reference === undefined) return undefined;
  const step = resetStep(reference.boots, bootId, counts);
  if (step.kind !== "same-boot" || step.resets <= 0) return undefined;
  const detail = `the TPM was reset ${times(step.resets)} while the machine ran: whoever did that may have given its registers any value`;
  const fix =
    "somebody reset the TPM while the machine ran, as a fault in the wiring may, too: look at the board, then restart the machine";
  return failure("reset-replayed", detail, fix);
}

/** For people: resets that no start of the machine explains; empty when all is as usual. */
export function unseenResets({ tpm, bootId }: Measured, reference: Reference | undefined, counts: Attest): string {
  if (tpm.software || reference === undefined) return "";
  const step = resetStep(reference.boots, bootId, counts);
  if (step.kind !== "later-boot" || step.resets === 1) return "";
  if (step.resets === 0) return "the machine was restarted, its TPM was not";
  return `the TPM was reset ${times(step.resets)} since the agent last saw the machine start`;
}

/** What a new quote shows; empty when the TPM goes on as it did at the boot. */
export function resetsSince({ counts }: Measured, { quote }: QuoteClaim): readonly string[] {
  const statement = decodeAttest(quote.attest);
  const moved = statement.ok && startsBetween(counts, statement.value) !== 0;
  return moved ? ["the TPM was reset since the boot"] : [];
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
