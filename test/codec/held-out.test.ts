/** The promise of the codec, on texts that the dictionary never saw. @module */
import { expect, test } from "vitest";
import { pack, unpack } from "../../src/codec/pack.ts";
import { packText, unpackText } from "../../src/codec/short-text.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { heldOutNames, heldOutTexts, incompressible } from "./held-out.ts";

test("held-out texts take at most 45 % of their bytes, each comes back, and none grows by more than a byte", () => {
  const texts = heldOutTexts();
  expect(texts.length).toBeGreaterThanOrEqual(24);
  let raw = 0;
  let packed = 0;
  for (const { name, content } of texts) {
    const bytes = pack(content);
    expect(unpack(bytes, content.length), name).toEqual({ ok: true, value: content });
    expect(bytes.length, name).toBeLessThanOrEqual(content.length + 1);
    raw += content.length;
    packed += bytes.length;
  }
  expect(packed / raw).toBeLessThanOrEqual(0.45);
});

test("held-out names take at most half of their bytes", () => {
  let raw = 0;
  let packed = 0;
  for (const name of heldOutNames()) {
    const bytes = packText(name);
    expect(unpackText(bytes, 64)).toEqual({ ok: true, value: name });
    raw += utf8(name).length;
    packed += bytes.length;
  }
  expect(packed / raw).toBeLessThanOrEqual(0.5);
});

test("what can't be compressed grows by at most one byte", () => {
  for (const { name, content } of incompressible()) {
    const bytes = pack(content);
    expect(bytes.length, name).toBeLessThanOrEqual(content.length + 1);
    expect(unpack(bytes, content.length), name).toEqual({ ok: true, value: content });
  }
});
