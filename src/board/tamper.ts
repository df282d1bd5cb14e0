/** Remembers that the case was opened, over power cuts and restarts, until the operator says that it was seen. @module */
import { z } from "zod";
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import type { Memory } from "../ports/memory.ts";

export interface Tampering {
  /** Unix ms; 0 when the clock was not set. */
  readonly atMs: number;
  /** The village was told, where it is to be told. */
  readonly told: boolean;
}

const FILE = "tamper.json";
/** ECMA-262, 21.4.1.1: no date is later. */
const LATEST_MS = 8.64e15;
const SHAPE = z.strictObject({ at_ms: z.int().min(0).max(LATEST_MS), told: z.boolean() });

/** Undefined while nothing is remembered. @throws what the memory throws */
export async function recallTampering(memory: Memory): Promise<Tampering | undefined> {
  const bytes = await memory.read(FILE);
  if (bytes === undefined) return undefined;
  // Whatever stands there, something was written: what can't be read is an opened case, too.
  return decodeTampering(bytes) ?? { atMs: 0, told: false };
}

export function rememberTampering(memory: Memory, { atMs, told }: Tampering): Promise<void> {
  return memory.writeAtomic(FILE, utf8(JSON.stringify({ at_ms: atMs, told })));
}

export function forgetTampering(memory: Memory): Promise<void> {
  return memory.remove(FILE);
}

function decodeTampering(bytes: Uint8Array): Tampering | undefined {
  try {
    const read = SHAPE.safeParse(JSON.parse(fromUtf8(bytes) ?? ""));
    return read.success ? { atMs: read.data.at_ms, told: read.data.told } : undefined;
  } catch {
    return undefined;
  }
}
