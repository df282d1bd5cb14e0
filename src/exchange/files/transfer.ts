/**
 * One file on its way to us: which block is wanted now, and what the air has cost.
 *
 * A value with steps, no timers: `fetch.ts` owns time and talks to the radio.
 * @module
 */
import { rootOf, type BlockRef } from "../../dag/block-ref.ts";
import type { FileRow } from "../../dag/shard.ts";
import type { GetReport } from "../../kernel/reports.ts";
import { REQUEST, type Priority } from "../../radio/priority.ts";
import { MAX_BLOCK_BYTES } from "../../wire/coded.ts";
import { MAX_SYMBOL_BYTES } from "../../wire/packing.ts";
import { Bursts } from "./bursts.ts";
import type { WantedBlock } from "./wanted-block.ts";

/** A file as its entry tells of it; `bytes` is 0 when nobody announced it: its length is then told by the first symbol. */
export interface TransferTarget extends Pick<FileRow, "codec" | "prefix" | "cid" | "name" | "bytes"> {
  /** Who announced it, by id in hex: the likeliest holder. Undefined when it was asked for by its CID alone. */
  readonly author?: string;
}

export type TransferState =
  | { readonly kind: "waiting" }
  | { readonly kind: "receiving" }
  /** Nothing is asked before `untilMs` (Unix time; undefined: it can't be told). What is overheard counts all the same. */
  | { readonly kind: "deferred"; readonly detail: string; readonly untilMs: number | undefined }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly detail: string };

const FULL_BLOCK_SYMBOLS = Math.ceil(MAX_BLOCK_BYTES / MAX_SYMBOL_BYTES);

export class Transfer {
  readonly target: TransferTarget;
  readonly root: BlockRef;
  state: TransferState = { kind: "waiting" };
  block: WantedBlock | undefined;
  bursts = new Bursts();
  /** Blocks that are known to be missing, the wanted one included. */
  missing = 1;
  /** Own questions since the last progress. */
  fruitless = 0;
  /** Others' questions that we kept silent for, since anything of the block came. */
  deferred = 0;
  /** As many listeners as others' questions told of, an index into `LISTENERS`. */
  listeners = 0;
  /** Times that the symbols of a block made another one. */
  spoilings = 0;
  /** Somebody is in a hurry: no hour holds it up. */
  urgent = false;
  /** Of its questions. */
  priority: Priority = REQUEST;
  /** True while the last question is in the radio's queue. */
  waitsForAir = false;
  #requests = 0;
  #least = Number.POSITIVE_INFINITY;
  #packets = 0;
  #airBytes = 0;
  #airMs = 0;

  constructor(target: TransferTarget) {
    this.target = target;
    this.root = rootOf(target);
  }

  get ended(): boolean {
    return this.state.kind === "done" || this.state.kind === "failed";
  }

  /** On to another block; undefined when there is none any more. */
  want(block: WantedBlock | undefined): void {
    this.block = block;
    this.bursts = new Bursts();
    this.fruitless = 0;
    this.deferred = 0;
    this.listeners = 0;
    this.#least = Number.POSITIVE_INFINITY;
  }

  /**
   * A new symbol came. True when that is progress: fewer are lacking than ever before. Else whoever sends false symbols
   * without end would keep us asking without end.
   */
  noteSymbol(): boolean {
    const needed = this.block?.needed ?? 0;
    if (needed >= this.#least) return false;
    this.#least = needed;
    this.fruitless = 0;
    this.deferred = 0;
    return true;
  }

  /** Symbols that are lacking in all, as far as the blocks are known. */
  symbolsLeft(): number {
    if (this.block === undefined) return 0;
    const ofRest = this.missing > 1 ? (this.missing - 1) * FULL_BLOCK_SYMBOLS : 0;
    const known = this.block.needed + ofRest;
    // Before its first block is here, a large file tells no more than its length.
    const isFirst = this.missing === 1 && this.target.codec === "dag-cbor";
    return isFirst ? Math.max(known, Math.ceil(this.target.bytes / MAX_SYMBOL_BYTES) + 1) : known;
  }

  countHeard(payloadBytes: number, airtimeMs: number): void {
    this.#packets++;
    this.#countAir(payloadBytes, airtimeMs);
  }

  /** Requests that went over the air, in all: one that waits for its turn is none yet. */
  get requests(): number {
    return this.#requests;
  }

  countRequest(payloadBytes: number, airtimeMs: number): void {
    this.#requests++;
    this.#countAir(payloadBytes, airtimeMs);
  }

  #countAir(payloadBytes: number, airtimeMs: number): void {
    this.#airBytes += payloadBytes;
    this.#airMs += airtimeMs;
  }

  report(): GetReport {
    const detail = "detail" in this.state ? this.state.detail : "";
    const untilMs = this.state.kind === "deferred" ? this.state.untilMs : undefined;
    return {
      cid: this.target.cid?.toString() ?? null,
      name: this.target.name,
      bytes: this.target.bytes,
      packets: this.#packets,
      wanted: this.block?.needed ?? 0,
      total: this.block?.total ?? 0,
      air_bytes: this.#airBytes,
      air_ms: Math.round(this.#airMs),
      state: this.state.kind,
      detail,
      ...(untilMs === undefined ? {} : { until_ms: untilMs }),
    };
  }
}
