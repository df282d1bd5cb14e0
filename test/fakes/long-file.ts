/** Long files in memory. @module */
import { concatBytes, copyBytes } from "../../src/kernel/bytes.ts";
import type { LongFiles } from "../../src/ports/long-file.ts";

const PIECE_BYTES = 65_536;

/** Over the same files as a fake machine's. @param room bytes that fit on the disk */
export function fakeLongFiles(files: Map<string, Uint8Array>, room = Infinity): LongFiles {
  return {
    write: async (path, pieces) => {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of pieces) {
        bytes += piece.length;
        if (bytes > room) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        parts.push(piece);
      }
      files.set(path, concatBytes(...parts));
      return bytes;
    },
    read: async function* (path) {
      const bytes = files.get(path);
      if (bytes === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield copyBytes(bytes.subarray(at, at + PIECE_BYTES));
    },
  };
}
