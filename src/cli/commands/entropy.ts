/** `caye entropy assess`: what a file of samples says of the source that they come from. @module */
import {
  ESTIMATORS,
  type EntropyAssessment,
  type EntropyStep,
  type EntropyTools,
  type Estimator,
  MOST_SAMPLE_BITS,
} from "../../kernel/entropy.ts";
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { CliIo } from "../io.ts";
import { readLocal } from "../local-files.ts";
import { CLEAR_LINE } from "../progress.ts";
import { clip, formatMs, quoted, table } from "../text.ts";

export interface AssessOptions {
  readonly bits: number;
  readonly json?: boolean;
}

/** What SP 800-90B asks for, in a row. */
const ENOUGH_SAMPLES = 1_000_000;

const NAMES: Readonly<Record<Estimator, string>> = {
  mcv: "most common value",
  collision: "collision",
  markov: "Markov",
  compression: "compression",
  tTuple: "t-tuple",
  lrs: "longest repeated substring",
  multiMcw: "multi most common in window",
  lag: "lag",
  multiMmc: "multi Markov model",
  lz78y: "LZ78Y",
};

export async function assessFile(io: CliIo, file: string, { bits, json }: AssessOptions): Promise<void> {
  const samples = await samplesOf(io, file, bits);
  const tools = await io.entropyTools();
  const progress = new Progress(io);
  const assessment = assessed(tools, file, samples, bits, (step) => progress.show(step));
  progress.end();
  if (samples.length < ENOUGH_SAMPLES) {
    io.stderr(
      `caye: ${samples.length} samples are fewer than the ${ENOUGH_SAMPLES} of SP 800-90B: even a perfect source is then judged too low\n`,
    );
  }
  io.stdout(json === true ? `${JSON.stringify({ file, ...assessment }, null, 2)}\n` : textOf(assessment));
}

async function samplesOf(io: CliIo, file: string, bits: number): Promise<Uint8Array> {
  const most = Math.floor(MOST_SAMPLE_BITS / bits);
  const facts = await io.facts(file);
  if (facts?.bytes !== undefined && facts.bytes > most) throw tooMany(file, `${facts.bytes} samples`, bits, most);
  if (facts?.kind === "device") {
    throw new AgentError("FILE_UNREADABLE", `${file}: it is a device, which has no end`, {
      fix: `head -c ${ENOUGH_SAMPLES} ${quoted(file)} > samples.bin`,
    });
  }
  // One more, to see that there are more: a pipe may have no end.
  const samples = await readLocal(io, file, most + 1);
  if (samples.length > most) throw tooMany(file, `more than ${most} samples`, bits, most);
  if (samples.length > 0) return samples;
  throw new AgentError("SAMPLES_TOO_FEW", `${file}: it is empty`, {
    fix: `Take ${ENOUGH_SAMPLES} raw samples in a row, as SP 800-90B asks.`,
  });
}

function tooMany(file: string, what: string, bits: number, most: number): AgentError {
  return new AgentError("SAMPLES_TOO_MANY", `${file}: ${what} of ${bits} bits are too many: at most ${most}`, {
    fix: `head -c ${ENOUGH_SAMPLES} ${quoted(file)} > samples.bin: SP 800-90B asks for so many in a row`,
  });
}

function assessed(
  tools: EntropyTools,
  file: string,
  samples: Uint8Array,
  bits: number,
  onStep: (step: EntropyStep) => void,
): EntropyAssessment {
  try {
    return tools.assess(samples, bits, onStep);
  } catch (cause) {
    if (!isAgentError(cause)) throw cause;
    const { code, message, fix } = cause;
    throw new AgentError(code, `${file}: ${message}`, { cause, ...(fix === undefined ? {} : { fix }) });
  }
}

function textOf(assessment: EntropyAssessment): string {
  const { bits, samples, symbols, literal, bitstring, hOriginal, hBitstring } = assessment;
  const cells = (name: string, ...figures: readonly (number | null | undefined)[]): string[] =>
    bitstring === null ? [name, shown(figures[0])] : [name, ...figures.map(shown)];
  const rows = [
    bitstring === null ? ["estimator", "bits a sample"] : ["estimator", "bits a sample", "bits a bit"],
    ...ESTIMATORS.map((estimator) => cells(NAMES[estimator], literal[estimator], bitstring?.[estimator])),
    cells("the least", hOriginal, hBitstring),
  ];
  return [
    `${samples} samples of ${bits === 1 ? "1 bit" : `${bits} bits`}, ${symbols} different\n\n`,
    table(rows, [1, 2]),
    `\nAssessed: ${shown(assessment.assessed)} bits of min-entropy a sample, of ${bits}\n`,
    ...(symbols === 1 ? ["There is one symbol only: no entropy at all.\n"] : []),
    "These tests see a broken source. A dishonest one, or whitened output, they don't see.\n",
  ].join("");
}

function shown(figure: number | null | undefined): string {
  return figure === null || figure === undefined ? "–" : figure.toFixed(6);
}

const FIRST_AFTER_MS = 1_000;
const NEXT_AFTER_MS = 5_000;
/** So many symbols take more than a second. */
const LONG = 1_000_000;

/** Which estimate is being made: on a terminal one line that overwrites itself, elsewhere a line now and then. */
class Progress {
  readonly #io: CliIo;
  readonly #startedMs: number;
  #shownMs: number | undefined;

  constructor(io: CliIo) {
    this.#io = io;
    this.#startedMs = io.monotonicMs();
  }

  show({ view, estimator, symbols, done, total }: EntropyStep): void {
    const nowMs = this.#io.monotonicMs();
    if (!this.#due(nowMs, symbols)) return;
    this.#shownMs = nowMs;
    const what = `${NAMES[estimator]} of ${symbols} ${view === "literal" ? "samples" : "bits"}`;
    const line = `caye: estimate ${done + 1} of ${total}: ${what} (${formatMs(nowMs - this.#startedMs)})`;
    this.#io.stderr(this.#io.isTty ? CLEAR_LINE + clip(line, this.#io.columns() - 1) : `${line}\n`);
  }

  /** Leaves no line behind on a terminal. */
  end(): void {
    if (this.#io.isTty && this.#shownMs !== undefined) this.#io.stderr(CLEAR_LINE);
  }

  #due(nowMs: number, symbols: number): boolean {
    if (this.#shownMs === undefined) return symbols >= LONG || nowMs - this.#startedMs >= FIRST_AFTER_MS;
    return this.#io.isTty || nowMs - this.#shownMs >= NEXT_AFTER_MS;
  }
}
