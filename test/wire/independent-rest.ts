/**
 * What the messages rest on, written from docs/protocol.md alone, like `independent.ts`: vectors, streams, both erasure codes,
 * logs, alerts and sealing. Bytes are hex.
 * @module
 */
import { createCipheriv, createHmac, createPrivateKey, hkdfSync, sign } from "node:crypto";
import { sha256 } from "./independent.ts";

const ascii = (text: string): string => Buffer.from(text).toString("hex");
const u = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, "0");
const byteAt = (hex: string, at: number): number => Number.parseInt(hex.slice(2 * at, 2 * at + 2) || "0", 16);

// Section 3 -----------------------------------------------------------------------------------------------------------

export function vectorTag(vector: readonly { readonly author: string; readonly count: number }[]): number {
  const held = vector.filter(({ count }) => count > 0);
  const parts = held.map(({ author, count }) => sha256(ascii("caye vector 2") + author + u(count, 4)).slice(0, 6));
  return parts.reduce((tag, part) => tag ^ Number.parseInt(part, 16), 0);
}

/** What a WANT about that BEACON names. */
export function referenceTo(beacon: string): number {
  return Number.parseInt(sha256(beacon).slice(0, 4), 16);
}

export function streamOf(entries: readonly string[], signature: string): string {
  return entries.map((entry) => u(entry.length / 2, 1) + entry).join("") + signature;
}

export function slotsOf(stream: string): string[] {
  return (stream.match(/.{1,32}/g) ?? []).map((slot) => slot.padEnd(32, "0"));
}

// Section 5 -----------------------------------------------------------------------------------------------------------

/** Shift and add, modulo 0x11d. */
function product(a: number, b: number): number {
  let [sum, x] = [0, a];
  for (let bits = b; bits > 0; bits >>= 1) {
    if (bits % 2 === 1) sum ^= x;
    x = x < 128 ? 2 * x : (2 * x) ^ 0x11d;
  }
  return sum;
}

function inverse(a: number): number {
  return Array.from({ length: 256 }, (_, b) => b).find((b) => product(a, b) === 1) ?? 0;
}

function sumOf(pieces: readonly string[], factors: readonly number[], bytes: number): string {
  return Array.from({ length: bytes }, (_, at) =>
    u(
      pieces.reduce((sum, piece, i) => sum ^ product(byteAt(piece, at), factors[i] ?? 0), 0),
      1,
    ),
  ).join("");
}

export function symbolAt(block: string, symbolBytes: number, index: number): string {
  const pieces = (block.match(new RegExp(`.{1,${2 * symbolBytes}}`, "g")) ?? []).map((piece) =>
    piece.padEnd(2 * symbolBytes, "0"),
  );
  const source = pieces[index];
  if (source !== undefined) return source;
  const factors = pieces.map((_, i) => inverse(index ^ i));
  return sumOf(pieces, factors, symbolBytes);
}

/** Coded slot i of a seed. */
export function codedSlot(seed: number, index: number, slots: readonly string[]): string {
  const mod = (value: bigint): bigint => BigInt.asUintN(32, value);
  let s = BigInt(65_536 * seed + index);
  s = mod(0x85eb_ca6bn * (s ^ (s >> 16n)));
  s = mod(0xc2b2_ae35n * (s ^ (s >> 13n)));
  s ^= s >> 16n;
  const factors = slots.map(() => {
    s = mod(747_796_405n * s + 2_891_336_453n);
    const w = mod(((s >> ((s >> 28n) + 4n)) ^ s) * 277_803_737n);
    return Number(((w >> 22n) ^ w) >> 24n);
  });
  return sumOf(slots, factors, 16);
}

// Section 6 -----------------------------------------------------------------------------------------------------------

/** Heads 0 … n of a log. */
export function headsOf(publicKey: string, entries: readonly string[]): string[] {
  const heads = [sha256(ascii("caye log v2") + publicKey)];
  for (const entry of entries) heads.push(sha256((heads.at(-1) ?? "") + entry));
  return heads;
}

export function signedHead(seed: string, count: number, head: string): string {
  return signed(seed, ascii("caye head v1") + u(count, 4) + head);
}

/** Ed25519 with a private key of 32 bytes (RFC 8032). */
function signed(seed: string, message: string): string {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return sign(null, Buffer.from(message, "hex"), key).toString("hex");
}

// Sections 6.1 to 6.3 -------------------------------------------------------------------------------------------------

