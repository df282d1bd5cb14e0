/**
 * Which alerts of an author are over and must never come back: a floor, and the numbers above it. Bounded.
 * @module
 */
import { ByteReader, ByteWriter, type Bytes } from "../kernel/bytes.ts";

/** Numbers above the floor that are remembered one by one. */
const MAX_SINGLES = 64;
const VERSION = 1;

/** Immutable: a change is a new value, so that the disk can be written before memory changes. */
export interface OverNumbers {
  /** This number and all below are over. */
  readonly floor: number;
  /** Rising, each above the floor. */
  readonly singles: readonly number[];
}

export const NOTHING_OVER: OverNumbers = { floor: 0, singles: [] };

export function isOver({ floor, singles }: OverNumbers, number: number): boolean {
  return number <= floor || singles.includes(number);
}

/** With these numbers over, too. The oldest singles become the floor when they are too many. */
export function over(before: OverNumbers, numbers: readonly number[]): OverNumbers {
  const singles = [...new Set([...before.singles, ...numbers])]
    .filter((number) => number > before.floor)
    .toSorted((a, b) => a - b);
  const surplus = Math.max(0, singles.length - MAX_SINGLES);
  let floor = surplus === 0 ? before.floor : (singles[surplus - 1] ?? before.floor);
  const left = singles.slice(surplus);
  while (left[0] === floor + 1) floor = left.shift() ?? floor;
  return { floor, singles: left };
}

export function encodeOver({ floor, singles }: OverNumbers): Bytes {
  const writer = new ByteWriter().u8(VERSION).u32(floor).u8(singles.length);
  for (const number of singles) writer.u32(number);
  return writer.finish();
}

/** Undefined for what we did not write. */
export function decodeOver(bytes: Uint8Array): OverNumbers | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return undefined;
  const floor = reader.u32();
  const count = reader.u8();
  const singles: number[] = [];
  for (let i = 0; i < count && i < MAX_SINGLES; i++) singles.push(reader.u32());
  return reader.done() === undefined ? over({ floor, singles: [] }, singles) : undefined;
}
