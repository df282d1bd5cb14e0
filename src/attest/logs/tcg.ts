/**
 * The firmware's event log, as the kernel shows it: in the crypto-agile form (several digests an event) or in the older
 * one (SHA-1 alone). Little-endian. TCG PC Client Platform Firmware Profile 1.06, sections 10.2 (structures) and 10.4
 * (event types); for the agile form the first event says which digests follow, and how long they are.
 *
 * Agile: PCR u32, type u32 = 3, SHA-1 digest 20 (zeros), size u32, Spec ID; then events: PCR u32, type u32, count u32,
 * count × (algorithm u16, digest), size u32, data. Older: events of PCR u32, type u32, digest 20, size u32, data.
 * @module
 */
import { ByteReader, copyBytes, startsWith, utf8, type Bytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { PCR_BYTES, PCR_COUNT, replay } from "../../kernel/pcr.ts";
import { u16le, u32le } from "./little-endian.ts";
import { EV_NO_ACTION, fitsItsData } from "./tcg-data.ts";

const MAX_BYTES = 16_777_216;
const MAX_EVENTS = 65_536;
const MAX_DATA_BYTES = 4_194_304;
const MAX_ALGORITHMS = 16;
const MAX_DIGEST_BYTES = 64;
const SHA1_BYTES = 20;
/** TPM_ALG_ID. */
const SHA1 = 0x0004;
const SHA256 = 0x000b;
/** Of the algorithms that may not have another length than this. */
const DIGEST_BYTES: ReadonlyMap<number, number> = new Map([
  [SHA1, SHA1_BYTES],
  [SHA256, PCR_BYTES],
  [0x000c, 48], // SHA-384
  [0x000d, 64], // SHA-512
]);

/** The highest class of platforms; 0 is a client. */
const SERVER = 1;
const UINTN_32 = 1;
const UINTN_64 = 2;

const SPEC_ID_AGILE = utf8("Spec ID Event03\0");
const STARTUP_LOCALITY = utf8("StartupLocality\0");

export interface TcgEvent {
  readonly pcr: number;
  readonly type: number;
  /** By the algorithm's number (TPM_ALG_ID). */
  readonly digests: ReadonlyMap<number, Bytes>;
  readonly data: Bytes;
}

export interface TcgLog {
  /** `sha1`: the older form, whose digests explain nothing of a SHA-256 register. */
  readonly form: "agile" | "sha1";
  /** Without the first, of the agile form. */
  readonly events: readonly TcgEvent[];
  /** From which locality the firmware started the TPM: the last byte of PCR 0's first value. */
  readonly startupLocality: number;
}

export function decodeTcgLog(bytes: Uint8Array): Decoded<TcgLog> {
  if (bytes.length > MAX_BYTES) return refused("too long");
  const reader = new ByteReader(bytes);
  const first = readSha1Event(reader);
  if (reader.failure !== undefined) return refused(reader.failure);
  const agile = first.type === EV_NO_ACTION && startsWith(first.data, SPEC_ID_AGILE);
  const events: TcgEvent[] = agile ? [] : [first];
  const algorithms = agile ? readSpecId(first, reader) : new Map<number, number>();
  while (reader.remaining > 0 && reader.failure === undefined) {
    if (events.length >= MAX_EVENTS) reader.fail("too many events");
    events.push(agile ? readAgileEvent(reader, algorithms) : readSha1Event(reader));
  }
  const startupLocality = localityOf(events, reader);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({ form: agile ? "agile" : "sha1", events, startupLocality });
}

/** What the log says of one register. */
export interface TcgReplay {
  /** After all of its events; undefined when it has none. */
  readonly value: Bytes | undefined;
  /** For people: why the log is no witness for this register; undefined when it is. */
  readonly wrong: string | undefined;
}

/** Of a SHA-256 register. */
export function replayTcg(log: TcgLog, pcr: number): TcgReplay {
  const start = new Uint8Array(PCR_BYTES);
  if (pcr === 0) start[PCR_BYTES - 1] = log.startupLocality;
  const digests: Bytes[] = [];
  for (const [at, event] of log.events.entries()) {
    if (event.pcr !== pcr || event.type === EV_NO_ACTION) continue;
    const digest = event.digests.get(SHA256);
    if (digest === undefined) return { value: undefined, wrong: "the events have no SHA-256 digest" };
    digests.push(digest);
    if (fitsItsData(event.type, event.data, digest) === "differs") {
      const what = `event ${at + 1} (of type 0x${event.type.toString(16)})`;
      return { value: undefined, wrong: `${what} tells of something else than was measured` };
    }
  }
  return { value: digests.length === 0 ? undefined : replay(digests, start), wrong: undefined };
}

/** @returns the length of each digest, by algorithm */
function readSpecId(header: TcgEvent, outer: ByteReader): ReadonlyMap<number, number> {
  const reader = new ByteReader(header.data.subarray(SPEC_ID_AGILE.length));
  if (u32le(reader) > SERVER) reader.fail("an unknown class of platform");
  const [minor, major] = [reader.u8(), reader.u8()];
  if (major !== 2 || minor !== 0) reader.fail("another version of the specification");
  reader.u8(); // its errata
  if (![UINTN_32, UINTN_64].includes(reader.u8())) reader.fail("an impossible size of UINTN");
  const algorithms = readAlgorithms(reader);
  reader.take(reader.u8()); // the vendor's own
  const digest = header.digests.get(SHA1) ?? new Uint8Array();
  if (header.pcr !== 0 || digest.some((byte) => byte !== 0)) reader.fail("a first event that extends");
  const failure = reader.done();
  if (failure !== undefined) outer.fail(failure);
  return algorithms;
}

function readAlgorithms(reader: ByteReader): ReadonlyMap<number, number> {
  const count = u32le(reader);
  if (count < 1 || count > MAX_ALGORITHMS) reader.fail("an impossible number of algorithms");
  const algorithms = new Map<number, number>();
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    const id = u16le(reader);
    const length = u16le(reader);
    if (length < 1 || length > MAX_DIGEST_BYTES || algorithms.has(id)) reader.fail("an impossible algorithm");
    if (length !== (DIGEST_BYTES.get(id) ?? length)) reader.fail("an impossible length of a digest");
    algorithms.set(id, length);
  }
  return algorithms;
}

