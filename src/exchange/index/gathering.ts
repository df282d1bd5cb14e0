/**
 * What this node lacks of what others announced, and the equations that were heard about it: one elimination over the
 * slots of all streams, so that packets of several speakers, overheard ones too, add up.
 *
 * What comes out is believed only when the author's signature holds (the shard says so). If it does not, somebody lied:
 * `suspects.ts` finds whom.
 * @module
 */
import { concatBytes, copyBytes, type Bytes } from "../../kernel/bytes.ts";
import { Eliminator, addCombination, coefficients } from "../../erasure/random-linear.ts";
import { SLOT_BYTES } from "../../wire/holdings.ts";
import { slotAt } from "./streams.ts";

/** A stream as somebody announced it. */
export interface Announced {
  /** The author's id in hex: whole where the author is known, else its first 4 or 8 bytes. */
  readonly hex: string;
  readonly from: number;
  readonly to: number;
  readonly slots: number;
}

/** One stream of a packet, as far as the receiver knows it. */
export interface Part extends Announced {
  /** The stream, or its beginning. */
  readonly bytes: Uint8Array;
  /** True when `bytes` is all of it. */
  readonly whole: boolean;
  /** True when this node wants what it lacks of it. */
  readonly wanted: boolean;
}

/** Coded slots over all slots of all parts, in their order. */
export interface Equations {
  readonly sender: number;
  readonly parts: readonly Part[];
  readonly seed: number;
  readonly coded: Uint8Array;
}

export interface Solved extends Announced {
  readonly bytes: Bytes;
}

interface Open extends Announced {
  wanted: boolean;
  readonly pieces: (Bytes | undefined)[];
  /** Of the pieces that are not known. */
  readonly columns: (number | undefined)[];
}

/** Unknown slots at once; what goes beyond waits until others are solved. */
export const MAX_UNKNOWN_SLOTS = 1_024;
const MAX_STREAMS = 512;

export class Gathering {
  #eliminator = new Eliminator(SLOT_BYTES, MAX_UNKNOWN_SLOTS);
  readonly #open = new Map<string, Open>();

  /** Coded slots that are still needed to know all that is wanted. */
  get needed(): number {
    return this.#eliminator.needed;
  }

