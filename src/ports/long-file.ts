/** Files too long for the memory: read and written piece by piece. @module */
import type { Bytes } from "../kernel/bytes.ts";

export interface LongFiles {
  /**
   * Writes all pieces beside the path, syncs them, and renames: until then whatever stood there stands.
   * @param mode permission bits @returns how many bytes were written
   * @throws a system error, and what the pieces throw
   */
  write(path: string, pieces: AsyncIterable<Uint8Array>, mode: number): Promise<number>;
  /** Pieces of 1 … 65,536 bytes. @throws a system error */
  read(path: string): AsyncIterable<Bytes>;
}
