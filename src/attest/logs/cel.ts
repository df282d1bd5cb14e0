/**
 * systemd's log of what it measured (`/run/log/systemd/tpm2-measure.log`): a sequence of JSON texts (RFC 7464), each an
 * event of the TCG's Canonical Event Log, without numbers. A record begins with the byte 1E and ends with a line feed.
 * Digests per bank, in lower-case hex. Records of NV indices (`nv_index` instead of `pcr`) explain no register.
 * systemd, `src/shared/tpm2-util.c` (read, not copied); TCG Canonical Event Log Format 1.0.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { equalBytes, fromHex, fromUtf8, utf8, type Bytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { extend, PCR_COUNT } from "../../kernel/pcr.ts";

const MAX_BYTES = 16_777_216;
const MAX_RECORDS = 16_384;
const MAX_NAME_CHARS = 64;
const RECORD_START = "\u{1e}";
/** Hex digits of a digest, by the names that the TCG gives the algorithms. */
const DIGEST_HEX: ReadonlyMap<string, number> = new Map([
  ["sha1", 40],
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
  ["sm3_256", 64],
  ["sha3_256", 64],
  ["sha3_384", 96],
  ["sha3_512", 128],
]);

export interface CelEvent {
  readonly pcr: number;
  /** SHA-256; undefined when the record has none for that bank. */
  readonly digest: Bytes | undefined;
  /** For people: what systemd says that it measured; empty when it does not say. */
  readonly text: string;
  /** True when the digest is that text's. Of what is secret, systemd tells another text. */
  readonly fits: boolean;
}

export interface CelLog {
  readonly events: readonly CelEvent[];
}

const Digest = z
  .object({ hashAlg: z.string(), digest: z.string().regex(/^[0-9a-f]+$/u) })
  .refine(({ hashAlg, digest }) => digest.length === DIGEST_HEX.get(hashAlg));

const Record = z
  .object({
    recnum: z.int().min(0).optional(),
    pcr: z
      .int()
      .min(0)
      .max(PCR_COUNT - 1)
      .optional(),
    nv_index: z.int().min(0).max(0xffff_ffff).optional(),
    digests: z.array(Digest).min(1).max(8),
    content_type: z.string().max(MAX_NAME_CHARS),
    content: z.unknown(),
  })
  .refine(({ pcr, nv_index: nv }) => (pcr === undefined) !== (nv === undefined))
  .refine(({ digests }) => new Set(digests.map(({ hashAlg }) => hashAlg)).size === digests.length);

const Content = z.object({ string: z.string() });

export function decodeCelLog(bytes: Uint8Array): Decoded<CelLog> {
  if (bytes.length > MAX_BYTES) return refused("too long");
  const text = fromUtf8(bytes);
  if (text === undefined) return refused("no text");
  if (text === "") return decoded({ events: [] });
  if (!text.startsWith(RECORD_START)) return refused("not a sequence of records");
  const records = text.slice(1).split(RECORD_START);
  if (records.length > MAX_RECORDS) return refused("too many records");
  const events: CelEvent[] = [];
  for (const record of records) {
    if (!record.endsWith("\n")) return refused("truncated");
    const parsed = Record.safeParse(parse(record));
    if (!parsed.success) return refused("not a record of an event");
    const event = eventOf(parsed.data);
    if (event !== undefined) events.push(event);
  }
  return decoded({ events });
}

/**
 * The values that the register had on its way through the log, from the given one on, each with the event that led to
 * it: systemd may have gone on since the register was read. Undefined when an event has no SHA-256 digest.
 */
export function celValues(log: CelLog, pcr: number, base: Uint8Array): readonly Bytes[] | undefined {
  const values: Bytes[] = [];
  for (const event of log.events) {
    if (event.pcr !== pcr) continue;
    if (event.digest === undefined) return undefined;
    values.push(extend(values.at(-1) ?? base, event.digest));
  }
  return values;
}

function eventOf({ pcr, digests, content }: z.infer<typeof Record>): CelEvent | undefined {
  if (pcr === undefined) return undefined;
  const hex = digests.find(({ hashAlg }) => hashAlg === "sha256")?.digest;
  const digest = hex === undefined ? undefined : fromHex(hex);
  const said = Content.safeParse(content);
  const text = said.success ? said.data.string : "";
  const fits =
    digest !== undefined && text !== "" && equalBytes(createHash("sha256").update(utf8(text)).digest(), digest);
  return { pcr, digest, text, fits };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
