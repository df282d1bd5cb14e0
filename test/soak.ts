/**
 * Thousands of small villages with troubles by chance, each from its seed, on all cores: `npm run soak`.
 *
 * `--runs N` (10,000) and `--first SEED` (1) say which; a run that was broken off goes on where it stopped, `--fresh` begins
 * anew. Every seed that fails is printed with the command that plays it again. Exit code 1 when one did.
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { describeError } from "../src/kernel/errors.ts";
import { runScenario } from "../src/sim/scenario.ts";

interface Played {
  readonly seed: number;
  /** Undefined when all is well. */
  readonly fault: string | undefined;
  readonly virtualMs: number;
  readonly packets: number;
}

interface Progress {
  readonly first: number;
  readonly runs: number;
  /** Every seed below has been played. */
  done: number;
  virtualMs: number;
  packets: number;
  failed: { seed: number; fault: string }[];
}

/** A run that takes longer hangs: the slowest takes a few seconds. */
const HANG_MS = 180_000;
const STATE = join(import.meta.dirname, "../node_modules/.cache/caye/soak.json");
const SAVE_EVERY = 50;
const USAGE = `npm run soak -- [--runs N] [--first SEED] [--fresh]

  --runs N      how many random stories, one a seed; else 10000
  --first SEED  the first seed; else 1
  --fresh       begin anew, where else the last soak that was broken off goes on

Exit codes: 0 all is well, 1 a seed failed, 2 typed wrongly.`;

if (isMainThread) await main();
else parentPort?.on("message", (seed: number) => void answer(seed));

/** What was typed; wrong words end the process here. */
function typed() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: "string" },
        first: { type: "string" },
        fresh: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { values, wanted: { runs: whole(values.runs, 10_000), first: whole(values.first, 1) } };
  } catch (error) {
    console.error(`${describeError(error)}\n\n${USAGE}`);
    return process.exit(2);
  }
}

async function answer(seed: number): Promise<void> {
  const played = await play(seed);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
  parentPort?.postMessage(played);
}

async function play(seed: number): Promise<Played> {
  try {
    const { invariants, complete, virtualMs, packets } = await runScenario({ scenario: "random", seed });
    const broken = invariants.find(({ held }) => !held);
    const fault = broken === undefined ? undefined : `${broken.name}: ${broken.detail}`;
    return { seed, fault: fault ?? (complete ? undefined : "not complete"), virtualMs, packets };
  } catch (error) {
    return { seed, fault: `threw: ${describeError(error)}`, virtualMs: 0, packets: 0 };
  }
}

async function main(): Promise<void> {
  const { values, wanted } = typed();
  if (values.help === true) return console.log(USAGE);
  const progress = (values.fresh === true ? undefined : resumed(wanted)) ?? begun(wanted);
  if (progress.done > progress.first) console.error(`goes on at seed ${progress.done}; --fresh begins anew`);
  const startedMs = performance.now();
  const before = progress.done;
  const waiting = new Set<number>();
  let next = progress.done;
  const end = progress.first + progress.runs;
  const note = (played: Played): void => {
    waiting.delete(played.seed);
    progress.done = Math.min(next, ...waiting);
    progress.virtualMs += played.virtualMs;
    progress.packets += played.packets;
    if (played.fault !== undefined) {
      progress.failed.push({ seed: played.seed, fault: played.fault });
      console.log(`seed ${played.seed}: ${played.fault}\n  npx caye sim --scenario random --seed ${played.seed}`);
    }
    if (played.seed % SAVE_EVERY === 0) save(progress);
    if (played.seed % 500 === 0) say(progress, before, startedMs);
  };
  const lane = async (): Promise<void> => {
    let worker: Worker | undefined;
    while (next < end) {
      const seed = next++;
      waiting.add(seed);
      worker ??= new Worker(import.meta.filename);
      const played = await within(worker, seed);
      if (played === undefined) {
        await worker.terminate();
        worker = undefined;
      }
      note(played ?? { seed, fault: `hangs for ${HANG_MS / 1000} s`, virtualMs: 0, packets: 0 });
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  save(progress);
  say(progress, before, startedMs);
  console.log(
    JSON.stringify({
      runs: progress.runs,
      firstSeed: progress.first,
      failed: progress.failed,
      virtualHours: Math.round(progress.virtualMs / 3_600_000),
      packets: progress.packets,
    }),
  );
  if (progress.failed.length > 0) process.exitCode = 1;
}

/** Undefined when it hangs, or its thread falls. */
function within(worker: Worker, seed: number): Promise<Played | undefined> {
  return new Promise((resolve) => {
    const finish = (played: Played | undefined): void => {
      clearTimeout(timer);
      worker.off("message", finish).off("error", fall);
      resolve(played);
    };
    const fall = (error: unknown): void =>
      finish({ seed, fault: `threw: ${describeError(error)}`, virtualMs: 0, packets: 0 });
    const timer = setTimeout(() => finish(undefined), HANG_MS);
    worker.on("message", finish).on("error", fall);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
    worker.postMessage(seed);
  });
}

function say(progress: Progress, before: number, startedMs: number): void {
  const { done, first, runs, failed } = progress;
  const seconds = (performance.now() - startedMs) / 1000;
  const left = ((first + runs - done) * seconds) / Math.max(done - before, 1);
  console.error(`${done - first} of ${runs} runs, ${failed.length} failed, about ${Math.round(left / 60)} min left`);
}

function begun({ first, runs }: { first: number; runs: number }): Progress {
  return { first, runs, done: first, virtualMs: 0, packets: 0, failed: [] };
}

/** What an earlier call has left behind, when it was asked for the same and has not finished. */
function resumed({ first, runs }: { first: number; runs: number }): Progress | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(STATE, "utf8"));
    if (!isProgress(kept) || kept.first !== first || kept.runs !== runs) return undefined;
    return kept.done < first + runs ? kept : undefined;
  } catch {
    // There is none, or it was cut: then all is played again.
    return undefined;
  }
}

function isProgress(value: unknown): value is Progress {
  return typeof value === "object" && value !== null && "first" in value && "done" in value && "failed" in value;
}

function save(progress: Progress): void {
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(`${STATE}.tmp`, JSON.stringify(progress));
  renameSync(`${STATE}.tmp`, STATE);
}

function whole(text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`--runs and --first take whole numbers, not ${text}`);
}
