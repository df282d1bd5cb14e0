/** How fast messages are coded, and what the erasure code costs. @module */
import { hrtime } from "node:process";
import { SymbolCollector, symbolAt } from "../../src/erasure/cauchy.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import { SLOT_BYTES } from "../../src/wire/holdings.ts";
import type { Message } from "../../src/wire/messages.ts";
import { symbolBytesFor } from "../../src/wire/packing.ts";
import { seeded } from "../fakes/seeded.ts";
import { quantile, round, type Bench, type Row } from "./table.ts";

const ROUNDS = 20;
const CALLS_A_ROUND = 2_000;

export const bench: Bench = {
  name: "wire",
  run: () => Promise.resolve([...messages().map(codecRow), ...[5, 16, 64].flatMap(erasureRows)]),
};

function codecRow(message: Message): Row {
  const bytes = encodeMessage(message);
  const encodeUs = medianUs(() => encodeMessage(message), CALLS_A_ROUND);
  const decodeUs = medianUs(() => decodeMessage(bytes), CALLS_A_ROUND);
  return {
    what: message.type,
    bytes: bytes.length,
    "encode µs": round(encodeUs),
    "decode µs": round(decodeUs),
    "encode /s": round(1e6 / encodeUs),
    "decode /s": round(1e6 / decodeUs),
  };
}

/** Parity only is the worst case: as many unknowns as pieces. */
function erasureRows(k: number): Row[] {
  const { random } = seeded(k);
  const block = random.bytes(k * 222);
  const symbolBytes = symbolBytesFor(block.length);
  const symbols = Array.from({ length: 2 * k }, (_, index) => symbolAt(block, symbolBytes, index));
  const recovery = (from: number): number =>
    medianUs(() => {
      const collector = new SymbolCollector(block.length, symbolBytes);
      for (let index = from; index < from + k; index++) collector.add(index, symbols[index] ?? block);
      return collector.recover();
    }, 4);
  return [
    {
      what: `erasure, k = ${k}`,
      bytes: block.length,
      "parity symbol ms": round(medianUs(() => symbolAt(block, symbolBytes, 2 * k), 4) / 1000),
      "recover, half lost, ms": round(recovery(k >> 1) / 1000),
      "recover, all lost, ms": round(recovery(k) / 1000),
    },
  ];
}

/** The median over the rounds of the time of one call. */
function medianUs(call: () => unknown, calls: number): number {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = hrtime.bigint();
    for (let i = 0; i < calls; i++) call();
    samples.push(Number(hrtime.bigint() - start) / 1000 / calls);
  }
  return quantile(samples, 0.5);
}

function messages(): Message[] {
  const { random } = seeded(1);
  const author = random.bytes(8);
  const rows = Array.from({ length: 43 }, (_, i) => ({ number: i + 2, delta: 1 + (i % 4), slots: 6 + (i % 5) }));
  const news = { base: 0x0a1b2c, partial: false, rows, strangers: [] };
  return [
    { type: "beacon", sender: author.subarray(0, 4), holdings: news },
    { type: "repair", holdings: news, seed: 77, left: 3, coded: random.bytes(11 * SLOT_BYTES) },
    {
      type: "update",
      author: author.subarray(0, 4),
      from: 300,
      delta: 3,
      known: 5,
      slots: 9,
      slot: 0,
      bytes: random.bytes(139),
    },
    { type: "want", re: 300, slots: 30, tries: 0 },
    {
      type: "pull",
      tries: 0,
      bases: [1, 2],
      partial: false,
      vector: Array.from({ length: 19 }, (_, i) => ({ author: Uint8Array.of(1, 2, 3, i), count: 40 * i + 1 })),
    },
    { type: "get", amount: { kind: "more", symbols: 3 }, target: { kind: "prefix", prefix: author.subarray(0, 4) } },
    {
      type: "coded",
      prefix: author.subarray(0, 4),
      streamBytes: 16_384,
      check: undefined,
      index: 77,
      left: 3,
      symbol: random.bytes(222),
    },
  ];
}
