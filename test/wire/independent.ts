/**
 * A second implementation of the layouts, written from docs/protocol.md alone: it imports nothing of `src/`, and goes about
 * it differently. A message is a string of bits; reading is lax and writing is strict, and what is not written again as it
 * was read is refused, because each message has exactly one encoding.
 *
 * Messages are values as in `test/vectors/wire/messages.json`: bytes in hex, what is absent as null.
 * @module
 */
import { createHash } from "node:crypto";

export type Value = Readonly<Record<string, unknown>>;

class Refused extends Error {}

function must(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new Refused(reason);
}

/** The message that these bytes are; undefined when they are none. */
export function decode(hex: string): Value | undefined {
  try {
    const bits = new Bits(toBits(hex));
    must(bits.u(4) === 0xd, "another protocol");
    const layout = LAYOUTS.find(({ number }) => number === bits.peek(4));
    must(layout !== undefined && bits.u(4) === layout.number, "not assigned");
    const message = { type: layout.type, ...layout.read(bits) };
    must(encode(message) === hex, "another encoding");
    return message;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** @throws Refused for what is not a message */
export function encode(message: Value): string {
  const layout = LAYOUTS.find(({ type }) => type === message["type"]);
  must(layout !== undefined, "no such message");
  const hex = toHex(u(0xd, 4) + u(layout.number, 4) + layout.write(message));
  must(hex.length <= 2 * 231, "too long");
  return hex;
}

interface Layout {
  readonly type: string;
  readonly number: number;
  readonly read: (bits: Bits) => Value;
  readonly write: (message: Value) => string;
}

// Reading and writing bits --------------------------------------------------------------------------------------------

class Bits {
  readonly #bits: string;
  #at = 0;

  constructor(bits: string) {
    this.#bits = bits;
  }

  get left(): number {
    return this.#bits.length - this.#at;
  }

  take(count: number): string {
    must(count <= this.left, "truncated");
    this.#at += count;
    return this.#bits.slice(this.#at - count, this.#at);
  }

  peek(count: number): number {
    return Number.parseInt(this.#bits.slice(this.#at, this.#at + count), 2);
  }

  u(count: number): number {
    return Number.parseInt(this.take(count), 2);
  }

  hex(bytes: number): string {
    return toHex(this.take(8 * bytes));
  }

  rest(): string {
    return toHex(this.take(this.left));
  }

  varint(): number {
    let value = 0;
    for (let place = 0; place < 5; place++) {
      const more = this.u(1);
      value += this.u(7) * 128 ** place;
      if (more === 0) return value;
    }
    throw new Refused("varint too long");
  }

  gamma(): number {
    let zeros = 0;
    while (this.u(1) === 0) zeros++;
    return zeros === 0 ? 1 : Number.parseInt(`1${this.take(zeros)}`, 2);
  }

  align(): void {
    this.take(this.left % 8);
  }

  /** As often as there are bits left, but not for ever. */
  many<T>(read: () => T, most: number): T[] {
    const items: T[] = [];
    while (this.left > 0) {
      must(items.length < most, "too many");
      items.push(read());
    }
    return items;
  }
}

function u(value: number, bits: number): string {
  must(Number.isInteger(value) && value >= 0 && value < 2 ** bits, `not ${bits} bits`);
  return value.toString(2).padStart(bits, "0");
}

function varint(value: number): string {
  must(value <= 0xffff_ffff, "varint beyond 32 bits");
  return value < 128 ? u(value, 8) : u(1, 1) + u(value % 128, 7) + varint(Math.floor(value / 128));
}

function gamma(value: number): string {
  must(value >= 1 && value < 2 ** 32, "no gamma code");
  const binary = value.toString(2);
  return "0".repeat(binary.length - 1) + binary;
}

function toBits(hex: string): string {
  return Array.from(hex, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
}

function toHex(bits: string): string {
  return (bits.match(/.{4}/g) ?? []).map((digit) => Number.parseInt(digit, 2).toString(16)).join("");
}

function fill(bits: string): string {
  return bits.padEnd(8 * Math.ceil(bits.length / 8), "0");
}

// Values out of what JSON gives ----------------------------------------------------------------------------------------

function num(value: Value, key: string, low = 0, high = 0xffff_ffff): number {
  const found = value[key];
  must(typeof found === "number" && Number.isInteger(found) && found >= low && found <= high, key);
  return found;
}

/** Bits of a hex field. */
function hex(value: Value, key: string, least: number, most = least): string {
  const found = value[key];
  must(typeof found === "string" && found.length >= 2 * least && found.length <= 2 * most, key);
  return toBits(found);
}

function flag(value: Value, key: string): string {
  return u(value[key] === true ? 1 : 0, 1);
}

function part(value: Value, key: string): Value {
  const found = value[key];
  must(typeof found === "object" && found !== null, key);
  return Object.fromEntries(Object.entries(found));
}

function list(value: Value, key: string, most: number): readonly unknown[] {
  const found = value[key];
  must(Array.isArray(found) && found.length <= most, key);
  return found;
}

function parts(value: Value, key: string, most: number): readonly Value[] {
  return list(value, key, most).map((_, i) => part(part(value, key), String(i)));
}

function numbers(value: Value, key: string, most: number): readonly number[] {
  return list(value, key, most).map((_, i) => num(part(value, key), String(i)));
}

function rising<T>(items: readonly T[]): readonly T[] {
  for (let i = 1; i < items.length; i++) must((items[i - 1] ?? 0) < (items[i] ?? 0), "not rising");
  return items;
}

// Section 3: holdings --------------------------------------------------------------------------------------------------

function readHoldings(bits: Bits, base: number): Value {
  const partial = bits.u(1) === 1;
  let number = -1;
  const rows = many(bits.gamma() - 1, 512, () => {
    number += bits.gamma();
    return { number, ...readStream(bits) };
  });
  const strangers = many(bits.gamma() - 1, 40, () => {
    const author = bits.hex(bits.u(1) === 1 ? 8 : 4);
    const from = bits.gamma() - 1;
    return { author, from, ...readStream(bits) };
  });
  bits.align();
  return { base, partial, rows, strangers };
}

function many<T>(count: number, most: number, read: () => T): T[] {
  must(count <= most, "too many");
  return Array.from({ length: count }, read);
}

function readStream(bits: Bits): { delta: number; slots: number } {
  const delta = bits.gamma();
  const z = bits.gamma() - 1;
  return { delta, slots: likelySlots(delta) + (z % 2 === 0 ? z / 2 : -(z + 1) / 2) };
}

function likelySlots(delta: number): number {
  return Math.min(4_096, Math.ceil((64 + 25 * delta) / 16));
}

/** @param before bits of the same field that come first */
function writeHoldings(holdings: Value, before = ""): string {
  const rows = parts(holdings, "rows", 512);
  const strangers = parts(holdings, "strangers", 40);
  let bits = before + flag(holdings, "partial") + gamma(rows.length + 1);
  let last = -1;
  for (const row of rows) {
    const number = num(row, "number", last + 1, 65_535);
    bits += gamma(number - last) + writeStream(row);
    last = number;
  }
  bits += gamma(strangers.length + 1);
  rising(strangers.map(({ author }) => author));
  for (const stranger of strangers) {
    const id = hex(stranger, "author", 4, 8);
    const from = num(stranger, "from", 0, 0xffff_ffff - num(stranger, "delta"));
    bits += u(id.length === 64 ? 1 : 0, 1) + id + gamma(from + 1) + writeStream(stranger);
  }
  return fill(bits);
}

function writeStream(stream: Value): string {
  const delta = num(stream, "delta", 1, 65_535);
  const difference = num(stream, "slots", 1, 4_096) - likelySlots(delta);
  return gamma(delta) + gamma(1 + (difference < 0 ? -2 * difference - 1 : 2 * difference));
}

// Section 4: messages --------------------------------------------------------------------------------------------------

const LISTENER_HINTS = 16;
const TRUST_KINDS = ["attestation", "entropy", "selftest", "recovered"];

const LAYOUTS: readonly Layout[] = [
  {
    type: "beacon",
    number: 1,
    read: (bits) => ({ sender: bits.hex(4), holdings: readHoldings(bits, bits.u(24)) }),
    write: (m) => hex(m, "sender", 4) + u(num(part(m, "holdings"), "base"), 24) + writeHoldings(part(m, "holdings")),
  },
  {
    type: "update",
    number: 2,
    read: (bits) => {
      const head = { author: bits.hex(4), from: bits.varint(), delta: bits.varint(), known: bits.u(8) };
      const said = bits.varint();
      const slot = said === 0 ? 0 : bits.varint();
      const bytes = bits.rest();
      return { ...head, slots: said === 0 ? Math.ceil(bytes.length / 32) : said, slot, bytes };
    },
    write: (m) => {
      const bytes = hex(m, "bytes", 1, 231);
      const here = Math.ceil(bytes.length / 128);
      const delta = num(m, "delta", 1, 65_535);
      const from = num(m, "from", 0, 0xffff_ffff - delta);
      const slots = num(m, "slots", 1, 4_096);
      const slot = num(m, "slot", 0, slots - here);
      must(slot + here === slots || bytes.length % 128 === 0, "half a slot in the middle");
      const place = here === slots ? varint(0) : varint(slots) + varint(slot);
      return hex(m, "author", 4) + varint(from) + varint(delta) + u(num(m, "known"), 8) + place + bytes;
    },
  },
  {
    type: "repair",
    number: 3,
    read: (bits) => {
      const [base, seed, left] = [bits.u(24), bits.u(16), bits.u(6)];
      return { holdings: readHoldings(bits, base), seed, left, coded: bits.rest() };
    },
    write: (m) => {
      const holdings = part(m, "holdings");
      must(parts(holdings, "rows", 512).length + parts(holdings, "strangers", 40).length > 0, "slots of nothing");
      const coded = hex(m, "coded", 16, 231);
      must(coded.length % 128 === 0, "half a slot");
      const head = u(num(holdings, "base"), 24) + u(num(m, "seed"), 16);
      return head + writeHoldings(holdings, u(num(m, "left"), 6)) + coded;
    },
  },
  {
    type: "want",
    number: 4,
    read: (bits) => ({ re: bits.u(16), slots: bits.u(10), tries: bits.u(6) }),
    write: (m) => u(num(m, "re"), 16) + u(num(m, "slots", 1), 10) + u(num(m, "tries"), 6),
  },
  {
    type: "pull",
    number: 5,
    read: (bits) => {
      const [partial, count, tries] = [bits.u(1) === 1, bits.u(3), bits.u(4)];
      const bases = Array.from({ length: count }, () => bits.u(24));
      const vector = bits.many(() => ({ author: bits.hex(4), count: bits.varint() }), 44);
      return { tries, bases, partial, vector };
    },
    write: (m) => {
      const bases = numbers(m, "bases", 4);
      must(!bases.includes(0), "base of nothing");
      const vector = parts(m, "vector", 44);
      rising(vector.map(({ author }) => author));
      const head = flag(m, "partial") + u(bases.length, 3) + u(num(m, "tries"), 4);
      const rows = vector.map((row) => hex(row, "author", 4) + varint(num(row, "count")));
      return [head, ...bases.map((tag) => u(tag, 24)), ...rows].join("");
    },
  },
  {
    type: "get",
    number: 6,
    read: (bits) => {
      const form = bits.u(2);
      must(bits.u(5) === 0, "unknown bit");
      const amount =
        bits.u(1) === 1
          ? { kind: "whole", lossSixteenths: bits.u(4), listeners: bits.u(4) }
          : { kind: "more", symbols: bits.u(8) };
      if (form === 0) return { amount, target: { kind: "prefix", prefix: bits.rest() } };
      if (form === 1) return { amount, target: { kind: "entry", author: bits.hex(4), seq: bits.varint() } };
      must(form === 2, "unknown form");
      return { amount, target: { kind: "name", packed: bits.rest() } };
    },
    write: (m) => {
      const [amount, target] = [part(m, "amount"), part(m, "target")];
      const whole = amount["kind"] === "whole";
      const listeners = (): number => num(amount, "listeners", 0, LISTENER_HINTS - 1);
      const figure = whole ? u(num(amount, "lossSixteenths"), 4) + u(listeners(), 4) : u(num(amount, "symbols", 1), 8);
      const kind = String(target["kind"]);
      const what = {
        prefix: () => hex(target, "prefix", 4, 32),
        entry: () => hex(target, "author", 4) + varint(num(target, "seq", 1)),
        name: () => hex(target, "packed", 1, 200),
      };
      const form = Object.keys(what).indexOf(kind);
      return u(form, 2) + u(0, 5) + u(whole ? 1 : 0, 1) + figure + Object.values(what)[form]?.();
    },
  },
  {
    type: "coded",
    number: 7,
    read: (bits) => {
      const prefix = bits.hex(4);
      const packed = bits.u(1) === 1;
      must(bits.u(1) === 0, "unknown bit");
      const streamBytes = bits.u(14) + 1;
      const check = packed ? bits.u(8) : null;
      return { prefix, streamBytes, check, index: bits.u(8), left: bits.u(8), symbol: bits.rest() };
    },
    write: (m) => {
      const symbol = hex(m, "symbol", 1, 231);
      const bytes = num(m, "streamBytes", symbol.length / 8, 16_384);
      must(Math.ceil(bytes / (symbol.length / 8)) <= 128, "more than 128 pieces");
      const packed = m["check"] !== null;
      const length = u(packed ? 1 : 0, 1) + u(0, 1) + u(bytes - 1, 14) + (packed ? u(num(m, "check"), 8) : "");
      return hex(m, "prefix", 4) + length + u(num(m, "index"), 8) + u(num(m, "left"), 8) + symbol;
    },
  },
  {
    type: "alert",
    number: 8,
    read: (bits) => {
      const head = bits.varint();
      const publicKey = head % 2 === 1 ? bits.hex(32) : null;
      const author = publicKey === null ? bits.hex(8) : sha256(publicKey).slice(0, 16);
      const signature = bits.hex(64);
      return { author, publicKey, number: Math.floor(head / 2), body: bits.rest(), signature };
    },
    write: (m) => {
      const rides = m["publicKey"] !== null;
      const who = rides ? hex(m, "publicKey", 32) : hex(m, "author", 8);
      const head = varint(2 * num(m, "number", 1, 2 ** 31 - 1) + (rides ? 1 : 0));
      return head + who + hex(m, "signature", 64) + hex(m, "body", 8, 157);
    },
  },
  {
    type: "alerts",
    number: 9,
    read: (bits) => ({ salt: bits.u(16), tags: bits.many(() => bits.u(24), 64) }),
    write: (m) =>
      u(num(m, "salt"), 16) +
      rising(numbers(m, "tags", 64))
        .map((tag) => u(tag, 24))
        .join(""),
  },
  {
    type: "seen",
    number: 10,
    read: (bits) => {
      const [alert, readers] = [bits.hex(4), bits.u(8)];
      const nodes = bits.many(() => bits.u(24), 72);
      return { alert, read: nodes.slice(0, readers), held: nodes.slice(readers) };
    },
    write: (m) => {
      const [read, held] = [rising(numbers(m, "read", 72)), rising(numbers(m, "held", 72))];
      const nodes = [...read, ...held];
      must(nodes.length >= 1 && nodes.length <= 72 && new Set(nodes).size === nodes.length, "nodes");
      return hex(m, "alert", 4) + u(read.length, 8) + nodes.map((node) => u(node, 24)).join("");
    },
  },
  {
    type: "fork",
    number: 11,
    read: (bits) => {
      const [piece, pieces] = [bits.u(4), bits.u(4) + 1];
      return { author: bits.hex(8), piece, pieces, body: bits.rest() };
    },
    write: (m) => {
      const pieces = num(m, "pieces", 1, 8);
      return u(num(m, "piece", 0, pieces - 1), 4) + u(pieces - 1, 4) + hex(m, "author", 8) + hex(m, "body", 1, 221);
    },
  },
  {
    type: "probe",
    number: 12,
    read: (bits) => {
      const [target, nonce] = [bits.hex(8), bits.hex(16)];
      const bytes = [bits.take(8), bits.take(8), bits.take(8)];
      // Register p is bit p mod 8, counted from the lowest, of byte p div 8.
      const flags = bytes.map((byte) => Array.from(byte).toReversed().join("")).join("");
      const pcrs = Array.from(flags).flatMap((bit, pcr) => (bit === "1" ? [pcr] : []));
      return { target, nonce, pcrs, expected: bits.many(() => bits.u(16), 29) };
    },
    write: (m) => {
      const pcrs = rising(numbers(m, "pcrs", 24));
      must(pcrs.length > 0, "no registers");
      const flags = Array.from({ length: 24 }, (_, pcr) => (pcrs.includes(pcr) ? "1" : "0"));
      const mask = [0, 8, 16].map((at) =>
        flags
          .slice(at, at + 8)
          .toReversed()
          .join(""),
      );
      const expected = numbers(m, "expected", 29).map((tag) => u(tag, 16));
      return hex(m, "target", 8) + hex(m, "nonce", 16) + mask.join("") + expected.join("");
    },
  },
  {
    type: "proof",
    number: 14,
    read: (bits) => {
      const [piece, pieces] = [bits.u(4), bits.u(4) + 1];
      return { author: bits.hex(4), re: bits.u(16), piece, pieces, body: bits.rest() };
    },
    write: (m) => {
      const pieces = num(m, "pieces", 1, 2);
      const head = u(num(m, "piece", 0, pieces - 1), 4) + u(pieces - 1, 4);
      return head + hex(m, "author", 4) + u(num(m, "re"), 16) + hex(m, "body", 1, 223);
    },
  },
  {
    type: "trust",
    number: 15,
    read: (bits) => {
      const kind = TRUST_KINDS[bits.u(7)] ?? "unknown";
      const isAboutAnother = bits.u(1) === 1;
      const [reason, author, number, atS] = [bits.u(8), bits.hex(8), bits.varint(), bits.u(32)];
      const subject = isAboutAnother ? bits.hex(8) : null;
      return { author, number, kind, subject, reason, atS, signature: bits.hex(64) };
    },
    write: (m) => {
      const kind = TRUST_KINDS.indexOf(String(m["kind"]));
      must(kind >= 0, "kind");
      const isAboutAnother = m["subject"] !== null;
      must(m["subject"] !== m["author"], "own subject");
      const head = u(kind, 7) + u(isAboutAnother ? 1 : 0, 1) + u(num(m, "reason", 0, 255), 8) + hex(m, "author", 8);
      const said = head + varint(num(m, "number", 1, 2 ** 31 - 1)) + u(num(m, "atS"), 32);
      return said + (isAboutAnother ? hex(m, "subject", 8) : "") + hex(m, "signature", 64);
    },
  },
  {
    type: "sealed",
    number: 13,
    read: (bits) => ({ slot: bits.u(2), counter: bits.u(30), box: bits.rest() }),
    write: (m) => u(num(m, "slot"), 2) + u(num(m, "counter", 1), 30) + hex(m, "box", 9, 226),
  },
];

export function sha256(hex: string): string {
  return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
}
