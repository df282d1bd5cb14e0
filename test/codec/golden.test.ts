/** Golden vectors: what another implementation must give, and what no change of ours may alter. @module */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inflateRawSync } from "node:zlib";
import { CONTENTS, NAMES } from "../../src/codec/dictionary-1.ts";
import { KIND, MixingCodec } from "../../src/codec/mixing.ts";
import { pack, unpack } from "../../src/codec/pack.ts";
import { squash, stretch } from "../../src/codec/scale.ts";
import { packText, unpackText } from "../../src/codec/short-text.ts";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import vectors from "../vectors/codec/codec.json" with { type: "json" };

const BUILD = join(import.meta.dirname, "../../provisioning/build-dictionary.mjs");

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}

function hashOf(base64: string): string {
  return createHash("sha256")
    .update(inflateRawSync(Buffer.from(base64, "base64")))
    .digest("hex");
}

describe("the dictionary", () => {
  test("is the one that the vectors were made with", () => {
    expect({ contents: hashOf(CONTENTS), names: hashOf(NAMES) }).toEqual(vectors.dictionary);
  });

  test("is what its sources give when it is built again", () => {
    expect(JSON.parse(execFileSync(process.execPath, [BUILD, "--hash"], { encoding: "utf8" }))).toEqual(
      vectors.dictionary,
    );
  });
});

test("scores and probabilities turn into each other as written down", () => {
  for (const { score, probability } of vectors.squash) expect(squash(score), `score ${score}`).toBe(probability);
  for (const { step, score } of vectors.stretch) expect(stretch(step), `step ${step}`).toBe(score);
});

test("texts without a dictionary are coded as written down", () => {
  const codec = new MixingCodec([]);
  for (const { content, packed } of vectors.unprimed) {
    expect(toHex(codec.encode(KIND.content, utf8(content), 0xffff_ffff, 1000) ?? utf8("none")), content).toBe(packed);
  }
});

test("contents are packed as written down, and unpacked", () => {
  for (const { content, packed } of vectors.contents) {
    expect(toHex(pack(bytesOf(content)))).toBe(packed);
    expect(unpack(bytesOf(packed), 4096)).toEqual({ ok: true, value: bytesOf(content) });
  }
});

test("names are packed as written down, and unpacked", () => {
  for (const { text, packed } of vectors.names) {
    expect(toHex(packText(text)), text).toBe(packed);
    expect(unpackText(bytesOf(packed), 4096)).toEqual({ ok: true, value: text });
  }
});

test("what is damaged is refused, with the reason written down", () => {
  for (const { packed, maxBytes, reason } of vectors.refusals) {
    expect(unpack(bytesOf(packed), maxBytes), packed).toEqual({ ok: false, reason });
  }
});
