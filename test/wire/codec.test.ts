/** The codecs: golden bytes, laws, every truncation and bit flip, and a million inputs of a fuzzer. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { authorId } from "../../src/dag/author.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES } from "../../src/wire/codec.ts";
import type { Message } from "../../src/wire/messages.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };
import wrong from "../vectors/wire/refusals.json" with { type: "json" };
import { seeded } from "../fakes/seeded.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}

/** A message as in the vectors: bytes in hex, no signature as null. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
  }
  return value === undefined ? null : value;
}

function decodedOf(bytes: Uint8Array): Message {
  const outcome = decodeMessage(bytes);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

const id = fc.uint8Array({ minLength: 8, maxLength: 8 });
const shortId = fc.uint8Array({ minLength: 4, maxLength: 4 });
const nibble = fc.integer({ min: 0, max: 15 });
const sequence = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0xffff_ff00 }));

const tag = fc.integer({ min: 0, max: 0xff_ffff });
const rising = (tags: readonly number[]): number[] => tags.toSorted((a, b) => a - b);

const messages: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({
      type: fc.constant("alert" as const),
      key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      rides: fc.boolean(),
      number: fc.integer({ min: 1, max: 0x7fff_ffff }),
      body: fc.uint8Array({ minLength: 8, maxLength: 129 }),
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    })
    .map(({ key, rides, ...rest }) => ({ ...rest, author: authorId(key), publicKey: rides ? key : undefined })),
  fc.record({
    type: fc.constant("alerts" as const),
    salt: fc.integer({ min: 0, max: 0xffff }),
    tags: fc.uniqueArray(tag, { maxLength: 64 }).map(rising),
  }),
  fc
    .record({
      alert: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      nodes: fc.uniqueArray(tag, { minLength: 1, maxLength: 72 }),
      readers: fc.integer({ min: 0, max: 72 }),
    })
    .map(({ alert, nodes, readers }) => ({
      type: "seen" as const,
      alert,
      read: rising(nodes.slice(0, readers)),
      held: rising(nodes.slice(readers)),
    })),
  fc.record({
    type: fc.constant("sealed" as const),
    slot: fc.integer({ min: 0, max: 3 }),
    counter: fc.integer({ min: 1, max: 2 ** 30 - 1 }),
    box: fc.uint8Array({ minLength: 9, maxLength: 226 }),
  }),
  fc.record({
    type: fc.constant("beacon" as const),
    sender: id,
    partial: fc.boolean(),
    vector: fc.uniqueArray(fc.record({ author: id, count: fc.integer({ min: 0, max: 0xffff_ffff }) }), {
      maxLength: 16,
      selector: ({ author }) => toHex(author),
    }),
  }),
  // The own log first has a form of its own.
  fc.record({ sender: id, partial: fc.boolean(), count: sequence }).map(({ sender, partial, count }) => ({
    type: "beacon" as const,
    sender,
    partial,
    vector: [{ author: sender, count }],
  })),
  fc.record({
    type: fc.constant("update" as const),
    author: id,
    first: sequence,
    entries: fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 7 }),
    signature: fc.option(fc.uint8Array({ minLength: 64, maxLength: 64 }), { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("want" as const),
    author: id,
    first: sequence,
    count: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({
    type: fc.constant("get" as const),
    amount: fc.oneof(
      fc.record({ kind: fc.constant("more" as const), symbols: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ kind: fc.constant("whole" as const), lossSixteenths: nibble, listeners: nibble }),
    ),
    target: fc.oneof(
      fc.record({ kind: fc.constant("prefix" as const), prefix: fc.uint8Array({ minLength: 4, maxLength: 32 }) }),
      fc.record({ kind: fc.constant("entry" as const), author: shortId, seq: sequence }),
      fc.record({ kind: fc.constant("name" as const), packed: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
    ),
  }),
  fc.uint8Array({ minLength: 1, maxLength: 221 }).chain((symbol) =>
    fc.record({
      type: fc.constant("coded" as const),
      prefix: shortId,
      streamBytes: fc.integer({ min: symbol.length, max: Math.min(16_384, 128 * symbol.length) }),
      check: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
      index: fc.integer({ min: 0, max: 255 }),
      left: fc.integer({ min: 0, max: 255 }),
      symbol: fc.constant(symbol),
    }),
  ),
);

describe("golden messages", () => {
  for (const { name, message, bytes } of golden.messages) {
    test(`decodes and encodes a ${name}`, () => {
      const value = decodedOf(bytesOf(bytes));
      expect(readable(value)).toEqual(message);
      expect(toHex(encodeMessage(value))).toBe(bytes);
    });
  }

  for (const { name, bytes, reason } of wrong.refusals) {
    test(`refuses ${name}: ${reason}`, () => {
      expect(decodeMessage(bytesOf(bytes))).toEqual({ ok: false, reason });
    });
  }
});

test("every message comes back from its bytes", () => {
  fc.assert(
    fc.property(messages, (message) => {
      const bytes = encodeMessage(message);
      expect(bytes.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(readable(decodedOf(bytes))).toEqual(readable(message));
    }),
    { seed: 11, numRuns: 1000 },
  );
});

/** Fails unless the decoder gives a reason, or a message whose only encoding these bytes are. True when it did. */
function isTakenExactly(bytes: Uint8Array): boolean {
  const outcome = decodeMessage(bytes);
  if (!outcome.ok) return false;
  const again = encodeMessage(outcome.value);
  if (toHex(again) !== toHex(bytes)) throw new Error(`not canonical: ${toHex(bytes)} against ${toHex(again)}`);
  return true;
}

