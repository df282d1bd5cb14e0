/** The thread behind `assess-worker.ts`: is given samples as it starts. @module */
import { parentPort, workerData } from "node:worker_threads";
import { answerTask, type AssessTask } from "./assess-task.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only assess-worker.ts starts this thread
answerTask(workerData as AssessTask, (answer) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(answer);
});
