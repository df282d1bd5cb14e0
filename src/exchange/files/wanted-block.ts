/**
 * One block that is still to be had: its symbols in every cut that was heard, and how the bursts stand.
 * @module
 */
import type { BlockRef } from "../../dag/block-ref.ts";
import { startsWith } from "../../kernel/bytes.ts";
import type { Coded } from "../../wire/coded.ts";
import { SHORT_PREFIX_BYTES } from "../../wire/get.ts";
import { symbolBytesFor } from "../../wire/packing.ts";
import { cutKey, cutOf, hashesTo, Symbols, type SymbolVerdict } from "./symbols.ts";

/** Cuts that a block may be said to have, until one of them proves right. */
const MAX_RIVAL_CUTS = 4;
/** Two blocks are made in seconds that agree in 4 bytes; in 8 it takes years, and is of use to their maker only. */
const LONGER_PREFIX_BYTES = 8;
/** Suspected radios, and cuts, that are tried by themselves. */
const MAX_APART = 4;

export class WantedBlock {
  readonly ref: BlockRef;
  readonly #knownBytes: number | undefined;
  /** By the cut that the symbols claim: one liar about it must not spoil the others. */
  readonly #symbols = new Map<string, Symbols>();
  #isShadowed = false;
  /** By radio, too: of those that are suspected to lie. */
  readonly #apart = new Map<string, Symbols>();

  /** @param blockBytes its length where it is known beforehand; 0 counts as unknown: a block of nothing is always here */
  constructor(ref: BlockRef, blockBytes: number | undefined) {
    this.ref = ref;
    this.#knownBytes = blockBytes === 0 ? undefined : blockBytes;
  }

  /** As its symbols name it. */
  get prefix(): Uint8Array {
    return this.ref.digest.subarray(0, SHORT_PREFIX_BYTES);
  }

  /** By which it is to be asked for: more of it once symbols of another block came, or lies, under the short one. */
  get askedPrefix(): Uint8Array {
    return this.#isShadowed ? this.ref.digest.subarray(0, LONGER_PREFIX_BYTES) : this.prefix;
  }

  /** Symbols that a decode needs in all; 0 while that is unknown. A guess until the first came: it may be packed. */
  get total(): number {
    const furthest = this.furthest();
    if (furthest !== undefined) return furthest.k;
    return this.#knownBytes === undefined ? 0 : Math.ceil(this.#knownBytes / symbolBytesFor(this.#knownBytes));
  }

  /** Symbols still lacking, 1 or more; 0 while that is unknown. */
  get needed(): number {
    return this.furthest()?.needed ?? this.total;
  }

  /** True once a symbol is here. */
  get begun(): boolean {
    return this.#symbols.size > 0;
  }

  isFor({ prefix }: Coded): boolean {
    return startsWith(this.ref.digest, prefix);
  }

  /** @param from number of the radio that it came from */
  hear(coded: Coded, from: number): SymbolVerdict {
    const verdict = this.#judge(coded, from);
    this.#isShadowed ||= verdict.kind === "spoiled" || verdict.kind === "refused";
    return verdict;
  }

  #judge(coded: Coded, from: number): SymbolVerdict {
    if (!this.#canBe(coded)) return { kind: "refused" };
    return this.#symbolsOf(coded).add(coded.index, coded.symbol, from);
  }

  /**
   * A symbol of a radio that is suspected to lie: it spoils nobody else's, and counts for nothing until those of that radio
   * alone make the block.
   */
  hearApart(coded: Coded, from: number): SymbolVerdict {
    if (!this.#canBe(coded)) return { kind: "refused" };
    const cut = cutOf(coded);
    const key = `${from}/${cutKey(cut)}`;
    let apart = this.#apart.get(key);
    if (apart === undefined) {
      apart = new Symbols(cut, hashesTo(this.ref.digest));
      // What it said before it was suspected is of use only together with the rest.
      for (const piece of this.#symbols.get(cutKey(cut))?.pieces() ?? [])
        if (piece.from === from) apart.add(piece.index, piece.symbol, from);
      if (this.#apart.size >= MAX_APART) dropLeast(this.#apart);
      this.#apart.set(key, apart);
    }
    return apart.add(coded.index, coded.symbol, from);
  }

  /** A packed form is shorter than the block. */
  #canBe({ streamBytes, check }: Coded): boolean {
    if (this.#knownBytes === undefined) return true;
    return check === undefined ? streamBytes === this.#knownBytes : streamBytes < this.#knownBytes;
  }

  #symbolsOf(coded: Coded): Symbols {
    const cut = cutOf(coded);
    const key = cutKey(cut);
    const known = this.#symbols.get(key);
    if (known !== undefined) return known;
    if (this.#symbols.size >= MAX_RIVAL_CUTS) dropLeast(this.#symbols);
    const symbols = new Symbols(cut, hashesTo(this.ref.digest));
    this.#symbols.set(key, symbols);
    return symbols;
  }

  /** The cut that lacks least; undefined before the first symbol. */
  furthest(): Symbols | undefined {
    let furthest: Symbols | undefined;
    for (const one of this.#symbols.values()) {
      if (furthest === undefined || one.needed < furthest.needed) furthest = one;
    }
    return furthest;
  }
}

/** What has the fewest symbols makes room: a liar must send as much as the honest to keep a place. */
function dropLeast(rivals: Map<string, Symbols>): void {
  let least: { readonly key: string; readonly held: number } | undefined;
  for (const [key, { held }] of rivals) if (least === undefined || held < least.held) least = { key, held };
  if (least !== undefined) rivals.delete(least.key);
}
