/** Long files on this machine's disk. @module */
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { copyBytes } from "../kernel/bytes.ts";
import type { LongFiles } from "../ports/long-file.ts";
import { syncDirectory } from "./atomic-file.ts";

const PIECE_BYTES = 65_536;

export function longFiles(): LongFiles {
  return { write, read };
}

async function write(path: string, pieces: AsyncIterable<Uint8Array>, mode: number): Promise<number> {
  const draft = join(dirname(path), `.${basename(path)}.part`);
  let bytes = 0;
  try {
    // What a power cut left behind is begun anew.
    await rm(draft, { force: true });
    await using file = await open(draft, "wx", mode);
    for await (const piece of pieces) {
      await file.writeFile(piece);
      bytes += piece.length;
    }
    await file.sync();
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
  await rename(draft, path);
  await syncDirectory(dirname(path));
  return bytes;
}

async function* read(path: string) {
  await using file = await open(path);
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES));
    if (bytesRead === 0) return;
    yield copyBytes(buffer.subarray(0, bytesRead));
  }
}
