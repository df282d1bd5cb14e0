/** Archives as `tar` reads them: POSIX ustar, plain files only. Source: POSIX.1-2017, pax, "ustar Interchange Format". @module */
import { type Bytes, concatBytes, utf8 } from "../kernel/bytes.ts";

const BLOCK = 512;

export interface TarFile {
  /** At most 100 bytes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** @param atS Unix time in s, of all files */
export function tarOf(files: readonly TarFile[], atS: number): Bytes {
  const parts = files.flatMap(({ name, bytes }) => [
    headerOf(name, bytes.length, atS),
    bytes,
    new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  return concatBytes(...parts, new Uint8Array(2 * BLOCK));
}

function headerOf(name: string, bytes: number, atS: number): Bytes {
  const path = utf8(name);
  if (path.length > 100) throw new RangeError("a name of 100 bytes at most");
  const header = new Uint8Array(BLOCK);
  const put = (at: number, text: string): void => header.set(utf8(text), at);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  header.set(path, 0);
  put(100, `${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`);
  put(124, `${octal(bytes, 11)}\0${octal(Math.max(0, Math.floor(atS)), 11)}\0`);
  // The sum is taken with spaces in its own place.
  put(148, "        0");
  put(257, "ustar\u000000");
  put(265, "root");
  put(297, "root");
  put(
    148,
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
  );
  return header;
}
