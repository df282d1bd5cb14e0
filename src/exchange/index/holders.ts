/**
 * Who said that it holds what this node lacks, and so can be asked: those next door first.
 *
 * News goes from neighbour to neighbour. Who is behind relays is asked only when nobody nearer can help for a while:
 * the way there and back costs everybody's air, and a nearer node will soon have what the farther one has.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";
import type { Origin } from "../parts.ts";
import type { Announced } from "./gathering.ts";
import type { Base } from "./vector.ts";

/** What was said, and how to refer to it. */
export interface Said {
  /** What a question about it names. */
  readonly re: number;
  readonly streams: readonly Announced[];
  /** It said a part of what it holds, as much as fitted; the other parts are other claims. */
  readonly partial: boolean;
  /** It pushed a stream, and was heard in part only. */
  readonly isPush: boolean;
  /** It told more than an answer has room for: a count of slots would not say which of them. */
  readonly isLong: boolean;
  readonly base: Base;
}

export interface Holder extends Said {
  readonly radio: number;
  readonly hops: number | undefined;
}

/** A holder, and how many slots it can help with. */
export interface Choice extends Holder {
  readonly needed: number;
  /** Nobody nearer has it. */
  readonly isFar: boolean;
  /** To say {@link Holders.asked} of it. */
  readonly key: string;
}

/** What a choice depends on. */
export interface Needs {
  /** Slots of these streams that are lacking. */
  readonly neededOf: (streams: readonly Announced[]) => number;
  /** How far a radio's word is believed, 0 … 1. */
  readonly credit: (radio: number) => number;
  /** Relays to the nearest neighbour. */
  readonly nearest: number | undefined;
}

const MAX_HOLDERS = 24;
/** Asked so often in vain, it does not remember what it said, or is away. */
const MOST_IN_VAIN = 8;
/** A push counts so little beside one who tells of all that it holds. */
const PUSH_WEIGHT = 1 / 4096;

export class Holders {
  /** The last one at the end. */
  readonly #all = new Map<string, Holder & { inVain: number }>();

  get size(): number {
    return this.#all.size;
  }

  note({ from, hops }: Origin, said: Said): void {
    const [first, last] = [said.streams[0], said.streams.at(-1)];
    const key = said.partial || said.isPush ? `${from} ${first?.hex ?? ""} ${last?.hex ?? ""}` : `${from}`;
    keepRecent(this.#all, key, { ...said, radio: from, hops, inVain: 0 }, MAX_HOLDERS);
  }

  /** It was asked. */
  asked({ key }: Choice): void {
    const holder = this.#all.get(key);
    if (holder !== undefined && ++holder.inVain >= MOST_IN_VAIN) this.#all.delete(key);
  }

  clear(): void {
    this.#all.clear();
  }

  /**
   * Who can tell us most; of several the last one heard, and of all those next door first. Who was asked in vain is
   * believed less.
   */
  best({ neededOf, credit, nearest }: Needs): Choice | undefined {
    let best: Choice | undefined;
    let most = 0;
    for (const [key, holder] of this.#all) {
      const needed = neededOf(holder.streams);
      const choice = { ...holder, key, needed, isFar: isFarther(holder.hops, nearest) };
      const worthNow = worth(choice) * credit(holder.radio);
      if (needed > 0 && worthNow >= most) [best, most] = [choice, worthNow];
    }
    return best;
  }
}

/** Whether somebody nearer than that was heard. */
export function isFarther(hops: number | undefined, nearest: number | undefined): boolean {
  return hops !== undefined && nearest !== undefined && hops > nearest;
}

function worth({ needed, isPush, isFar }: Choice): number {
  return (isFar ? 0 : 1e6) + needed * (isPush ? PUSH_WEIGHT : 1);
}
