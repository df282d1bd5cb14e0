/** The codecs: golden bytes, laws, every truncation and bit flip, and a million inputs of a fuzzer. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { authorId } from "../../src/dag/author.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES } from "../../src/wire/codec.ts";
import { SLOT_BYTES, type Holdings } from "../../src/wire/holdings.ts";
import type { Message } from "../../src/wire/messages.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };
import wrong from "../vectors/wire/refusals.json" with { type: "json" };
import { seeded } from "../fakes/seeded.ts";
import { readable } from "./readable.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
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

function byAuthor<T extends { readonly author: Uint8Array }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => (toHex(a.author) < toHex(b.author) ? -1 : 1));
}

const stream = { delta: fc.integer({ min: 1, max: 65_535 }), slots: fc.integer({ min: 1, max: 4_096 }) };
const holdings: fc.Arbitrary<Holdings> = fc.record({
  base: fc.integer({ min: 0, max: 0xff_ffff }),
  partial: fc.boolean(),
  rows: fc
    .uniqueArray(fc.record({ number: fc.integer({ min: 0, max: 65_535 }), ...stream }), {
      maxLength: 6,
      selector: ({ number }) => number,
    })
    .map((rows) => [...rows].sort((a, b) => a.number - b.number)),
  strangers: fc
    .uniqueArray(
      fc.record({ author: fc.oneof(id, shortId), from: fc.integer({ min: 0, max: 0xfff0_0000 }), ...stream }),
      { maxLength: 4, selector: ({ author }) => toHex(author) },
    )
    .map(byAuthor),
});

const tag = fc.integer({ min: 0, max: 0xff_ffff });
const rising = (tags: readonly number[]): number[] => tags.toSorted((a, b) => a - b);

const messages: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({
      type: fc.constant("fork" as const),
      author: id,
      pieces: fc.integer({ min: 1, max: 8 }),
      piece: fc.integer({ min: 0, max: 7 }),
      body: fc.uint8Array({ minLength: 1, maxLength: 221 }),
    })
    .map((fork) => ({ ...fork, piece: fork.piece % fork.pieces })),
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
    type: fc.constant("probe" as const),
    target: id,
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    pcrs: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1 }).map(rising),
    expected: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 29 }),
  }),
  fc
    .record({
      type: fc.constant("proof" as const),
      author: shortId,
      re: fc.integer({ min: 0, max: 0xffff }),
      pieces: fc.integer({ min: 1, max: 2 }),
      piece: fc.integer({ min: 0, max: 1 }),
      body: fc.uint8Array({ minLength: 1, maxLength: 223 }),
    })
    .map((proof) => ({ ...proof, piece: proof.piece % proof.pieces })),
  fc
    .record({
      type: fc.constant("trust" as const),
      author: id,
      number: fc.integer({ min: 1, max: 0x7fff_ffff }),
      kind: fc.constantFrom("attestation" as const, "entropy" as const, "selftest" as const, "recovered" as const),
      subject: fc.option(id, { nil: undefined }),
      reason: fc.integer({ min: 0, max: 255 }),
      atS: fc.integer({ min: 0, max: 0xffff_ffff }),
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    })
    .filter(({ author, subject }) => subject === undefined || toHex(subject) !== toHex(author)),
  fc.record({
    type: fc.constant("sealed" as const),
    slot: fc.integer({ min: 0, max: 3 }),
    counter: fc.integer({ min: 1, max: 2 ** 30 - 1 }),
    box: fc.uint8Array({ minLength: 9, maxLength: 226 }),
  }),
  fc.record({ type: fc.constant("beacon" as const), sender: shortId, holdings }),
  fc
    .tuple(fc.integer({ min: 0, max: 4_000 }), fc.uint8Array({ minLength: 1, maxLength: 208 }), fc.boolean())
    .chain(([slot, bytes, last]) => {
      const brought = Math.ceil(bytes.length / SLOT_BYTES);
      const whole = last ? bytes : bytes.subarray(0, Math.max(1, Math.floor(bytes.length / SLOT_BYTES)) * SLOT_BYTES);
      const ends = last || whole.length % SLOT_BYTES !== 0;
      return fc.record({
        type: fc.constant("update" as const),
        author: shortId,
        from: sequence,
        delta: fc.integer({ min: 1, max: 255 }),
        known: fc.integer({ min: 0, max: 255 }),
        slots: fc.constant(ends ? slot + brought : slot + brought + 3),
        slot: fc.constant(slot),
        bytes: fc.constant(whole),
      });
    }),
  fc.record({
    type: fc.constant("repair" as const),
    holdings: holdings.filter(({ rows, strangers }) => rows.length + strangers.length > 0),
    seed: fc.integer({ min: 0, max: 0xffff }),
    left: fc.integer({ min: 0, max: 63 }),
    coded: fc
      .integer({ min: 1, max: 3 })
      .chain((slots) => fc.uint8Array({ minLength: slots * SLOT_BYTES, maxLength: slots * SLOT_BYTES })),
  }),
  fc.record({
    type: fc.constant("want" as const),
    re: fc.integer({ min: 0, max: 0xffff }),
    slots: fc.integer({ min: 1, max: 1_023 }),
    tries: fc.integer({ min: 0, max: 63 }),
  }),
  fc.record({
    type: fc.constant("pull" as const),
    tries: nibble,
    bases: fc.array(fc.integer({ min: 1, max: 0xff_ffff }), { maxLength: 4 }),
    partial: fc.boolean(),
    vector: fc
      .uniqueArray(fc.record({ author: shortId, count: sequence }), {
        maxLength: 23,
        selector: ({ author }) => toHex(author),
      })
      .map(byAuthor),
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
    const update = {
      type: "update",
      author: author.subarray(4),
      from: 0,
      delta: 1,
      known: 0,
      slots: 14,
      slot: 0,
    } as const;
    expect(code({ ...update, bytes: new Uint8Array(222) })).toBe("sent");
    expect(code({ ...update, bytes: new Uint8Array(223) })).toBe("MESSAGE_TOO_LONG");
    const rows = Array.from({ length: 300 }, (_, i) => ({ number: 3 * i, delta: 1, slots: 6 }));
    const holdings = { base: 1, partial: false, rows, strangers: [] };
    expect(code({ type: "beacon", sender: author.subarray(4), holdings })).toBe("sent");
    const more = { ...holdings, rows: rows.map((row) => ({ ...row, delta: 9 })) };
    expect(code({ type: "beacon", sender: author.subarray(4), holdings: more })).toBe("MESSAGE_TOO_LONG");
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
    const short = new Uint8Array(4);
    const none = { base: 0, partial: false, rows: [], strangers: [] };
    const row = { number: 0, delta: 1, slots: 1 };
    const stranger = { author: short, from: 0, delta: 1, slots: 1 };
    const held = (changes: Partial<Holdings>): Message => ({
      type: "beacon",
      sender: short,
      holdings: { ...none, ...changes },
    });
    const update = {
      type: "update",
      author: short,
      from: 0,
      delta: 1,
      known: 0,
      slots: 2,
      slot: 0,
      bytes: new Uint8Array(32),
    } as const;
    const repair = {
      type: "repair",
      holdings: { ...none, rows: [row] },
      seed: 0,
      left: 0,
      coded: new Uint8Array(16),
    } as const;
    const pull = { type: "pull", tries: 0, bases: [], partial: false, vector: [] } as const;
    const nonce = new Uint8Array(16);
    const probe = { type: "probe", target: author, nonce, pcrs: [14], expected: [] } as const;
    const proof = { type: "proof", author: short, re: 0, piece: 0, pieces: 1, body: entry } as const;
    const signature = new Uint8Array(64);
    const trust = {
      type: "trust",
      author,
      number: 1,
      kind: "entropy",
      subject: undefined,
      reason: 0,
      atS: 0,
      signature,
    } as const;
    const bad: Message[] = [
      { type: "beacon", sender: author, holdings: none },
      held({ base: 0x100_0000 }),
      held({ rows: [row, row] }),
      held({ rows: [{ ...row, delta: 0 }] }),
      held({ rows: [{ ...row, slots: 4_097 }] }),
      held({ rows: [{ ...row, number: 65_536 }] }),
      held({ strangers: [stranger, stranger] }),
      held({ strangers: [{ ...stranger, author: new Uint8Array(5) }] }),
      held({ strangers: [{ ...stranger, from: -1 }] }),
      { ...update, author },
      { ...update, from: 0xffff_ffff },
      { ...update, delta: 0 },
      { ...update, slots: 1 },
      { ...update, known: 256 },
      { ...update, slot: 1 },
      { ...update, bytes: new Uint8Array(0) },
      { ...update, slots: 3, bytes: new Uint8Array(31) },
      { ...repair, holdings: none },
      { ...repair, seed: 65_536 },
      { ...repair, left: 64 },
      { ...repair, coded: new Uint8Array(17) },
      { ...repair, coded: new Uint8Array(0) },
      { type: "want", re: 65_536, slots: 1, tries: 0 },
      { type: "want", re: 0, slots: 0, tries: 0 },
      { type: "want", re: 0, slots: 1_024, tries: 0 },
      { type: "want", re: 0, slots: 1, tries: 64 },
      { ...pull, tries: 16 },
      { ...pull, bases: [0] },
      { ...pull, bases: [1, 2, 3, 4, 5] },
      { ...pull, vector: [{ author: short, count: -1 }] },
      { ...pull, vector: [{ author, count: 1 }] },
      { type: "get", amount: { kind: "more", symbols: 1 }, target: { kind: "prefix", prefix: new Uint8Array(3) } },
      { type: "get", amount: { kind: "more", symbols: 256 }, target: { kind: "prefix", prefix: author } },
      { type: "get", amount: { kind: "more", symbols: 1 }, target: { kind: "entry", author, seq: 1 } },
      { ...coded, prefix: author },
      { ...coded, streamBytes: 0 },
      { ...coded, check: 256 },
      { ...coded, index: 256 },
      { ...coded, left: -1 },
      { ...probe, target: short },
      { ...probe, nonce: author },
      { ...probe, pcrs: [] },
      { ...probe, pcrs: [14, 7] },
      { ...probe, expected: [0x1_0000] },
      { ...probe, expected: Array.from({ length: 30 }, () => 0) },
      { ...proof, author },
      { ...proof, re: 0x1_0000 },
      { ...proof, pieces: 3 },
      { ...proof, piece: 1 },
      { ...proof, body: new Uint8Array(224) },
      { ...trust, author: short },
      { ...trust, number: 0 },
      { ...trust, subject: short },
      { ...trust, subject: author },
      { ...trust, reason: 256 },
      { ...trust, atS: -1 },
      { ...trust, signature: author },
    ];
    expect(bad.map(code)).toEqual(bad.map(() => "MESSAGE_INVALID"));
  });
});