function readSha1Event(reader: ByteReader): TcgEvent {
  const pcr = readPcr(reader);
  const type = u32le(reader);
  const digests = new Map([[SHA1, copyBytes(reader.take(SHA1_BYTES))]]);
  return { pcr, type, digests, data: readData(reader) };
}

/** Each bank once, every one of them: a TPM extends all. */
function readAgileEvent(reader: ByteReader, algorithms: ReadonlyMap<number, number>): TcgEvent {
  const pcr = readPcr(reader);
  const type = u32le(reader);
  if (u32le(reader) !== algorithms.size) reader.fail("another number of digests");
  const digests = new Map<number, Bytes>();
  for (let i = 0; i < algorithms.size && reader.failure === undefined; i++) {
    const id = u16le(reader);
    const length = algorithms.get(id);
    if (length === undefined || digests.has(id)) reader.fail("a digest of another algorithm");
    digests.set(id, copyBytes(reader.take(length ?? 0)));
  }
  return { pcr, type, digests, data: readData(reader) };
}

function readPcr(reader: ByteReader): number {
  const pcr = u32le(reader);
  if (pcr >= PCR_COUNT) reader.fail("of a register that is none");
  return pcr;
}

function readData(reader: ByteReader): Bytes {
  const length = u32le(reader);
  if (length > MAX_DATA_BYTES) reader.fail("an event too long");
  return copyBytes(reader.take(length));
}

/** 0 when the log does not say; 0, 3 or 4 are possible, said once, before anything is extended into PCR 0. */
function localityOf(events: readonly TcgEvent[], reader: ByteReader): number {
  const says = ({ type, data }: TcgEvent): boolean => type === EV_NO_ACTION && startsWith(data, STARTUP_LOCALITY);
  const at = events.findIndex(says);
  const event = events[at];
  if (event === undefined) return 0;
  const locality = event.data[STARTUP_LOCALITY.length] ?? 0xff;
  const complete = event.pcr === 0 && event.data.length === STARTUP_LOCALITY.length + 1;
  if (!complete || ![0, 3, 4].includes(locality)) reader.fail("an impossible start of the TPM");
  const before = events.slice(0, at).some(({ pcr, type }) => pcr === 0 && type !== EV_NO_ACTION);
  if (before || events.slice(at + 1).some(says)) reader.fail("a start of the TPM told twice or late");
  return locality;
}
