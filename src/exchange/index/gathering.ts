/**
 * What this node lacks of what others announced, and the equations that were heard about it: one elimination over the
 * slots of all streams, so that packets of several speakers, overheard ones too, add up.
 *
 * What comes out is believed only when the author's signature holds (the shard says so). If it does not, somebody lied:
 * `witnesses.ts` finds whom. Anybody can name streams that do not exist: so each is forgotten when nothing comes of it, and
 * where the room gets scarce no radio keeps more than its share.
 * @module
 */
import { concatBytes, copyBytes, type Bytes } from "../../kernel/bytes.ts";
import { Eliminator, addCombination, coefficients } from "../../erasure/random-linear.ts";
import type { Ratio } from "../../radio/regions.ts";
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

/** Whose word it is, and when it came: monotonic ms. */
export interface Word {
  /** The radio's number. */
  readonly radio: number;
  readonly nowMs: number;
}

interface Open extends Announced {
  wanted: boolean;
  /** Whose share of the room it takes. */
  radio: number;
  /** When an equation about it was new; before that, when it was named first. */
  progressMs: number;
  readonly pieces: (Bytes | undefined)[];
  /** Of the pieces that are not known. */
  readonly columns: (number | undefined)[];
}

/** Unknown slots at once; what goes beyond waits until others are solved. */
export const MAX_UNKNOWN_SLOTS = 1_024;
const MAX_STREAMS = 512;
/** No sender of ours offers more at once: a longer stretch comes in parts. */
const MAX_STREAM_SLOTS = 512;
/** A stream that nothing new was heard about for so long is forgotten, until somebody names it again. */
export const IDLE_MS = 600_000;
/** What one radio may take of the room, streams and slots, when there is not enough for all. */
const SHARE: Ratio = 0.25;

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

  /** Radios that named what is wanted. */
  get sources(): ReadonlySet<number> {
    return new Set([...this.#open.values()].filter(({ wanted }) => wanted).map(({ radio }) => radio));
  }

  /** Wants a stream. False when there is no room. */
  want(part: Part, word: Word): boolean {
    this.#dropShorter(part);
    return this.#opened({ ...part, wanted: true }, word) !== undefined;
  }

  /** A piece as it is. @returns false when it contradicts what was heard before */
  learnSlots(part: Part, first: number, bytes: Uint8Array, word: Word): boolean {
    const open = this.#opened(part, word);
    if (open === undefined) return true;
    let agrees = true;
    for (let i = 0; i * SLOT_BYTES < bytes.length; i++) {
      const column = open.columns[first + i];
      if (column === undefined) continue;
      const learnt = this.#eliminator.learn([{ column, factor: 1 }], slotAt(bytes, i));
      if (learnt === "conflict") agrees = false;
      if (learnt === "new") open.progressMs = word.nowMs;
    }
    return agrees;
  }

  /** @returns how many equations were new, and whether one contradicts what was heard before */
  learn(
    { sender, parts, seed, coded }: Equations,
    nowMs: number,
  ): { readonly news: number; readonly conflict: boolean } {
    let news = 0;
    let conflict = false;
    const spokenOf = this.#openedAll(parts, { radio: sender, nowMs });
    // No room for its unknowns: the equations are of no use.
    if (spokenOf === undefined) return { news, conflict };
    const pieces: (Uint8Array | undefined)[] = [];
    const columns: (number | undefined)[] = [];
    for (const [at, part] of parts.entries()) {
      const open = spokenOf[at];
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
    if (news > 0) for (const open of spokenOf) if (open !== undefined) open.progressMs = nowMs;
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

  /** Forgets streams about which nothing new came for so long. @param nowMs monotonic */
  sweep(nowMs: number, idleMs: number): void {
    let swept = false;
    for (const [key, open] of this.#open) {
      if (nowMs - open.progressMs < idleMs) continue;
      this.#forget(key, open);
      swept = true;
    }
    if (swept) this.#restIfDone();
  }

  /** Forgets these streams, and all that was said about them. */
  forgetAll(streams: readonly Announced[]): void {
    for (const stream of streams) {
      const open = this.#open.get(keyOf(stream));
      if (open !== undefined) this.#forget(keyOf(stream), open);
    }
    this.#restIfDone();
  }

  /** Forgets what that radio named. */
  forgetOf(radio: number): void {
    for (const [key, open] of this.#open) if (open.radio === radio) this.#forget(key, open);
    this.#restIfDone();
  }

  clear(): void {
    this.#eliminator = new Eliminator(SLOT_BYTES, MAX_UNKNOWN_SLOTS);
    this.#open.clear();
  }

  /** By the place of the part; undefined for one that is whole. Nothing when one finds no room. */
  #openedAll(parts: readonly Part[], word: Word): readonly (Open | undefined)[] | undefined {
    const all: (Open | undefined)[] = [];
    for (const part of parts) {
      const open = part.whole ? undefined : this.#opened(part, word);
      if (open === undefined && !part.whole) return undefined;
      all.push(open);
    }
    // To make room for the last, one of the first may have gone.
    return all.every((open) => open === undefined || this.#open.get(keyOf(open)) === open) ? all : undefined;
  }

  #opened(part: Part, { radio, nowMs }: Word): Open | undefined {
    const key = keyOf(part);
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.wanted ||= part.wanted;
      return known;
    }
    const complete = Math.min(part.slots, Math.floor(part.bytes.length / SLOT_BYTES));
    const unknown = part.slots - complete;
    if (part.slots > MAX_STREAM_SLOTS || !this.#makeRoom(unknown, radio)) return undefined;
    const open: Open = { ...part, radio, progressMs: nowMs, pieces: [], columns: [] };
    for (let i = 0; i < part.slots; i++) {
      open.pieces.push(i < complete ? copyBytes(slotAt(part.bytes, i)) : undefined);
      open.columns.push(i < complete ? undefined : this.#eliminator.open());
    }
    this.#open.set(key, open);
    return open;
  }

  /** True when so many unknown slots have room; if need be, who takes most gives up its oldest stream. */
  #makeRoom(unknown: number, radio: number): boolean {
    while (!this.#hasRoom(unknown)) {
      const loads = this.#loads();
      const own = loadOf((loads.get(radio)?.slots ?? 0) + unknown, (loads.get(radio)?.streams ?? 0) + 1);
      let [greediest, most] = [radio, own];
      for (const [other, { slots, streams }] of loads) {
        if (loadOf(slots, streams) > most) [greediest, most] = [other, loadOf(slots, streams)];
      }
      if (own > SHARE || greediest === radio) return false;
      this.#dropOldestOf(greediest);
    }
    return true;
  }

  #hasRoom(unknown: number): boolean {
    return this.#open.size < MAX_STREAMS && this.#eliminator.columns + unknown <= MAX_UNKNOWN_SLOTS;
  }

  #loads(): ReadonlyMap<number, { readonly slots: number; readonly streams: number }> {
    const loads = new Map<number, { slots: number; streams: number }>();
    for (const { radio, columns } of this.#open.values()) {
      const load = loads.get(radio) ?? { slots: 0, streams: 0 };
      loads.set(radio, load);
      load.streams++;
      for (const column of columns) if (column !== undefined) load.slots++;
    }
    return loads;
  }

  #dropOldestOf(radio: number): void {
    let oldest: readonly [string, Open] | undefined;
    for (const one of this.#open) {
      if (one[1].radio === radio && one[1].progressMs < (oldest?.[1].progressMs ?? Number.POSITIVE_INFINITY))
        oldest = one;
    }
    if (oldest !== undefined) this.#forget(...oldest);
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

/** The part of the room that is taken. */
function loadOf(slots: number, streams: number): Ratio {
  return Math.max(slots / MAX_UNKNOWN_SLOTS, streams / MAX_STREAMS);
}

export function keyOf({ hex, from, to, slots }: Announced): string {
  return `${hex}/${from}/${to}/${slots}`;
}
