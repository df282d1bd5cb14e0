/**
 * How far a transfer is, on standard error: one line that overwrites itself on a terminal; elsewhere a line when there is
 * news, and one now and then when there is none, so that nobody takes waiting for hanging.
 * @module
 */
import type { GetReport } from "../kernel/reports.ts";
import type { CliIo } from "./io.ts";
import { clip, formatBytes, formatMs, printable } from "./text.ts";
import type { Words } from "./words.ts";

const NEWS_EVERY_MS = 5_000;
const STILL_EVERY_MS = 10_000;
const LEAST_NAME_COLUMNS = 8;
export const CLEAR_LINE = "\r\u001b[K";
/** The CID of a file that is one block begins so; any other's names the block that names the rest. */
const ONE_BLOCK = "bafkrei";
const MAX_BLOCK_BYTES = 16_384;

export class Progress {
  readonly #io: CliIo;
  readonly #words: Words;
  readonly #startedMs: number;
  readonly #pace = new Pace();
  #shown = "";
  #news = "";
  #shownMs = -Infinity;

  constructor(io: CliIo, words: Words) {
    this.#io = io;
    this.#words = words;
    this.#startedMs = io.monotonicMs();
  }

  show(report: GetReport): void {
    const nowMs = this.#io.monotonicMs();
    this.#pace.note(report, nowMs);
    const name = printable(report.name || (report.cid ?? ""));
    const course = this.#course(report, nowMs);
    if (this.#io.isTty) this.#overwrite(fitting(name, course, this.#io.columns() - 1));
    else this.#append(`${name}: ${course}\n`, JSON.stringify(report), nowMs);
  }

  /** Leaves no line behind on a terminal. */
  end(): void {
    if (this.#io.isTty && this.#shown !== "") this.#io.stderr(CLEAR_LINE);
  }

  #overwrite(line: string): void {
    if (line === this.#shown) return;
    this.#io.stderr(CLEAR_LINE + line);
    this.#shown = line;
  }

  #append(line: string, news: string, nowMs: number): void {
    if (nowMs - this.#shownMs < (news === this.#news ? STILL_EVERY_MS : NEWS_EVERY_MS)) return;
    this.#io.stderr(line);
    this.#news = news;
    this.#shownMs = nowMs;
  }

  #course(report: GetReport, nowMs: number): string {
    const words = this.#words.progress;
    const waited = `${Math.floor((nowMs - this.#startedMs) / 1000)} s`;
    if (report.packets === 0) return `${this.#waiting(report)} (${waited})`;
    const { total, wanted, missing = 1, air_bytes, air_ms } = report;
    const parts = [
      words.pieces(Math.max(0, total - wanted), total),
      ...(missing > 1 ? [words.blocks(missing - 1)] : []),
      formatBytes(air_bytes),
      words.onAir(formatMs(air_ms)),
    ];
    const leftMs = this.#pace.leftMs(report, nowMs);
    // While nothing is known of the rest, the seconds say that we are still at it.
    const rest = leftMs === undefined ? ` (${waited})` : `, ${words.left(roughly(leftMs))}`;
    return `${parts.join(", ")}${rest}`;
  }

  #waiting({ detail, asked = 0, holder }: GetReport): string {
    const words = this.#words.progress;
    if (detail !== "") return printable(detail);
    if (asked === 0) return words.queued;
    return words.asked(asked, holder === undefined ? undefined : printable(holder));
  }
}

/** A line that would be wider than the terminal could not be overwritten; of the two the name is the one to shorten. */
function fitting(name: string, course: string, columns: number): string {
  const short = clip(name, Math.max(LEAST_NAME_COLUMNS, columns - course.length - 2));
  return clip(`${short}: ${course}`, columns);
}

/** How fast pieces come, from the first that was seen coming. */
class Pace {
  #last: GetReport | undefined;
  #came = 0;
  #sinceMs: number | undefined;
  /** True once the blocks of a file of many are known: before, nobody knows how many there are. */
  #knowsBlocks = false;

  note(report: GetReport, nowMs: number): void {
    const { missing = 1 } = report;
    this.#knowsBlocks ||= missing > 1 || isOneBlock(report);
    const last = this.#last ?? report;
    this.#last = report;
    const came = piecesCame(last, report);
    if (came === 0) return;
    // The wait for the first is no part of the pace.
    if (this.#sinceMs === undefined) this.#sinceMs = nowMs;
    else this.#came += came;
  }

  /** Undefined until two pieces were seen coming. */
  leftMs({ wanted, total, missing = 1 }: GetReport, nowMs: number): number | undefined {
    if (this.#sinceMs === undefined || this.#came === 0 || !this.#knowsBlocks) return undefined;
    // Blocks are about equally long, except the last.
    const pieces = wanted + (missing - 1) * total;
    return (pieces * (nowMs - this.#sinceMs)) / this.#came;
  }
}

/** Before the CID is known its length tells. */
function isOneBlock({ cid, bytes }: GetReport): boolean {
  return cid === null ? bytes <= MAX_BLOCK_BYTES : cid.startsWith(ONE_BLOCK);
}

/** Pieces between two reports; with the next block the count begins anew. */
function piecesCame(before: GetReport, now: GetReport): number {
  const had = before.total - before.wanted;
  const has = now.total - now.wanted;
  const sameBlock = now.missing === before.missing && now.total === before.total;
  return sameBlock ? Math.max(0, has - had) : Math.max(0, before.wanted + has);
}

/** In whole seconds or minutes, never 0: it is a guess. */
export function roughly(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : formatMs(seconds * 1000);
}
