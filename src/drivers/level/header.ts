/**
 * What says that a store stands in a directory, in which format, and under which key: a marker file beside the
 * database, and the same in the database itself, so that losing either loses nothing.
 * @module
 */
import { readFile } from "node:fs/promises";
import { timingSafeEqual } from "node:crypto";
import { type Bytes, ByteReader, ByteWriter, copyBytes, fromHex, toHex, utf8 } from "../../kernel/bytes.ts";
import { AgentError, systemCode } from "../../kernel/errors.ts";
import { writeFileAtomic } from "../atomic-file.ts";
import { CHECK_BYTES } from "./cipher.ts";

/** Raised when an older Caye could not read what this one writes. */
export const STORE_FORMAT = 1;

export interface Header {
  readonly format: number;
  readonly check: Bytes;
}

const LINES = /^caye store\nformat ([0-9]{1,9})\ncheck ([0-9a-f]{32})\n/;

/** "absent", or "unreadable" when there is a file without a header in it. */
export async function readMarker(path: string): Promise<Header | "absent" | "unreadable"> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "absent";
    throw error;
  }
  const [, format, check] = LINES.exec(text) ?? [];
  const bytes = check === undefined ? undefined : fromHex(check);
  return bytes === undefined ? "unreadable" : { format: Number(format), check: bytes };
}

export async function writeMarker(path: string, check: Uint8Array): Promise<void> {
  await writeFileAtomic(path, utf8(`caye store\nformat ${STORE_FORMAT}\ncheck ${toHex(check)}\n`), 0o600);
}

export function encodeHeader(check: Uint8Array): Bytes {
  return new ByteWriter().u32(STORE_FORMAT).bytes(check).finish();
}

/** Undefined when the record is damaged. A newer format may have more fields: they are not looked at. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  const reader = new ByteReader(bytes);
  const format = reader.u32();
  const check = copyBytes(reader.take(CHECK_BYTES));
  return reader.failure === undefined ? { format, check } : undefined;
}

/** @throws AgentError "STORE_NEWER" */
export function demandFormat(header: Header, directory: string): void {
  if (header.format <= STORE_FORMAT) return;
  throw new AgentError(
    "STORE_NEWER",
    `the store in ${directory} has format ${header.format}; this Caye reads up to ${STORE_FORMAT}`,
    { fix: "install the Caye that wrote it, or a newer one; the store is left as it is" },
  );
}

/** @throws AgentError "STORE_NEWER", "STORE_KEY" */
export function demandHeader(header: Header, check: Uint8Array, directory: string): void {
  demandFormat(header, directory);
  if (isHeaderOf(header, check)) return;
  throw new AgentError("STORE_KEY", `the store in ${directory} was written under another key`, {
    fix: "put back the TPM state or key that belongs to it; or move the directory away to begin a new store",
  });
}

/** True for a header that was read, and of the key with that check. */
export function isHeaderOf(header: Header | string, check: Uint8Array): boolean {
  return typeof header === "object" && header.check.length === check.length && timingSafeEqual(header.check, check);
}