  /** Coded slots over just these streams that are still needed to know them all. */
  neededOf(streams: readonly Announced[]): number {
    const columns = new Set<number>();
    for (const stream of streams) {
      for (const column of this.#open.get(keyOf(stream))?.columns ?? []) if (column !== undefined) columns.add(column);
    }
    return columns.size === 0 ? 0 : this.#eliminator.neededFor(columns);
  }

  /** Streams that are wanted. */
  get wanted(): readonly Announced[] {
    return [...this.#open.values()].filter(({ wanted }) => wanted);
  }

  /** Wants a stream. False when there is no room. */
  want(part: Part): boolean {
    this.#dropShorter(part);
    return this.#opened({ ...part, wanted: true }) !== undefined;
  }

  /** A piece as it is. @returns false when it contradicts what was heard before */
  learnSlots(part: Part, first: number, bytes: Uint8Array): boolean {
    const open = this.#opened(part);
    if (open === undefined) return true;
    let agrees = true;
    for (let i = 0; i * SLOT_BYTES < bytes.length; i++) {
      const column = open.columns[first + i];
      if (column !== undefined && this.#eliminator.learn([{ column, factor: 1 }], slotAt(bytes, i)) === "conflict") {
        agrees = false;
      }
    }
    return agrees;
  }

  /** @returns how many equations were new, and whether one contradicts what was heard before */
  learn({ parts, seed, coded }: Equations): { readonly news: number; readonly conflict: boolean } {
    let news = 0;
    let conflict = false;
    const pieces: (Uint8Array | undefined)[] = [];
    const columns: (number | undefined)[] = [];
    for (const part of parts) {
      const open = part.whole ? undefined : this.#opened(part);
      // No room for its unknowns: the equations are of no use.
      if (open === undefined && !part.whole) return { news, conflict };
      for (let i = 0; i < part.slots; i++) {
        pieces.push(part.whole ? slotAt(part.bytes, i) : open?.pieces[i]);
        columns.push(open?.columns[i]);
      }
    }
    for (let i = 0; i * SLOT_BYTES < coded.length; i++) {
      const factors = coefficients(seed, i, pieces.length);
      const value = copyBytes(slotAt(coded, i));
      addCombination(value, pieces, factors);
      const terms = columns.flatMap((column, at) =>
        column === undefined ? [] : [{ column, factor: factors[at] ?? 0 }],
      );
      const learnt = terms.length === 0 ? "known" : this.#eliminator.learn(terms, value);
      if (learnt === "new") news++;
      else if (learnt === "conflict") conflict = true;
    }
    return { news, conflict };
  }

  /** Streams of which every slot is known by now; they are forgotten here. */
  takeSolved(): Solved[] {
    const solved: Solved[] = [];
    for (const [key, open] of this.#open) {
      this.#fill(open);
      if (open.columns.some((column) => column !== undefined)) continue;
      this.#open.delete(key);
      const pieces = open.pieces.map((piece) => piece ?? new Uint8Array(SLOT_BYTES));
      if (open.wanted) solved.push({ ...open, bytes: concatBytes(...pieces) });
    }
    this.#restIfDone();
    return solved;
  }

  /** More of a log is held: streams that end there are wanted no more. Their slots, where known, help the others. */
  held(hex: string, count: number, known: (stream: Announced) => Uint8Array): void {
    for (const [key, open] of this.#open) {
      if (open.hex !== hex) continue;
      const bytes = known(open);
      for (let i = 0; (i + 1) * SLOT_BYTES <= bytes.length && i < open.slots; i++)
        this.#tell(open, i, slotAt(bytes, i));
      if (open.to > count) continue;
      open.wanted = false;
      if (!this.#isUsed(open)) this.#forget(key, open);
    }
    this.#restIfDone();
  }

  clear(): void {
    this.#eliminator = new Eliminator(SLOT_BYTES, MAX_UNKNOWN_SLOTS);
    this.#open.clear();
  }

  #opened(part: Part): Open | undefined {
    const key = keyOf(part);
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.wanted ||= part.wanted;
      return known;
    }
    const complete = Math.min(part.slots, Math.floor(part.bytes.length / SLOT_BYTES));
    const unknown = part.slots - complete;
    if (this.#open.size >= MAX_STREAMS || this.#eliminator.columns + unknown > MAX_UNKNOWN_SLOTS) return undefined;
    const open: Open = { ...part, pieces: [], columns: [] };
    for (let i = 0; i < part.slots; i++) {
      open.pieces.push(i < complete ? copyBytes(slotAt(part.bytes, i)) : undefined);
      open.columns.push(i < complete ? undefined : this.#eliminator.open());
    }
    this.#open.set(key, open);
    return open;
  }

  /** A longer stretch of the same log makes the shorter one superfluous, unless equations speak of it. */
  #dropShorter({ hex, to }: Part): void {
    for (const [key, open] of this.#open) {
      if (open.hex === hex && open.to < to && !this.#isUsed(open)) this.#forget(key, open);
    }
  }

  #fill(open: Open): void {
    for (const [i, column] of open.columns.entries()) {
      const piece = column === undefined ? undefined : this.#eliminator.solved(column);
      if (column === undefined || piece === undefined) continue;
      open.pieces[i] = piece;
      open.columns[i] = undefined;
      this.#eliminator.close(column);
    }
  }

  #tell(open: Open, i: number, piece: Uint8Array): void {
    const column = open.columns[i];
    if (column === undefined) return;
    this.#eliminator.learn([{ column, factor: 1 }], piece);
  }

  #isUsed({ columns }: Open): boolean {
    return columns.some((column) => column !== undefined && this.#eliminator.isUsed(column));
  }

  #forget(key: string, open: Open): void {
    for (const column of open.columns) if (column !== undefined) this.#eliminator.close(column);
    this.#open.delete(key);
  }

  /** Nothing is wanted: what is left are unknowns that nobody asked for. */
  #restIfDone(): void {
    for (const { wanted } of this.#open.values()) if (wanted) return;
    if (this.#open.size > 0) this.clear();
  }
}

function keyOf({ hex, from, to, slots }: Announced): string {
  return `${hex}/${from}/${to}/${slots}`;
}
