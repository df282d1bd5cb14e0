/** The page is enough to write another implementation: one that was written from it agrees with ours. @module */
import { describe, expect, test } from "vitest";
import { fromHex } from "../../src/kernel/bytes.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };
import wrong from "../vectors/wire/refusals.json" with { type: "json" };
import { decode, encode } from "./independent.ts";
import { readable } from "./readable.ts";
import { spoiledPayloads } from "./spoiled.ts";

describe("an implementation from the page alone", () => {
  test("reads and writes every golden message", () => {
    for (const { name, message, bytes } of golden.messages) {
      expect(decode(bytes), name).toEqual(message);
      expect(encode(message), name).toBe(bytes);
    }
  });

  test("refuses what we refuse", () => {
    for (const { name, bytes } of wrong.refusals) expect(decode(bytes), name).toBeUndefined();
  });

  test("agrees with ours about 12,000 spoiled and random payloads", () => {
    let taken = 0;
    for (const payload of spoiledPayloads(12_000)) {
      const hex = Buffer.from(payload).toString("hex");
      const ours = decodeMessage(fromHex(hex) ?? payload);
      if (ours.ok) taken++;
      expect(decode(hex), hex).toEqual(ours.ok ? readable(ours.value) : undefined);
    }
    expect(taken).toBeGreaterThan(1_200);
    expect(taken).toBeLessThan(10_800);
  });
});