export interface Branch {
  readonly head: string;
  readonly signature: string;
  readonly further: readonly string[];
}

export function evidenceOf(publicKey: string, position: number, branches: readonly [Branch, Branch]): string {
  const sorted = branches.toSorted((a, b) => (a.head < b.head ? -1 : 1));
  const longer = sorted.findIndex(({ further }) => further.length > 0);
  const further = sorted[longer]?.further ?? [];
  return [
    `01${publicKey}`,
    varint(position),
    ...sorted.map(({ head, signature }) => head + signature),
    varint(2 * further.length + Math.max(0, longer)),
    ...further.map((entry) => u(entry.length / 2, 1) + entry),
  ].join("");
}

export interface CertificateValue {
  readonly serial: number;
  readonly radio: number;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly from: number;
  readonly until: number;
  readonly name: string;
}

export function certificateOf(
  seed: string,
  { serial, radio, publicKey, fingerprint, ...rest }: CertificateValue,
): string {
  const name = Buffer.from(rest.name).toString("hex");
  const times = u(rest.from, 4) + u(rest.until, 4);
  const body = `c1${varint(serial)}${u(radio, 4)}${publicKey}${fingerprint}${times}${u(name.length / 2, 1)}${name}`;
  return body + signed(seed, ascii("caye certificate v1") + body);
}

export interface AttestedCertificateValue {
  readonly serial: number;
  readonly radio: number;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly attestationKey: string;
  readonly until: number;
  readonly name: string;
}

/** A certificate that names the attestation key of the node's TPM. */
export function attestedCertificateOf(seed: string, value: AttestedCertificateValue): string {
  const { serial, radio, publicKey, fingerprint, attestationKey, until } = value;
  const name = Buffer.from(value.name).toString("hex");
  const keys = `${publicKey}${fingerprint}${attestationKey}`;
  const body = `c3${varint(serial)}${u(radio, 4)}${keys}${u(until, 4)}${u(name.length / 2, 1)}${name}`;
  return body + signed(seed, ascii("caye certificate v1") + body);
}

export function revocationsOf(seed: string, number: number, serials: readonly number[]): string {
  const steps = serials.map((serial, i) => varint(serial - (serials[i - 1] ?? 0)));
  const body = `c2${varint(number)}${u(serials.length, 1)}${steps.join("")}`;
  return body + signed(seed, ascii("caye revocations v1") + body);
}

/** RFC 9162, section 2.1.1, by its definition. */
export function merkleRoot(entries: readonly string[]): string {
  const [first] = entries;
  if (first === undefined) return sha256("");
  if (entries.length === 1) return sha256(`00${first}`);
  const left = 2 ** Math.floor(Math.log2(entries.length - 1));
  return sha256(`01${merkleRoot(entries.slice(0, left))}${merkleRoot(entries.slice(left))}`);
}

function varint(value: number): string {
  return value < 128 ? u(value, 1) : u(128 + (value % 128), 1) + varint(Math.floor(value / 128));
}

// Section 4.8 and 4.9 -------------------------------------------------------------------------------------------------

export function alertMessage(author: string, number: number, body: string): string {
  return ascii("caye alert v1") + author + u(number, 4) + body;
}

export function signedAlert(seed: string, author: string, number: number, body: string): string {
  return signed(seed, alertMessage(author, number, body));
}

export function alertTag(salt: number, digest: string): number {
  return Number.parseInt(sha256(u(salt, 2) + digest).slice(0, 6), 16);
}

// Section 4.13 --------------------------------------------------------------------------------------------------------

export interface Seal {
  readonly key: string;
  readonly slot: number;
  readonly counter: number;
  readonly radio: number;
}

/** The box of a SEALED. */
export function sealedBox({ key, slot, counter, radio }: Seal, message: string): string {
  const keys = Buffer.from(hkdfSync("sha256", Buffer.from(key, "hex"), "", "caye sealed v1", 64));
  const nonce = u(radio, 4) + u(slot * 2 ** 30 + counter, 4);
  const signedPart = Buffer.from(ascii("caye sealed v1") + nonce + message, "hex");
  const tag = createHmac("sha256", keys.subarray(0, 32)).update(signedPart).digest("hex").slice(0, 16);
  const cipher = createCipheriv("aes-256-ctr", keys.subarray(32), Buffer.from(`${nonce}${tag.slice(0, 14)}00`, "hex"));
  return cipher.update(message, "hex", "hex") + tag;
}
