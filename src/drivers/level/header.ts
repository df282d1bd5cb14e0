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

/** All values under one key. */
const SINGLE = 1;
/** Values under two keys: on their way from the former to the other. An older Caye must not touch such a store. */
const MOVING = 2;
/** Raised when an older Caye could not read what this one writes. */
const NEWEST = MOVING;
const MAX_CURSOR_BYTES = 65_536;

export interface Header {
  readonly format: number;
  /** Of the key that values are written under. */
  readonly check: Bytes;
  /** Of the key that values move away from; undefined when all are under one. */
  readonly former?: Bytes | undefined;
  /** While they move: all up to this key of the database were moved. Empty at the beginning. */
  readonly cursor?: Bytes | undefined;
}

const LINES = /^caye store\nformat ([0-9]{1,9})\ncheck ([0-9a-f]{32})\n(?:former ([0-9a-f]{32})\n)?/;

/** "absent", or "unreadable" when there is a file without a header in it. */
export async function readMarker(path: string): Promise<Header | "absent" | "unreadable"> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "absent";
    throw error;
  }
  const [, format, check, former] = LINES.exec(text) ?? [];
  const bytes = check === undefined ? undefined : fromHex(check);
  if (bytes === undefined) return "unreadable";
  return { format: Number(format), check: bytes, former: former === undefined ? undefined : fromHex(former) };
}

export async function writeMarker(path: string, { check, former }: Pick<Header, "check" | "former">): Promise<void> {
  const moving = former === undefined ? "" : `former ${toHex(former)}\n`;
  const format = former === undefined ? SINGLE : MOVING;
  await writeFileAtomic(path, utf8(`caye store\nformat ${format}\ncheck ${toHex(check)}\n${moving}`), 0o600);
}

/** Format u32, check 16; while values move, also the former check 16 and the cursor to the end. */
export function encodeHeader({ check, former, cursor }: Omit<Header, "format">): Bytes {
  if (former === undefined) return new ByteWriter().u32(SINGLE).bytes(check).finish();
  return new ByteWriter()
    .u32(MOVING)
    .bytes(check)
    .bytes(former)
    .bytes(cursor ?? new Uint8Array())
    .finish();
}

/** Undefined when the record is damaged. A newer format may have more fields: they are not looked at. */
export function decodeHeader(bytes: Uint8Array): Header | undefined {
  const reader = new ByteReader(bytes);
  const format = reader.u32();
  const check = copyBytes(reader.take(CHECK_BYTES));
  const former = format === MOVING ? copyBytes(reader.take(CHECK_BYTES)) : undefined;
  if (reader.failure !== undefined) return undefined;
  if (former === undefined) return { format, check };
  const cursor = copyBytes(bytes.subarray(4 + 2 * CHECK_BYTES));
  return cursor.length > MAX_CURSOR_BYTES ? undefined : { format, check, former, cursor };
}

/** @throws AgentError "STORE_NEWER" */
export function demandFormat(header: Header, directory: string): void {
  if (header.format <= NEWEST) return;
  throw new AgentError(
    "STORE_NEWER",
    `the store in ${directory} has format ${header.format}; this Caye reads up to ${NEWEST}`,
    { fix: "install the Caye that wrote it, or a newer one; the store is left as it is" },
  );
}

/** True when both say the same of the keys. */
export function isSameHeader(header: Header | string, other: Pick<Header, "check" | "former">): boolean {
  if (typeof header !== "object" || !isCheck(header.check, other.check)) return false;
  return isCheck(header.former, other.former);
}

/** Takes the same time however much differs. */
export function isCheck(check: Uint8Array | undefined, wanted: Uint8Array | undefined): boolean {
  if (check === undefined || wanted === undefined) return check === wanted;
  return check.length === wanted.length && timingSafeEqual(check, wanted);
}
