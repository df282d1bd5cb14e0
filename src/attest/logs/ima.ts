/**
 * The kernel's list of the files that it measured (IMA), in its binary form: the text form can't tell a path with spaces
 * from two fields. Little-endian. Linux, `security/integrity/ima/ima_fs.c` and `ima_template_lib.c` (read, not copied).
 *
 * An entry: PCR u32, SHA-1 digest 20, length of the template's name u32, name, and then, for all templates but `ima`,
 * length u32 and that many bytes of fields, each a length u32 and bytes; for `ima` a digest of 20 bytes, length u32, path.
 * The digest is taken of the fields, with their lengths; for `ima` of the digest and of the path, padded to 256 bytes.
 * Into the SHA-256 register goes SHA-256 of the same bytes (kernels before 5.8 extend the SHA-1 digest instead: those
 * lists explain nothing here). An entry whose digest is zero is a violation, a file that changed while it was measured:
 * all ones are extended.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteReader, concatBytes, copyBytes, equalBytes, fromUtf8, type Bytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { extend, PCR_BYTES, PCR_COUNT } from "../../kernel/pcr.ts";
import { u32le } from "./little-endian.ts";

const MAX_BYTES = 16_777_216;
const MAX_ENTRIES = 262_144;
const MAX_NAME_BYTES = 64;
const MAX_FIELDS = 16;
const SHA1_BYTES = 20;
/** The template `ima` alone: a path of at most 255 bytes, padded. */
const PADDED_PATH_BYTES = 256;
/** By template: how many fields. Of others only that they are whole. */
const FIELDS: ReadonlyMap<string, number> = new Map([
  ["ima-ng", 2],
  ["ima-ngv2", 2],
  ["ima-sig", 3],
  ["ima-sigv2", 3],
  ["ima-buf", 3],
  ["ima-modsig", 5],
]);

export interface ImaEntry {
  readonly pcr: number;
  readonly template: string;
  /** What was extended into the SHA-256 register. */
  readonly digest: Bytes;
  /** Of the file, or of a buffer's name, as the kernel wrote it; empty when it is no UTF-8. */
  readonly path: string;
  readonly violation: boolean;
}

export interface ImaLog {
  readonly entries: readonly ImaEntry[];
}

export function decodeImaLog(bytes: Uint8Array): Decoded<ImaLog> {
  if (bytes.length > MAX_BYTES) return refused("too long");
  const reader = new ByteReader(bytes);
  const entries: ImaEntry[] = [];
  while (reader.remaining > 0 && reader.failure === undefined) {
    if (entries.length >= MAX_ENTRIES) reader.fail("too many entries");
    entries.push(readEntry(reader));
  }
  const failure = reader.done();
  return failure === undefined ? decoded({ entries }) : refused(failure);
}

/**
 * How many entries lead to that value of the register; undefined when none do. The list goes on growing after the
 * register was read: what is behind that point does not count.
 * @param base the register's value before the first entry: zeros unless firmware extends it
 */
export function entriesThatGive(
  log: ImaLog,
  pcr: number,
  wanted: Uint8Array,
  base: Uint8Array = new Uint8Array(PCR_BYTES),
): number | undefined {
  let value = base;
  for (const [at, entry] of log.entries.entries()) {
    if (entry.pcr !== pcr) continue;
    value = extend(value, entry.digest);
    if (equalBytes(value, wanted)) return at + 1;
  }
  return undefined;
}

interface Measured {
  /** What the digest is taken of. */
  readonly bytes: Uint8Array;
  readonly path: Uint8Array;
}

function readEntry(reader: ByteReader): ImaEntry {
  const pcr = u32le(reader);
  if (pcr >= PCR_COUNT) reader.fail("of a register that is none");
  const shown = reader.take(SHA1_BYTES);
  const nameBytes = u32le(reader);
  if (nameBytes < 1 || nameBytes > MAX_NAME_BYTES) reader.fail("an impossible name of a template");
  const template = fromUtf8(reader.take(nameBytes)) ?? "";
  const { bytes, path } = template === "ima" ? readOldest(reader) : readFields(reader, template);
  const violation = shown.every((byte) => byte === 0);
  if (!violation && !equalBytes(hash("sha1", bytes), shown)) reader.fail("a digest that is not its entry's");
  const digest = violation ? new Uint8Array(PCR_BYTES).fill(0xff) : hash("sha256", bytes);
  return { pcr, template, digest, path: fromUtf8(path) ?? "", violation };
}

function readOldest(reader: ByteReader): Measured {
  const digest = reader.take(SHA1_BYTES);
  const length = u32le(reader);
  if (length >= PADDED_PATH_BYTES) reader.fail("a path too long");
  const path = reader.take(length);
  const padding = new Uint8Array(PADDED_PATH_BYTES - path.length);
  return { bytes: concatBytes(digest, path, padding), path };
}

function readFields(reader: ByteReader, template: string): Measured {
  const bytes = reader.take(u32le(reader));
  const inner = new ByteReader(bytes);
  const fields: Uint8Array[] = [];
  while (inner.remaining > 0 && inner.failure === undefined) {
    if (fields.length >= MAX_FIELDS) inner.fail("too many fields");
    fields.push(inner.take(u32le(inner)));
  }
  const failure = inner.done();
  if (failure !== undefined) reader.fail(failure);
  if (fields.length !== (FIELDS.get(template) ?? Math.max(1, fields.length)))
    reader.fail("other fields than its template");
  const [, name = new Uint8Array()] = fields;
  const ended = name.at(-1) === 0 ? name.subarray(0, -1) : name;
  return { bytes, path: copyBytes(ended) };
}

function hash(algorithm: "sha1" | "sha256", bytes: Uint8Array): Bytes {
  return new Uint8Array(createHash(algorithm).update(bytes).digest());
}
