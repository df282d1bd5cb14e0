/** The process behind `assess-worker.ts`: waits for samples, answers, and ends; it also ends when the agent is gone. @module */
import { writeFileSync } from "node:fs";
import { answerTask, type AssessTask } from "./assess-task.ts";

try {
  // Where memory runs out, this goes and the agent stays.
  writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
  // No Linux, or not allowed: then the system decides.
}

process.once("message", (task) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only assess-worker.ts starts this process
  answerTask(task as AssessTask, (answer) => process.send?.(answer));
  process.disconnect();
});
