/**
 * Writes test/vectors/codec/codec.json anew: `node test/codec/write-vectors.ts`. Only for a new dictionary or format: what is
 * published must keep its vectors.
 * @module
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { CONTENTS, NAMES } from "../../src/codec/dictionary-1.ts";
import { KIND, MixingCodec } from "../../src/codec/mixing.ts";
import { pack, unpack } from "../../src/codec/pack.ts";
import { squash, stretch } from "../../src/codec/scale.ts";
import { packText } from "../../src/codec/short-text.ts";
import { concatBytes, toHex, utf8 } from "../../src/kernel/bytes.ts";

const TEXTS = [
  "",
  "a",
  "The boat to the mainland leaves at 7:15 am on Friday.",
  "La reunión es mañana a las seis.",
  "Di boat noh di kom tideh.",
  '{"name":"North well","depth_m":12.5,"safe":true}\n',
  "a,b,c\n1,2,3\n4,5,6\n7,8,9\n",
  "zero \0 inside",
  "日本語のテキスト",
  "f0",
];
const NAMES_TO_PACK = [
  "",
  "a",
  "boat-times.csv",
  "horario-lancha.txt",
  "clinic-2026-03.csv",
  "Plan de evacuación.pdf",
  "IMG_20260711_081502.jpg",
  "\u{1f6a4}",
  "x\0y",
];
const noise = Uint8Array.from({ length: 32 }, (_, i) => (i * i * 37 + i * 11 + 5) & 0xff);
const contents = [...TEXTS.map(utf8), noise, new Uint8Array(300)];
const good = pack(utf8(TEXTS[2] ?? ""));
const damaged: readonly (readonly [Uint8Array, number])[] = [
  [new Uint8Array(0), 10],
  [Uint8Array.of(0xe0), 10],
  [Uint8Array.of(0xff, 0x41), 10],
  [Uint8Array.of(0xf0, 0x41, 0x42), 1],
  [concatBytes(good, new Uint8Array(1)), 100],
  [good.subarray(0, -1), 100],
  [good, 52],
  [Uint8Array.of(0xf1), 10],
  [Uint8Array.of(0xf1, 0xff), 10],
];
const unprimed = new MixingCodec([]);

function hashOf(base64: string): string {
  return createHash("sha256")
    .update(inflateRawSync(Buffer.from(base64, "base64")))
    .digest("hex");
}

function reasonOf(packed: Uint8Array, maxBytes: number): string {
  const result = unpack(packed, maxBytes);
  if (result.ok) throw new Error(`${toHex(packed)} should be refused`);
  return result.reason;
}

const vectors = {
  source:
    "Made by test/codec/write-vectors.ts from docs/codec.md's first implementation. contents, refusals: hex. names: text to hex. unprimed: text to hex, without a dictionary, kind 0, top of the interval ffffffff.",
  dictionary: { contents: hashOf(CONTENTS), names: hashOf(NAMES) },
  squash: [-2815, -2047, -256, -1, 0, 1, 256, 1000, 2815].map((score) => ({ score, probability: squash(score) })),
  stretch: [0, 1, 100, 2047, 2048, 3000, 4095].map((step) => ({ step, score: stretch(step) })),
  unprimed: ["", "a", "hello hello hello"].map((content) => ({
    content,
    packed: toHex(unprimed.encode(KIND.content, utf8(content), 0xffff_ffff, 1000) ?? noise),
  })),
  contents: contents.map((content) => ({ content: toHex(content), packed: toHex(pack(content)) })),
  names: NAMES_TO_PACK.map((text) => ({ text, packed: toHex(packText(text)) })),
  refusals: damaged.map(([packed, maxBytes]) => ({
    packed: toHex(packed),
    maxBytes,
    reason: reasonOf(packed, maxBytes),
  })),
};

writeFileSync(join(import.meta.dirname, "../vectors/codec/codec.json"), `${JSON.stringify(vectors, undefined, 1)}\n`);
