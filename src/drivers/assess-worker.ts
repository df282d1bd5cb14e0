/**
 * The estimators beside the agent, whose event loop goes on meanwhile: few samples in a thread, which starts at once; many
 * in a process of its own. A thread shares the agent's memory map, and the hundreds of megabytes that a million samples
 * take and give back stop all threads of a process for up to a tenth of a second.
 * @module
 */
import { fork } from "node:child_process";
import { once, type EventEmitter } from "node:events";
import { Worker } from "node:worker_threads";
import type { EntropyAssessment, EntropyStep } from "../kernel/entropy.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { EntropyAssessor } from "../ports/entropy.ts";
import type { AssessAnswer, AssessTask } from "./assess-task.ts";

const THREAD = new URL("./assess-worker-thread.ts", import.meta.url);
const PROCESS = new URL("./assess-worker-process.ts", import.meta.url);
/** The boot waits for fewer. */
const MOST_IN_THREAD = 50_000;

type OnStep = (step: EntropyStep) => void;

/** One thread or process for each assessment; it has ended when the promise settles. */
export const workerAssessor: EntropyAssessor = {
  assess: async (samples, bits, signal, onStep = () => undefined) => {
    signal.throwIfAborted();
    const task: AssessTask = { samples, bits };
    return samples.length > MOST_IN_THREAD ? inProcess(task, signal, onStep) : inThread(task, signal, onStep);
  },
};

async function inThread(task: AssessTask, signal: AbortSignal, onStep: OnStep): Promise<EntropyAssessment> {
  // Flags of the main thread (of the test runner's, say) are none of its business.
  const worker = new Worker(THREAD, { workerData: task, execArgv: [], name: "entropy" });
  try {
    return await answerOf(worker, signal, onStep);
  } finally {
    await worker.terminate();
  }
}

async function inProcess(task: AssessTask, signal: AbortSignal, onStep: OnStep): Promise<EntropyAssessment> {
  const child = fork(PROCESS, {
    serialization: "advanced",
    execArgv: [],
    env: {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const ended = once(child, "exit").catch(() => undefined);
  try {
    const answer = answerOf(child, signal, onStep);
    child.send(task, (error) => {
      if (error !== null) child.emit("error", error);
    });
    return await answer;
  } finally {
    child.kill("SIGKILL");
    // Without a number it never started, and there is no end to wait for.
    if (child.pid !== undefined) await ended;
  }
}

function answerOf(worker: EventEmitter, signal: AbortSignal, onStep: OnStep): Promise<EntropyAssessment> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    const settle = (settled: () => void): void => {
      signal.removeEventListener("abort", stop);
      settled();
    };
    signal.addEventListener("abort", stop, { once: true });
    worker.on("message", (answer: AssessAnswer) => {
      if (answer.kind === "step") onStep(answer.step);
      else if (answer.kind === "done") settle(() => resolve(answer.assessment));
      else settle(() => reject(answer.kind === "refused" ? refusal(answer) : broken(new Error(answer.message))));
    });
    worker.on("error", (cause) => settle(() => reject(broken(cause))));
    worker.once("exit", () => settle(() => reject(broken(new Error("it ended without an answer")))));
  });
}

function refusal({ code, message, fix }: AssessAnswer & { readonly kind: "refused" }): AgentError {
  return new AgentError(code, message, fix === undefined ? {} : { fix });
}

function broken(cause: unknown): AgentError {
  return new AgentError("ASSESSOR", `samples could not be judged: ${describeError(cause)}`, {
    cause,
    fix: "A million samples take 350 MB of memory: see that so much is free.",
  });
}
