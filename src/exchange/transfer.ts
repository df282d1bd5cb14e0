/**
 * One file on its way to us: which block is wanted now, its symbols so far, and what the air has cost.
 *
 * A value with steps, no timers: `fetch.ts` owns time and talks to the radio.
 * @module
 */
import type { BlockRef } from "../dag/block-ref.ts";
import { sha256 } from "../dag/cid.ts";
import type { FileRow } from "../dag/shard.ts";
import { startsWith } from "../kernel/bytes.ts";
import type { GetReport } from "../kernel/reports.ts";
import { SymbolCollector } from "../erasure/cauchy.ts";
import type { Coded } from "../wire/coded.ts";
import { PREFIX_BYTES } from "../wire/message-codec.ts";
import { symbolBytesFor } from "../wire/packing.ts";

/** Cuts that a block may be said to have (its length and its symbols'), until one of them proves right. */
const MAX_RIVAL_CUTS = 4;

export type Heard =
  | { readonly kind: "new" | "known" | "refused" | "poisoned" }
  | { readonly kind: "whole"; readonly bytes: Uint8Array };

/** One block that is still to be had. */
export class WantedBlock {
  readonly ref: BlockRef;
  readonly #knownBytes: number | undefined;
  /** By the cut that the symbols claim: one liar about it must not spoil the others. The oldest comes first. */
  readonly #collectors = new Map<string, Collecting>();

  /** @param blockBytes its length where it is known beforehand; 0 counts as unknown: a block of nothing is always here */
  constructor(ref: BlockRef, blockBytes: number | undefined) {
    this.ref = ref;
    this.#knownBytes = blockBytes === 0 ? undefined : blockBytes;
  }

  get prefix(): Uint8Array {
    return this.ref.digest.subarray(0, PREFIX_BYTES);
  }

  /** Symbols that a decode needs in all; 0 while the length is unknown. */
  get total(): number {
    const bytes = this.#knownBytes ?? this.#furthest()?.blockBytes;
    return bytes === undefined ? 0 : Math.ceil(bytes / symbolBytesFor(bytes));
  }

  /** Symbols still lacking; 0 while the length is unknown: a GET for 0 asks for as many as it takes. */
  get needed(): number {
    return this.#furthest()?.symbols.needed() ?? this.total;
  }

  isFor(coded: Coded): boolean {
    return startsWith(this.ref.digest, coded.prefix);
  }

  /** "whole" completes the block; "poisoned": the symbols make another block, and all of them are forgotten. */
  hear(coded: Coded): Heard {
    if (this.#knownBytes !== undefined && coded.blockBytes !== this.#knownBytes) return { kind: "refused" };
    const cut = `${coded.blockBytes}/${coded.symbol.length}`;
    const { symbols } = this.#collecting(cut, coded);
    const added = symbols.add(coded.index, coded.symbol);
    if (added !== "new" || symbols.needed() > 0) return { kind: added };
    const bytes = symbols.recover();
    if (bytes !== undefined && startsWith(sha256(bytes), this.ref.digest)) return { kind: "whole", bytes };
    this.#collectors.delete(cut);
    return { kind: "poisoned" };
  }

  #collecting(cut: string, { blockBytes, symbol }: Coded): Collecting {
    const known = this.#collectors.get(cut);
    if (known !== undefined) return known;
    if (this.#collectors.size >= MAX_RIVAL_CUTS) this.#dropLeast();
    const collecting = { blockBytes, symbols: new SymbolCollector(blockBytes, symbol.length) };
    this.#collectors.set(cut, collecting);
    return collecting;
  }

  /** The cut with the fewest symbols makes room: a liar must send as much as the honest to keep a place. */
  #dropLeast(): void {
    let least: { readonly cut: string; readonly held: number } | undefined;
    for (const [cut, { symbols }] of this.#collectors) {
      const held = symbols.k - symbols.needed();
      if (least === undefined || held < least.held) least = { cut, held };
    }
    if (least !== undefined) this.#collectors.delete(least.cut);
  }

  #furthest(): Collecting | undefined {
    let furthest: Collecting | undefined;
    for (const one of this.#collectors.values()) {
      if (furthest === undefined || one.symbols.needed() < furthest.symbols.needed()) furthest = one;
    }
    return furthest;
  }
}

interface Collecting {
  readonly blockBytes: number;
  readonly symbols: SymbolCollector;
}

/** A file as its entry tells of it; `bytes` is 0 when nobody announced it: its length is then told by the first symbol. */
export interface TransferTarget extends Pick<FileRow, "codec" | "prefix" | "cid" | "name" | "bytes"> {
  /** Who announced it, by id in hex: the likeliest holder. Undefined when it was asked for by its CID alone. */
  readonly author?: string;
}

export type TransferState =
  | { readonly kind: "waiting" }
  | { readonly kind: "receiving" }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly detail: string };

export class Transfer {
  readonly target: TransferTarget;
  state: TransferState = { kind: "waiting" };
  block: WantedBlock | undefined;
  /** Blocks that are known to be missing, the wanted one included. */
  missing = 1;
  /** Askings since the last progress. */
  fruitless = 0;
  /** Times that the symbols of a block made another one. */
  poisonings = 0;
  /** True while the last question is in the radio's queue. */
  waitsForAir = false;
  #requests = 0;
  #least = Number.POSITIVE_INFINITY;
  #packets = 0;
  #asked = 0;
  #lastAsked = 0;
  #heardOfAsked = 0;
  #heardThisRound = 0;
  #airBytes = 0;
  #airMs = 0;

  constructor(target: TransferTarget) {
    this.target = target;
  }

  get ended(): boolean {
    return this.state.kind === "done" || this.state.kind === "failed";
  }

  /** On to another block; undefined when there is none any more. */
  want(block: WantedBlock | undefined): void {
    this.block = block;
    this.fruitless = 0;
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
    return true;
  }

  /** A round begins: so many symbols are asked for. The one before counts if anything of it was heard. */
  beginRound(symbols: number): void {
    // A round of which nothing came says that the question was lost, and nothing of how many answers get through.
    if (this.#heardThisRound === 0) this.#asked -= this.#lastAsked;
    this.#heardOfAsked += this.#heardThisRound;
    this.#heardThisRound = 0;
    this.#lastAsked = symbols;
    this.#asked += symbols;
  }

  /** The part of what was asked for that came, in the rounds so far, 0.2 … 1; 1 before the first. */
  delivery(): number {
    const asked = this.#asked - (this.#heardThisRound === 0 ? this.#lastAsked : 0);
    return asked <= 0 ? 1 : Math.min(1, Math.max(0.2, (this.#heardOfAsked + this.#heardThisRound) / asked));
  }

  countHeard(payloadBytes: number, airtimeMs: number): void {
    this.#packets++;
    this.#heardThisRound++;
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
    const detail = this.state.kind === "failed" ? this.state.detail : "";
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
    };
  }
}
