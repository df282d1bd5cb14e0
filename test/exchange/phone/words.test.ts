/** What people write, and what is understood. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/kernel/bytes.ts";
import { hearText, type HeardText } from "../../../src/exchange/phone/words.ts";

const hear = (text: string): HeardText => hearText(utf8(text));
const question = (question: object, language: string | undefined): object => ({ kind: "question", question, language });

describe("a text is understood", () => {
  test.each([
    ["help", question({ kind: "help" }, "en")],
    ["  HELP! ", question({ kind: "help" }, "en")],
    ["?", question({ kind: "help" }, undefined)],
    ["/help", question({ kind: "help" }, "en")],
    ["ayuda", question({ kind: "help" }, "es")],
    ["¡Hola!", question({ kind: "help" }, "es")],
    ["ls", question({ kind: "list", word: "", page: 1 }, undefined)],
    ["LS 3", question({ kind: "list", word: "", page: 3 }, undefined)],
    ["ls 0", question({ kind: "list", word: "", page: 1 }, undefined)],
    ["list  Tide   tables 2", question({ kind: "list", word: "tide tables", page: 2 }, "en")],
    ["Lista  Médico", question({ kind: "list", word: "medico", page: 1 }, "es")],
    ["get tide.txt", question({ kind: "get", name: "tide.txt" }, "en")],
    ["GET  Tide   Table.txt", question({ kind: "get", name: "Tide Table.txt" }, "en")],
    ['get "tide.txt"', question({ kind: "get", name: "tide.txt" }, "en")],
    ["get", question({ kind: "get", name: "" }, "en")],
    ["trae mareas.txt", question({ kind: "get", name: "mareas.txt" }, "es")],
    ["Dame mareas.txt", question({ kind: "get", name: "mareas.txt" }, "es")],
    ["alerts", question({ kind: "alerts" }, "en")],
    ["Alertas", question({ kind: "alerts" }, "es")],
    ["who?", question({ kind: "who" }, "en")],
    ["¿Quién?", question({ kind: "who" }, "es")],
    ["quie\u0301n", question({ kind: "who" }, "es")],
    ["more", question({ kind: "more" }, "en")],
    ["MÁS", question({ kind: "more" }, "es")],
    ["again", question({ kind: "again", parts: [] }, "en")],
    ["again 2, 5 (7/9) x 0 100", question({ kind: "again", parts: [2, 5, 7, 9] }, "en")],
    ["repite 3", question({ kind: "again", parts: [3] }, "es")],
    ["help\u0000\u202E", question({ kind: "help" }, "en")],
  ])("%j", (text, heard) => {
    expect(hear(text)).toEqual(heard);
  });

  test.each([
    ["halp", "help"],
    ["alertsa", "alerts"],
    ["sl", "ls"],
    ["ayudda", "ayuda"],
    ["gte tide.txt", "get"],
    ["xyzzy", undefined],
    ["who is going to the clinic tomorrow", undefined],
    ["hi Maria, can you bring the nets", undefined],
    ["hepl me to find the boat please", undefined],
  ])("%j is no command, but perhaps %j was meant", (text, meant) => {
    expect(hear(text)).toEqual({ kind: "unknown", meant });
  });

  test.each([
    ["👍", "wordless"],
    ["❤️", "wordless"],
    ["...", "wordless"],
    ["", "wordless"],
    ["» No alerts now.", "own"],
    ["  » help", "own"],
    ["(1/3) help", "own"],
    ["(12/24) ls", "own"],
  ])("%j is left without an answer: %s", (text, why) => {
    expect(hear(text)).toEqual({ kind: "ignored", why });
  });

  test("bytes that are no text, and more than a packet holds, are left without an answer", () => {
    expect(hearText(Uint8Array.of(0x6c, 0x73, 0xff))).toEqual({ kind: "ignored", why: "not_text" });
    expect(hearText(new Uint8Array(238).fill(0x61))).toEqual({ kind: "ignored", why: "too_long" });
  });
});

describe("whatever comes", () => {
  test("any bytes are heard without a throw", () => {
    const law = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(["question", "unknown", "ignored"]).toContain(hearText(bytes).kind);
    });
    fc.assert(law, { numRuns: 3_000 });
  });

  test("a command before any text is heard without a throw, and pages and parts stay in range", () => {
    const commands = fc.constantFrom("ls", "get", "again", "help", "más", "quién");
    const law = fc.property(commands, fc.string({ unit: "grapheme", maxLength: 60 }), (command, text) => {
      const heard = hear(`${command} ${text}`);
      if (heard.kind !== "question") return;
      const { question: asked } = heard;
      if (asked.kind === "list") expect(asked.page).toBeGreaterThanOrEqual(1);
      if (asked.kind === "again") for (const part of asked.parts) expect(part).toBeLessThan(100);
    });
    fc.assert(law, { numRuns: 3_000 });
  });
});