test("takes each truncation and each bit flip of a golden message exactly, or refuses it", () => {
  for (const { bytes } of golden.messages) {
    const whole = bytesOf(bytes);
    for (let length = 0; length < whole.length; length++) isTakenExactly(whole.subarray(0, length));
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const flipped = whole.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      isTakenExactly(flipped);
    }
  }
});

test("takes a million random and mutated inputs exactly, or refuses them", () => {
  const { below } = seeded(20_260_801);
  const originals = golden.messages.map(({ bytes }) => bytesOf(bytes));
  const buffer = new Uint8Array(260);
  let taken = 0;
  for (let round = 0; round < 1_000_000; round++) {
    let length: number;
    if (round % 4 === 0) {
      length = below(40);
      for (let i = 0; i < length; i++) buffer[i] = below(256);
      buffer[0] = 0xd0 | below(16);
    } else {
      const original = originals[below(originals.length)] ?? buffer;
      buffer.set(original);
      length = below(4) === 0 ? below(buffer.length) : original.length;
      for (let change = below(3); change >= 0; change--) buffer[below(Math.min(length + 1, 24))] = below(256);
    }
    const bytes = buffer.subarray(0, length);
    const outcome = decodeMessage(bytes);
    // The full check costs more than the decoding: on one in eight.
    if (outcome.ok && round % 8 < 2) isTakenExactly(bytes);
    if (outcome.ok) taken++;
  }
  expect(taken).toBeGreaterThan(100_000);
  expect(taken).toBeLessThan(900_000);
});

test("a decoded message does not pin or follow the bytes that it came from", () => {
  for (const { bytes, message } of golden.messages) {
    const large = new Uint8Array(4096);
    large.set(bytesOf(bytes), 100);
    const view = large.subarray(100, 100 + bytes.length / 2);
    const value = decodedOf(view);
    large.fill(0);
    expect(readable(value)).toEqual(message);
  }
});

describe("what we must not send", () => {
  const author = new Uint8Array(8);
  const code = (message: Message): string => {
    try {
      encodeMessage(message);
    } catch (error) {
      if (isAgentError(error)) return error.code;
      throw error;
    }
    return "sent";
  };

  test("is a message beyond 231 bytes", () => {
    const entries = [new Uint8Array(200), new Uint8Array(19)];
    expect(code({ type: "update", author, first: 1, entries, signature: undefined })).toBe("sent");
    expect(code({ type: "update", author, first: 128, entries, signature: undefined })).toBe("MESSAGE_TOO_LONG");
    const vector = Array.from({ length: 24 }, (_, i) => ({ author: new Uint8Array(8).fill(i), count: 128 }));
    expect(code({ type: "beacon", sender: author, partial: false, vector })).toBe("MESSAGE_TOO_LONG");
  });

  test("is a message with a field out of its range", () => {
    const entry = new Uint8Array(1);
    const prefix = new Uint8Array(4);
    const coded = {
      type: "coded",
      prefix,
      streamBytes: 1,
      check: undefined,
      index: 0,
      left: 0,
      symbol: entry,
    } as const;
    const vector = Array.from({ length: 25 }, (_, i) => ({ author: new Uint8Array(8).fill(i), count: 1 }));
    const bad: Message[] = [
      { type: "beacon", sender: new Uint8Array(7), partial: false, vector: [] },
      { type: "beacon", sender: author, partial: false, vector: [{ author: new Uint8Array(9), count: 1 }] },
      { type: "beacon", sender: author, partial: false, vector: [{ author, count: -1 }] },
      { type: "beacon", sender: author, partial: false, vector },
      { type: "update", author: new Uint8Array(0), first: 1, entries: [entry], signature: undefined },
      { type: "update", author, first: 0, entries: [entry], signature: undefined },
      { type: "update", author, first: 1.5, entries: [entry], signature: undefined },
      { type: "update", author, first: 1, entries: [], signature: undefined },
      { type: "update", author, first: 1, entries: Array.from({ length: 33 }, () => entry), signature: undefined },
      { type: "update", author, first: 1, entries: [new Uint8Array(0)], signature: undefined },
      { type: "update", author, first: 1, entries: [entry], signature: new Uint8Array(63) },
      { type: "want", author: new Uint8Array(9), first: 1, count: 1 },
      { type: "want", author, first: 1, count: 256 },
      { type: "get", amount: { kind: "more", symbols: 1 }, target: { kind: "prefix", prefix: new Uint8Array(3) } },
      { type: "get", amount: { kind: "more", symbols: 256 }, target: { kind: "prefix", prefix: author } },
      { type: "get", amount: { kind: "more", symbols: 1 }, target: { kind: "entry", author, seq: 1 } },
      { ...coded, prefix: author },
      { ...coded, streamBytes: 0 },
      { ...coded, check: 256 },
      { ...coded, index: 256 },
      { ...coded, left: -1 },
    ];
    expect(bad.map(code)).toEqual(bad.map(() => "MESSAGE_INVALID"));
  });
});
