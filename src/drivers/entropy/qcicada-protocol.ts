/**
 * What is said on the line to a QCicada, the quantum generator of Crypta Labs: 1,000,000 baud, commands of one byte and
 * their arguments, answers of one byte and a payload of a length that is known beforehand. Integers are little-endian.
 *
 * Source: the public description that is amenti-labs/qcicada (github.com, commit 1df0463); not tried on a real device.
 * @module
 */
import { createPublicKey, verify } from "node:crypto";
import { concatBytes } from "../../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../../kernel/decoded.ts";

export const QCICADA_BAUD = 1_000_000;
export const MAX_BLOCK_BYTES = 4096;
export const SIGNATURE_BYTES = 64;
/** It holds no command and no payload. */
export const NACK = 0x12;

export interface Command {
  readonly name: string;
  readonly code: number;
  readonly answer: number;
  readonly payloadBytes: number;
}

export const COMMANDS = {
  status: { name: "status", code: 0x01, answer: 0x11, payloadBytes: 5 },
  start: { name: "start", code: 0x04, answer: 0x11, payloadBytes: 5 },
  getConfig: { name: "get config", code: 0x07, answer: 0x17, payloadBytes: 12 },
  setConfig: { name: "set config", code: 0x08, answer: 0x11, payloadBytes: 5 },
  info: { name: "info", code: 0x0b, answer: 0x1b, payloadBytes: 56 },
  signedRead: { name: "signed read", code: 0x51, answer: 0x52, payloadBytes: 0 },
  publicKey: { name: "public key", code: 0xf7, answer: 0xf9, payloadBytes: 64 },
  certificate: { name: "certificate", code: 0xf9, answer: 0xfb, payloadBytes: 64 },
} as const satisfies Record<string, Command>;

/** Ends a stream that was left on; its answer stands somewhere behind the last samples. */
export const STOP = Uint8Array.of(0x05);

const ONE_SHOT = 1;

/** @param count 1 … 4096 */
export function oneShot(count: number): Uint8Array {
  return Uint8Array.of(ONE_SHOT, count & 0xff, count >> 8);
}

/** @param count 1 … 4096 */
export function signedCount(count: number): Uint8Array {
  return Uint8Array.of(count & 0xff, count >> 8);
}

export interface QcicadaStatus {
  readonly initialized: boolean;
  readonly startingUp: boolean;
  /** The tests that it failed, in words. */
  readonly failures: readonly string[];
}

const FAILURES: readonly (readonly [bit: number, words: string])[] = [
  [2, "voltage too low"],
  [3, "voltage too high"],
  [4, "voltage undefined"],
  [5, "its bit count test failed"],
  [6, "its repetition count test failed"],
  [7, "its adaptive proportion test failed"],
];

/** @param payload 5 bytes: flags, and how many samples are ready */
export function statusOf(payload: Uint8Array): QcicadaStatus {
  const flags = payload[0] ?? 0;
  const failures = FAILURES.filter(([bit]) => (flags & (1 << bit)) !== 0).map(([, words]) => words);
  return { initialized: (flags & 1) !== 0, startingUp: (flags & 2) !== 0, failures };
}

export interface QcicadaInfo {
  readonly serial: string;
  /** `5.14`. */
  readonly firmware: string;
  /** `CICADA-QRNG-1.1`. */
  readonly hardware: string;
}

const TEXT_BYTES = 24;

/** @param payload 56 bytes: version of the core, of the firmware, serial number, hardware */
export function infoOf(payload: Uint8Array): Decoded<QcicadaInfo> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const firmware = view.getUint32(4, true);
  const serial = textOf(payload.subarray(8, 8 + TEXT_BYTES));
  const hardware = textOf(payload.subarray(8 + TEXT_BYTES));
  if (serial === undefined || hardware === undefined) return refused("its serial number is no text");
  return decoded({ serial, firmware: `${firmware >>> 16}.${firmware & 0xffff}`, hardware });
}

/** Up to the first zero byte; undefined unless it is printable. */
function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...(end === -1 ? bytes : bytes.subarray(0, end)));
  return /^[\x21-\x7e]{1,24}$/.test(text) ? text : undefined;
}

const POST_PROCESS_AT = 0;
const FLAGS_AT = 5;
const RAW_NOISE = 1;
/** Start-up test, repetition count, adaptive proportion, bit count. */
const ITS_TESTS = 0b0001_1101;
const GENERATE_ON_ERROR = 0b0010_0000;

/** The configuration as it is, but raw noise, all its tests on, and no samples once one of them has failed. */
export function rawConfig(config: Uint8Array): Uint8Array {
  const raw = Uint8Array.from(config);
  raw[POST_PROCESS_AT] = RAW_NOISE;
  raw[FLAGS_AT] = ((raw[FLAGS_AT] ?? 0) | ITS_TESTS) & ~GENERATE_ON_ERROR;
  return raw;
}

export interface DeviceKeys {
  /** Of the maker's authority, and of the device: 64 bytes, x ‖ y. */
  readonly authority: Uint8Array;
  readonly device: Uint8Array;
  /** 64 bytes, r ‖ s: the authority's signature of hardware version, serial number and device key. */
  readonly certificate: Uint8Array;
}

/** True when the maker's authority has signed that this key belongs to the device of that serial number. */
export function isCertified(
  { serial, hardware }: QcicadaInfo,
  { authority, device, certificate }: DeviceKeys,
): boolean {
  const number = /^QC(\d{1,10})$/.exec(serial)?.[1];
  const [, major, minor] = /^CICADA-QRNG-(\d{1,3})\.(\d{1,3})$/.exec(hardware) ?? [];
  if (number === undefined || major === undefined || minor === undefined) return false;
  const named = new Uint8Array(8);
  const view = new DataView(named.buffer);
  view.setUint8(2, Number(major));
  view.setUint8(3, Number(minor));
  view.setUint32(4, Number(number), true);
  return isSigned(authority, concatBytes(named, device), certificate);
}

/** ECDSA over P-256 with SHA-256. False for anything but a good signature, malformed keys included. */
export function isSigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const [x, y] = [publicKey.subarray(0, 32), publicKey.subarray(32)].map((half) =>
      Buffer.from(half).toString("base64url"),
    );
    const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, format: "jwk" });
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}
