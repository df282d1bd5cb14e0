/**
 * Evidence in as few bytes as the air allows: what its receiver knows or can work out is left out, and put back byte for
 * byte, so that the TPM's signature still holds over it. P-256 attestation keys under the endorsement hierarchy only, and
 * no log but the agent's own.
 *
 * Layout: head (bits 7 … 5: bytes of the clock less one, 4: an own log follows, 3: it has a base, 2: firmware is sent,
 * 1: leading zeros of r and s are left out, 0: safe), clock (big-endian, as short as can be), resetCount and restartCount
 * (varints), firmware (8 bytes), own log (how often the four events were measured; one byte each time, bits 0 … 3: which of
 * them are _sent_; base; the digests that are sent), a bit for each register _sent_ (from the highest of a byte, to a whole byte), the values that are
 * sent, r and s (32 bytes each).
 * @module
 */
import { createHash } from "node:crypto";
import { OWN_EVENTS, type Evidence } from "../kernel/attest.ts";
import { ByteReader, ByteWriter, concatBytes, copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { isZero, PCR_BYTES, pcrDigest, pcrSelection, sortedPcrs } from "../kernel/pcr.ts";
import { ALGORITHM, decodeEccPublic } from "../kernel/tpm-public.ts";
import { decodeEventLog, encodeEventLog, replayLog, type EventLog, type MeasuredEvent } from "./logs/own.ts";
import { ATTEST_QUOTE, decodeAttest, GENERATED_BY_TPM, type Attest } from "./quote.ts";

/** What both sides know of a question. */
export interface CompactFrame {
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: Uint8Array;
  /** 16 … 32 bytes. */
  readonly nonce: Uint8Array;
  readonly pcrs: readonly number[];
  /** The register of the agent's own events. */
  readonly ownPcr: number;
}

/**
 * What a verifier expects, in this order: digests of the four own events, firmware (8 bytes), values of the registers in
 * rising order without {@link CompactFrame.ownPcr}. Undefined where it expects nothing.
 */
export type Expectations = readonly (Uint8Array | undefined)[];

const FIRMWARE_SLOT = OWN_EVENTS.length;
const COORDINATE_BYTES = 32;
/** A log of more is left out. */
const MAX_ROUNDS = 8;
/** TPM_RH_ENDORSEMENT: the parent of a primary key's qualified name. */
const ENDORSEMENT_HIERARCHY = 0x4000_000b;
const HEAD = { safe: 0x01, stripped: 0x02, firmware: 0x04, base: 0x08, log: 0x10 } as const;

/** By which an asker names what it expects: 2 bytes of a hash as a number; 0 for nothing. */
export function expectationTag(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  const [high = 0, low = 0] = createHash("sha256").update(value).digest();
  return 256 * high + low;
}

/** As {@link Expectations} has it. */
export function firmwareBytes(firmware: bigint): Bytes {
  return new ByteWriter().u64(firmware).finish();
}

/**
 * Refused for what can't be said so: another kind of key, a quote that is not of just these registers. The agent's own log
 * is left out when it does not explain its register, or is not of whole rounds of the four events (their names are not
 * signed: only their order tells them); other logs always are.
 * @param tags what the asker expects: see {@link expectationTag}
 */
export function compactOf(evidence: Evidence, frame: CompactFrame, tags: readonly number[]): Decoded<Bytes> {
  const attest = decodeAttest(evidence.attest);
  const signature = decodeSignature(evidence.signature);
  if (!attest.ok) return attest;
  if (signature === undefined) return refused("not a P-256 signature");
  const log = explainingLog(evidence, frame);
  const isSent = (slot: number, value: Uint8Array): boolean => {
    const tag = tags[slot] ?? 0;
    return tag === 0 || tag !== expectationTag(value);
  };
  const firmware = firmwareBytes(attest.value.firmware);
  const sendsFirmware = isSent(FIRMWARE_SLOT, firmware);
  const writer = new ByteWriter();
  writeHead(writer, attest.value, {
    log: log !== undefined,
    base: log !== undefined && !isZero(log.base),
    firmware: sendsFirmware,
    stripped: signature.stripped,
    safe: attest.value.safe,
  });
  if (sendsFirmware) writer.bytes(firmware);
  if (log !== undefined) writeLog(writer, log, isSent);
  const values = registersOf(frame, log).map(({ pcr, slot }) => {
    const value = evidence.values.get(pcr) ?? new Uint8Array(PCR_BYTES);
    return { value, sent: slot === undefined || isSent(slot, value) };
  });
  writeFlags(writer, values);
  for (const { value, sent } of values) if (sent) writer.bytes(value);
  const bytes = writer.bytes(signature.rs).finish();
  const built = attestOf(frame, { ...attest.value, values: evidence.values });
  return equalBytes(built, evidence.attest) ? decoded(bytes) : refused("not a quote of these registers by that key");
}

/** Total: any bytes give evidence or a reason. Whether it is true its verifier must judge. */
export function expandCompact(bytes: Uint8Array, frame: CompactFrame, expected: Expectations): Decoded<Evidence> {
  const reader = new ByteReader(bytes);
  const expectation = (slot: number): Uint8Array => {
    const value = expected[slot];
    if (value === undefined) reader.fail("nothing expected in place of what is left out");
    return value ?? new Uint8Array(PCR_BYTES);
  };
  const head = reader.u8();
  const counters = readCounters(reader, head);
  const firmware = new ByteReader((head & HEAD.firmware) === 0 ? expectation(FIRMWARE_SLOT) : reader.take(8)).u64();
  const log = readLog(reader, head, frame.ownPcr, expectation);
  if (log !== undefined && !frame.pcrs.includes(frame.ownPcr)) reader.fail("own log of a register not asked for");
  const values = readValues(reader, registersOf(frame, log), expectation);
  if (log !== undefined) values.set(frame.ownPcr, replayLog(log));
  const signature = readSignature(reader, (head & HEAD.stripped) !== 0);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  const safe = (head & HEAD.safe) !== 0;
  const own = log === undefined ? undefined : encodeEventLog(log);
  return decoded({
    attest: attestOf(frame, { ...counters, safe, firmware, values }),
    signature: encodeSignature(signature),
    akPublic: copyBytes(frame.akPublic),
    pcrs: sortedPcrs(frame.pcrs),
    values,
    logs: { own, tcg: undefined, ima: undefined, cel: undefined },
  });
}

interface Signature {
  /** 64 bytes. */
  readonly rs: Bytes;
  /** Leading zeros are left out in the TPM's own bytes. */
  readonly stripped: boolean;
}

/** What a quote says beside its frame. */
export interface QuoteContent extends Pick<Attest, "clock" | "resetCount" | "restartCount" | "safe" | "firmware"> {
  readonly values: ReadonlyMap<number, Uint8Array>;
}

/** TPMS_ATTEST as a TPM builds it. Empty when a value is missing or the key is none. */
export function attestOf({ akPublic, nonce, pcrs }: Omit<CompactFrame, "ownPcr">, content: QuoteContent): Bytes {
  const key = decodeEccPublic(akPublic);
  if (!key.ok || !pcrs.every((pcr) => content.values.has(pcr))) return new Uint8Array(0);
  const qualified = new ByteWriter().u32(ENDORSEMENT_HIERARCHY).bytes(key.value.name).finish();
  const signer = createHash("sha256").update(qualified).digest();
  return new ByteWriter()
    .u32(GENERATED_BY_TPM)
    .u16(ATTEST_QUOTE)
    .u16(2 + signer.length)
    .u16(ALGORITHM.sha256)
    .bytes(signer)
    .u16(nonce.length)
    .bytes(nonce)
    .u64(content.clock)
    .u32(content.resetCount)
    .u32(content.restartCount)
    .u8(content.safe ? 1 : 0)
    .u64(content.firmware)
    .bytes(pcrSelection(pcrs))
    .u16(PCR_BYTES)
    .bytes(pcrDigest(pcrs, content.values))
    .finish();
}

function encodeSignature({ rs, stripped }: Signature): Bytes {
  const writer = new ByteWriter().u16(ALGORITHM.ecdsa).u16(ALGORITHM.sha256);
  for (const half of [rs.subarray(0, COORDINATE_BYTES), rs.subarray(COORDINATE_BYTES)]) {
    const from = stripped ? zerosBefore(half) : 0;
    writer.u16(half.length - from).bytes(half.subarray(from));
  }
  return writer.finish();
}

/** Undefined for what {@link encodeSignature} does not give. */
function decodeSignature(bytes: Uint8Array): Signature | undefined {
  const reader = new ByteReader(bytes);
  reader.u32();
  const halves = [reader.take(reader.u16()), reader.take(reader.u16())];
  if (reader.done() !== undefined || halves.some(({ length }) => length > COORDINATE_BYTES)) return undefined;
  const rs = concatBytes(...halves.map((half) => concatBytes(new Uint8Array(COORDINATE_BYTES - half.length), half)));
  const signature = { rs, stripped: halves.some(({ length }) => length < COORDINATE_BYTES) };
  return equalBytes(encodeSignature(signature), bytes) ? signature : undefined;
}

function readSignature(reader: ByteReader, stripped: boolean): Signature {
  const rs = copyBytes(reader.take(2 * COORDINATE_BYTES));
  if (stripped && rs[0] !== 0 && rs[COORDINATE_BYTES] !== 0) reader.fail("no leading zeros to leave out");
  return { rs, stripped };
}

function zerosBefore(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.length : first;
}

type Flags = Readonly<Record<keyof typeof HEAD, boolean>>;

function writeHead(writer: ByteWriter, { clock, resetCount, restartCount }: Attest, flags: Flags): void {
  const whole = new ByteWriter().u64(clock).finish();
  const short = whole.subarray(Math.min(zerosBefore(whole), whole.length - 1));
  let head = (short.length - 1) << 5;
  if (flags.safe) head |= HEAD.safe;
  if (flags.stripped) head |= HEAD.stripped;
  if (flags.firmware) head |= HEAD.firmware;
  if (flags.base) head |= HEAD.base;
  if (flags.log) head |= HEAD.log;
  writer.u8(head).bytes(short).varint(resetCount).varint(restartCount);
}

function readCounters(reader: ByteReader, head: number): Pick<Attest, "clock" | "resetCount" | "restartCount"> {
  const short = reader.take((head >> 5) + 1);
  if (short.length > 1 && short[0] === 0) reader.fail("clock not in its shortest form");
  const clock = short.reduce((sum, byte) => 256n * sum + BigInt(byte), 0n);
  return { clock, resetCount: reader.varint(), restartCount: reader.varint() };
}

/** The agent's own log, when it explains the value of its register. */
function explainingLog({ logs, values }: Evidence, { pcrs, ownPcr }: CompactFrame): EventLog | undefined {
  const log = logs.own === undefined ? undefined : decodeEventLog(logs.own);
  const value = pcrs.includes(ownPcr) ? values.get(ownPcr) : undefined;
  if (log?.ok !== true || value === undefined || log.value.pcr !== ownPcr) return undefined;
  const { events } = log.value;
  if (events.length % OWN_EVENTS.length !== 0 || events.length > MAX_ROUNDS * OWN_EVENTS.length) return undefined;
  if (!events.every(({ name }, i) => name === OWN_EVENTS[i % OWN_EVENTS.length])) return undefined;
  return equalBytes(replayLog(log.value), value) ? log.value : undefined;
}

function writeLog(writer: ByteWriter, log: EventLog, isSent: (slot: number, value: Uint8Array) => boolean): void {
  const size = OWN_EVENTS.length;
  const events = log.events.map(({ digest }, i) => ({ digest, sent: isSent(i % size, digest) }));
  writer.u8(events.length / size);
  for (let at = 0; at < events.length; at += size) {
    writer.u8(events.slice(at, at + size).reduce((byte, { sent }, slot) => (sent ? byte | (1 << slot) : byte), 0));
  }
  if (!isZero(log.base)) writer.bytes(log.base);
  for (const { digest, sent } of events) if (sent) writer.bytes(digest);
}

function readLog(
  reader: ByteReader,
  head: number,
  pcr: number,
  expectation: (slot: number) => Uint8Array,
): EventLog | undefined {
  const hasBase = (head & HEAD.base) !== 0;
  if ((head & HEAD.log) === 0) {
    if (hasBase) reader.fail("base without a log");
    return undefined;
  }
  const rounds = reader.u8();
  if (rounds > MAX_ROUNDS) reader.fail("too many own events");
  const marks = [...reader.take(rounds)];
  if (marks.some((mark) => mark >> OWN_EVENTS.length !== 0)) reader.fail("own event unknown");
  const base = hasBase ? copyBytes(reader.take(PCR_BYTES)) : new Uint8Array(PCR_BYTES);
  if (hasBase && isZero(base)) reader.fail("base of zeros");
  const events = marks.flatMap((mark) =>
    OWN_EVENTS.map((name, slot): MeasuredEvent => {
      const sent = ((mark >> slot) & 1) === 1;
      return { name, digest: copyBytes(sent ? reader.take(PCR_BYTES) : expectation(slot)) };
    }),
  );
  return { pcr, base, events };
}

interface Register {
  readonly pcr: number;
  /** Its place among the {@link Expectations}; undefined when there is none. */
  readonly slot: number | undefined;
}

/** Those whose values the own log does not give. */
function registersOf({ pcrs, ownPcr }: CompactFrame, log: EventLog | undefined): readonly Register[] {
  const others = sortedPcrs(pcrs).filter((pcr) => pcr !== ownPcr);
  const wanted = log === undefined ? sortedPcrs(pcrs) : others;
  return wanted.map((pcr) => ({ pcr, slot: pcr === ownPcr ? undefined : FIRMWARE_SLOT + 1 + others.indexOf(pcr) }));
}

function writeFlags(writer: ByteWriter, items: readonly { readonly sent: boolean }[]): void {
  for (let at = 0; at < items.length; at += 8) {
    writer.u8(items.slice(at, at + 8).reduce((byte, { sent }, i) => (sent ? byte | (0x80 >> i) : byte), 0));
  }
}

function readValues(
  reader: ByteReader,
  registers: readonly Register[],
  expectation: (slot: number) => Uint8Array,
): Map<number, Uint8Array> {
  const flags = copyBytes(reader.take(Math.ceil(registers.length / 8)));
  const isSent = (at: number): boolean => (((flags[at >> 3] ?? 0) << (at & 7)) & 0x80) !== 0;
  for (let at = registers.length; at < 8 * flags.length; at++) if (isSent(at)) reader.fail("padding not zero");
  const values = new Map<number, Uint8Array>();
  for (const [at, { pcr, slot }] of registers.entries()) {
    if (slot === undefined && !isSent(at)) reader.fail("own register not sent");
    const value = isSent(at) || slot === undefined ? reader.take(PCR_BYTES) : expectation(slot);
    values.set(pcr, copyBytes(value));
  }
  return values;
}
