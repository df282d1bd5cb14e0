/** The protocol's description says what the code does: examples, numbers, timers, hints, labels, sections. @module */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MAX_FRUITLESS } from "../../src/exchange/files/asking.ts";
import { timingFor } from "../../src/exchange/timing.ts";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/codec.ts";
import { LISTENERS } from "../../src/wire/get.ts";
import golden from "../vectors/wire/messages.json" with { type: "json" };

const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```hex\n([^`]+)```/g)].map(([, hex = ""]) => hex.replaceAll(/\s/g, ""));

/** The cells of the last table row that begins with this, without the first. */
function row(first: string): readonly string[] {
  const line = text
    .split("\n")
    .findLast((one) => one.startsWith(`| ${first}`) && one.slice(first.length + 2).trimStart()[0] === "|");
  if (line === undefined) throw new Error(`no row "${first}"`);
  return line
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

/** The numbers in the second cell of that row. */
function figures(first: string): readonly number[] {
  return [...(row(first)[0] ?? "").matchAll(/\d+(?:\.\d+)?/g)].map(([figure]) => Number(figure));
}

describe("the page", () => {
  test("shows one example of each message, in the order of their numbers, and each is one of the golden ones", () => {
    const types = examples.map((hex) => {
      const outcome = decodeMessage(fromHex(hex) ?? new Uint8Array(0));
      if (!outcome.ok) throw new Error(`${hex}: ${outcome.reason}`);
      expect(toHex(encodeMessage(outcome.value))).toBe(hex);
      expect(golden.messages.map(({ bytes }) => bytes)).toContain(hex);
      return outcome.value.type;
    });
    const numbers = new Map(golden.messages.map(({ message, bytes }) => [message.type, bytes.slice(0, 2)]));
    expect(types).toEqual([...numbers].toSorted(([, a], [, b]) => (a < b ? -1 : 1)).map(([type]) => type));
  });

  test("lists every message under its number and its section", () => {
    for (const { message, bytes } of golden.messages) {
      const number = Number.parseInt(bytes[1] ?? "", 16);
      const [name, , section] = row(String(number));
      expect(name).toBe(message.type.toUpperCase());
      expect(text).toContain(`\n### ${section} ${name}: `);
      expect(text).toContain(`| \`0xD${bytes[1]?.toUpperCase()}\``);
    }
  });

  test("tells the timers that the code uses, on every preset", () => {
    const [leastS = 0, packets = 0] = figures("BEACON: shortest interval (Imin)");
    const [beaconDoublings, lonelyDoublings] = figures("BEACON: doublings to the longest (Imax)");
    const [beaconRedundancy] = figures("BEACON: equal ones that make ours superfluous (k)");
    const [patientTries, backOffFactor, maxBackOff] = figures("questions in vain before each next waits longer");
    const [maxFruitless] = figures("questions in vain before a node gives up");
    for (const packetMs of [24, 204, 642, 2157, 14_295]) {
      expect(timingFor(packetMs * 1000)).toMatchObject({
        beaconMinMs: Math.max(leastS * 1000, packets * packetMs),
        beaconDoublings,
        lonelyDoublings,
        beaconRedundancy,
        patientTries,
        backOffFactor,
        maxBackOff,
      });
    }
    expect(MAX_FRUITLESS).toBe(maxFruitless);
  });

  test("names the hints of listeners that GET has", () => {
    expect(text.replaceAll("\n", " ")).toContain(`index into ${LISTENERS.join(", ")}.`);
  });

  test("names only labels that the code hashes or signs", () => {
    const [, named = ""] = /labels of hashes and signatures +\| ([^|]+)\|/.exec(text) ?? [];
    const labels = [...named.matchAll(/`([^`]+)`/g)].map(([, label = ""]) => label);
    const rooms = ["alert", "dag", "exchange"].map((room) => new URL(`../../src/${room}/`, import.meta.url));
    const code = rooms
      .flatMap((room) => readdirSync(room, { recursive: true, encoding: "utf8" }).map((file) => new URL(file, room)))
      .filter(({ pathname }) => pathname.endsWith(".ts"))
      .map((file) => readFileSync(file, "utf8"))
      .join("\n");
    // Statements of the authority put theirs together.
    expect(code).toContain("`caye ${kind} v1`");
    for (const label of labels) {
      if (!/certificate|revocations/.test(label)) expect(code).toContain(`utf8("${label}")`);
      expect(text.split(`\`${label}\``).length, `${label} in its section and in the registry`).toBeGreaterThan(2);
    }
    expect(labels.length).toBe(10);
  });

  // Behind a comma they are another document's.
  test("refers to sections that are there", () => {
    for (const [, section = ""] of text.matchAll(/(?<!,\s)sections? (\d+(?:\.\d+)?)/gi)) {
      expect(text).toMatch(new RegExp(`\\n#{2,3} ${section.replace(".", String.raw`\.`)}\\.? `));
    }
  });
});
