/** Event logs for tests: the real ones of `test/vectors/tpm` (its README says of which machines), and others built here. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ByteWriter, concatBytes, fromHex, toHex, utf8, type Bytes } from "../../src/kernel/bytes.ts";
import { sha256 } from "./tpm.ts";

const VECTORS = join(import.meta.dirname, "../vectors/tpm");

const Expected = z.record(
  z.string(),
  z.object({
    eventLog: z.object({ file: z.string(), events: z.int(), sha256: z.record(z.string(), z.string()) }),
    ima: z.object({ file: z.string(), replayedPcr10: z.string(), realPcr10: z.string() }),
  }),
);

/** A machine whose start was recorded. */
export interface RecordedBoot {
  readonly name: string;
  readonly tcg: Bytes;
  readonly ima: Bytes;
  readonly events: number;
  /** What the registers of firmware really held. */
  readonly values: ReadonlyMap<number, Bytes>;
  /** What PCR 10 really held, and what the kernel's list leads to. */
  readonly pcr10: Bytes;
  readonly replayed10: Bytes;
}

export function recordedBoots(): readonly RecordedBoot[] {
  const expected = Expected.parse(JSON.parse(readFileSync(join(VECTORS, "expected.json"), "utf8")));
  return Object.entries(expected).map(([name, { eventLog, ima }]) => ({
    name,
    tcg: new Uint8Array(readFileSync(join(VECTORS, eventLog.file))),
    ima: imaBinary(readFileSync(join(VECTORS, ima.file), "utf8")),
    events: eventLog.events,
    values: new Map(Object.entries(eventLog.sha256).map(([pcr, hex]) => [Number(pcr), bytesOf(hex)])),
    pcr10: bytesOf(ima.realPcr10),
    replayed10: bytesOf(ima.replayedPcr10),
  }));
}

export function bytesOf(hex: string): Bytes {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`${hex} is not hex`);
  return bytes;
}

export function le(value: number, size: number): Bytes {
  return Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** at) % 256);
}

/** The kernel's binary list of its text form, templates ima-ng and ima-sig, for paths without spaces. */
export function imaBinary(text: string): Bytes {
  const lines = text.split("\n").filter((line) => line !== "");
  return concatBytes(
    ...lines.map((line) => {
      const [pcr = "", shown = "", template = "", digest = "", path = "", signature = ""] = line.split(" ");
      const [algorithm = "", hex = ""] = digest.split(":");
      const first = concatBytes(utf8(`${algorithm}:\0`), bytesOf(hex));
      const fields = [first, utf8(`${path}\0`), ...(template === "ima-sig" ? [bytesOf(signature)] : [])];
      return imaEntry(Number(pcr), bytesOf(shown), template, fields);
    }),
  );
}

export function imaEntry(pcr: number, shown: Bytes, template: string, fields: readonly Bytes[]): Bytes {
  const data = concatBytes(...fields.flatMap((field) => [le(field.length, 4), field]));
  return concatBytes(le(pcr, 4), shown, le(template.length, 4), utf8(template), le(data.length, 4), data);
}

/** One of systemd's records, as it writes them. */
export function celRecord(pcr: number, text: string, digest: Uint8Array = sha256(text)): string {
  const record = {
    pcr,
    digests: [{ hashAlg: "sha256", digest: toHex(digest) }],
    content_type: "systemd",
    content: { string: text, bootId: "0123456789abcdef0123456789abcdef", timestamp: 1, eventType: "phase" },
  };
  return `\u{1e}${JSON.stringify(record)}\n`;
}

export interface BuiltEvent {
  readonly pcr: number;
  readonly type: number;
  readonly data: Bytes;
  /** Of the data when left out. */
  readonly sha256?: Bytes;
}

/** A crypto-agile log with SHA-256 alone. */
export function tcgLog(events: readonly BuiltEvent[]): Bytes {
  const spec = concatBytes(
    utf8("Spec ID Event03\0"),
    le(0, 4),
    bytesOf("00020002"),
    le(1, 4),
    le(11, 2),
    le(32, 2),
    le(0, 1),
  );
  const header = concatBytes(le(0, 4), le(3, 4), new Uint8Array(20), le(spec.length, 4), spec);
  const rest = events.map(({ pcr, type, data, sha256: digest = sha256(data) }) =>
    concatBytes(le(pcr, 4), le(type, 4), le(1, 4), le(11, 2), digest, le(data.length, 4), data),
  );
  return concatBytes(header, ...rest);
}

/** The older form. */
export function sha1Log(events: readonly { pcr: number; type: number; sha1: Bytes; data: Bytes }[]): Bytes {
  return concatBytes(
    ...events.map(({ pcr, type, sha1, data }) => concatBytes(le(pcr, 4), le(type, 4), sha1, le(data.length, 4), data)),
  );
}

/** The log that says from which locality the TPM was started. */
export function startupLocality(locality: number): BuiltEvent {
  const data = new ByteWriter().bytes(utf8("StartupLocality\0")).u8(locality).finish();
  return { pcr: 0, type: 3, data, sha256: new Uint8Array(32) };
}
