/** The thread behind `assess-worker.ts`: is given samples, tells each step, and at last the assessment. @module */
import { parentPort, workerData } from "node:worker_threads";
import { assess } from "../entropy/assess.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { AssessAnswer, AssessTask } from "./assess-worker.ts";

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
const tell = (answer: AssessAnswer): void => parentPort?.postMessage(answer);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only assess-worker.ts starts this thread
const { samples, bits } = workerData as AssessTask;
try {
  tell({ kind: "done", assessment: assess(samples, bits, (step) => tell({ kind: "step", step })) });
} catch (error) {
  if (!isAgentError(error)) throw error;
  const { code, message, fix } = error;
  tell({ kind: "refused", code, message, fix });
}
