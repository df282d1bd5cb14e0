/** The examples in the protocol's description are messages. @module */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };

const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```hex\n([^`]+)```/g)].map(([, hex = ""]) => hex.replaceAll(/\s/g, ""));

test("shows one example of each message, and each is one of the golden ones", () => {
  const types = examples.map((hex) => {
    const outcome = decodeMessage(fromHex(hex) ?? new Uint8Array(0));
    if (!outcome.ok) throw new Error(`${hex}: ${outcome.reason}`);
    expect(toHex(encodeMessage(outcome.value))).toBe(hex);
    expect(golden.messages.map(({ bytes }) => bytes)).toContain(hex);
    return outcome.value.type;
  });
  expect(types).toEqual(["beacon", "update", "repair", "want", "pull", "get", "coded", "alert", "alerts", "seen"]);
});
