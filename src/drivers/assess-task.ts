/** What is asked of whoever makes the estimates beside the agent, what comes back, and the work itself. @module */
import { assess } from "../entropy/assess.ts";
import type { EntropyAssessment, EntropyStep } from "../kernel/entropy.ts";
import { describeError, isAgentError } from "../kernel/errors.ts";

export interface AssessTask {
  readonly samples: Uint8Array;
  readonly bits: number;
}

export type AssessAnswer =
  | { readonly kind: "step"; readonly step: EntropyStep }
  | { readonly kind: "done"; readonly assessment: EntropyAssessment }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly fix: string | undefined }
  | { readonly kind: "broken"; readonly message: string };

/** Never throws: what nobody foresaw is an answer, too. */
export function answerTask({ samples, bits }: AssessTask, tell: (answer: AssessAnswer) => void): void {
  try {
    tell({ kind: "done", assessment: assess(samples, bits, (step) => tell({ kind: "step", step })) });
  } catch (error) {
    if (!isAgentError(error)) return tell({ kind: "broken", message: describeError(error) });
    const { code, message, fix } = error;
    tell({ kind: "refused", code, message, fix });
  }
}
