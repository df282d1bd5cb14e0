/** The estimators in a thread of their own: the agent's event loop goes on meanwhile. @module */
import { Worker } from "node:worker_threads";
import type { EntropyAssessment, EntropyStep } from "../kernel/entropy.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { EntropyAssessor } from "../ports/entropy.ts";

export interface AssessTask {
  readonly samples: Uint8Array;
  readonly bits: number;
}

export type AssessAnswer =
  | { readonly kind: "step"; readonly step: EntropyStep }
  | { readonly kind: "done"; readonly assessment: EntropyAssessment }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly fix: string | undefined };

const SCRIPT = new URL("./assess-worker-thread.ts", import.meta.url);

/** One thread for each assessment; it has ended when the promise settles. */
export const workerAssessor: EntropyAssessor = {
  assess: async (samples, bits, signal, onStep) => {
    signal.throwIfAborted();
    const task: AssessTask = { samples, bits };
    // Flags of the main thread (of the test runner's, say) are none of its business.
    const worker = new Worker(SCRIPT, { workerData: task, execArgv: [], name: "entropy" });
    try {
      return await answerOf(worker, signal, onStep);
    } finally {
      await worker.terminate();
    }
  },
};

function answerOf(
  worker: Worker,
  signal: AbortSignal,
  onStep: ((step: EntropyStep) => void) | undefined,
): Promise<EntropyAssessment> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    const settle = (settled: () => void): void => {
      signal.removeEventListener("abort", stop);
      settled();
    };
    signal.addEventListener("abort", stop, { once: true });
    worker.on("message", (answer: AssessAnswer) => {
      if (answer.kind === "step") onStep?.(answer.step);
      else if (answer.kind === "done") settle(() => resolve(answer.assessment));
      else settle(() => reject(refusal(answer)));
    });
    worker.once("error", (cause) => settle(() => reject(broken(cause))));
    worker.once("exit", () => settle(() => reject(broken(new Error("it ended without an answer")))));
  });
}

function refusal({ code, message, fix }: AssessAnswer & { readonly kind: "refused" }): AgentError {
  return new AgentError(code, message, fix === undefined ? {} : { fix });
}

function broken(cause: unknown): AgentError {
  return new AgentError("ASSESSOR", `the thread that judges samples failed: ${describeError(cause)}`, {
    cause,
    fix: "A million samples take 350 MB of memory: see that so much is free.",
  });
}
