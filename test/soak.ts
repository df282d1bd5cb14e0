/**
 * Thousands of small villages with troubles by chance, each from its seed, on all cores: `npm run soak`.
 *
 * A soak that was broken off goes on where it stopped. Every seed that fails is printed with the command that plays it
 * again; every five seconds one line tells how far it has come.
 * @module
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { describeError } from "../src/kernel/errors.ts";
import { runScenario } from "../src/sim/scenario.ts";
import { SoakBook, replay, type Played } from "./soak-book.ts";

/** A run that takes longer hangs: the slowest takes a few seconds. */
const HANG_MS = 180_000;
const STATE = join(import.meta.dirname, "../node_modules/.cache/caye/soak.json");
const TELL_MS = 5_000;
const USAGE = `npm run soak -- [--runs N] [--first SEED] [--jobs N] [--out DIR] [--fresh]

  --runs N      how many random stories, one a seed; else 10000
  --first SEED  the first seed; else 1
  --jobs N      at the same time; else as many as there are cores
  --out DIR     writes DIR/soak.json and DIR/soak.md at the end
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
        jobs: { type: "string" },
        out: { type: "string" },
        fresh: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    const wanted = { runs: whole(values.runs, 10_000), first: whole(values.first, 1) };
    return { values, wanted, jobs: Math.max(1, whole(values.jobs, availableParallelism())) };
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
    const { invariants, complete, virtualMs, packets, befallen } = await runScenario({ scenario: "random", seed });
    const broken = invariants.find(({ held }) => !held);
    const fault = broken === undefined ? undefined : `${broken.name}: ${broken.detail}`;
    return { seed, fault: fault ?? (complete ? undefined : "not complete"), virtualMs, packets, befallen };
  } catch (error) {
    return failed(seed, `threw: ${describeError(error)}`);
  }
}

function failed(seed: number, fault: string): Played {
  return { seed, fault, virtualMs: 0, packets: 0, befallen: {} };
}

async function main(): Promise<void> {
  const { values, wanted, jobs } = typed();
  if (values.help === true) return console.log(USAGE);
  const book = new SoakBook(STATE, wanted, values.fresh === true);
  const begins = `seeds ${wanted.first} to ${book.end - 1}, ${jobs} at a time`;
  console.error(book.next > wanted.first ? `${begins}; goes on at ${book.next}, --fresh begins anew` : begins);
  const teller = setInterval(() => {
    tell(book.line());
    book.save();
  }, TELL_MS);
  await playAll(book, jobs);
  clearInterval(teller);
  book.save();
  tell(`${book.line()}\n`);
  console.log(`\n${book.tables()}\n${JSON.stringify(book.result())}`);
  if (values.out !== undefined) book.write(values.out);
  if (book.failed > 0) process.exitCode = 1;
}

async function playAll(book: SoakBook, jobs: number): Promise<void> {
  let next = book.next;
  const lane = async (): Promise<void> => {
    let worker: Worker | undefined;
    while (next < book.end) {
      const seed = next++;
      worker ??= new Worker(import.meta.filename);
      const startedMs = performance.now();
      const played = await within(worker, seed);
      if (played === undefined) {
        await worker.terminate();
        worker = undefined;
      }
      const { fault, ...all } = played ?? failed(seed, `hangs for ${HANG_MS / 1000} s`);
      book.note({ fault, ...all }, (performance.now() - startedMs) / 1000);
      if (fault !== undefined) tell(`seed ${seed}: ${fault}\n  ${replay(seed)}\n`);
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: jobs }, lane));
}

/** Undefined when it hangs. */
function within(worker: Worker, seed: number): Promise<Played | undefined> {
  return new Promise((resolve) => {
    const finish = (played: Played | undefined): void => {
      clearTimeout(timer);
      worker.off("message", finish).off("error", fall);
      resolve(played);
    };
    const fall = (error: unknown): void => finish(failed(seed, `threw: ${describeError(error)}`));
    const timer = setTimeout(() => finish(undefined), HANG_MS);
    worker.on("message", finish).on("error", fall);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window: it has no origin
    worker.postMessage(seed);
  });
}

/** On a terminal a line without an end is written over by the next one. */
function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
  else process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
}

function whole(text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`--runs, --first and --jobs take whole numbers, not ${text}`);
}
