/** The context-mixing codec on small dictionaries: equal twins, nothing left behind, bounds, slots under pressure. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KIND, MixingCodec, MOST_BYTES } from "../../src/codec/mixing.ts";
import { Slots } from "../../src/codec/slots.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";

const TOP = 0xffff_ffff;
const MANY = 1_000_000;

function primed(): MixingCodec {
  const texts = ["The boat leaves at seven.\n", "name,age\nRosa,31\nLuis,45\n", "El agua está limpia."];
  return new MixingCodec(texts.map((text) => ({ kind: KIND.content, text: utf8(text) })));
}

describe("a primed codec", () => {
  test("codes a text as its twin does that has coded and refused others before", () => {
    const used = primed();
    const { random, below } = seeded(5);
    for (let i = 0; i < 40; i++) {
      used.encode(KIND.name, random.bytes(below(50)), TOP, 20);
      used.decode(KIND.content, random.bytes(below(50)), TOP, 30);
    }
    const text = utf8("The boat leaves at eight, the water is clean. ".repeat(30));
    used.encode(KIND.content, text, TOP, MANY);
    expect(used.encode(KIND.content, text, TOP, MANY)).toEqual(primed().encode(KIND.content, text, TOP, MANY));
  });

  test("gives a text back to its twin only", () => {
    const [here, there, stranger] = [primed(), primed(), new MixingCodec([])];
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 8, maxLength: 60 }).map(utf8), (text) => {
        const code = here.encode(KIND.content, text, TOP, MANY) ?? utf8("");
        expect(there.decode(KIND.content, code, TOP, text.length)).toEqual({ ok: true, value: text });
        expect(stranger.decode(KIND.content, code, TOP, text.length)).not.toEqual({ ok: true, value: text });
      }),
      { numRuns: 60 },
    );
  });

  test("leaves longer texts to others, and takes the longest", () => {
    const codec = new MixingCodec([]);
    expect(codec.encode(KIND.content, new Uint8Array(MOST_BYTES + 1), TOP, MANY)).toBeUndefined();
    const longest = new Uint8Array(MOST_BYTES).fill(0x61);
    const code = codec.encode(KIND.content, longest, TOP, MANY) ?? utf8("");
    expect(code.length).toBeLessThan(100);
    expect(codec.decode(KIND.content, code, TOP, MANY)).toEqual({ ok: true, value: longest });
    expect(codec.decode(KIND.content, code, TOP, 500)).toEqual({ ok: false, reason: "unpacked text too long" });
  });
});

test("slots are as before after an undo, whoever took them meanwhile", () => {
  const { below } = seeded(9);
  const slots = new Slots(2);
  const places = Array.from({ length: 300 }, () => [below(2 ** 32) | 0, below(2 ** 32) | 0, 1 + below(15)] as const);
  const states = (): number[] =>
    places.flatMap(([first, second, node]) => {
      slots.place(0, first);
      slots.place(1, second);
      slots.look(node);
      return [...slots.states];
    });
  const learn = (rounds: number, tags: number): void => {
    for (let i = 0; i < rounds; i++) {
      for (const [first, second, node] of places) {
        slots.place(0, first ^ (tags << 24));
        slots.place(1, second ^ (tags << 24));
        slots.look(node);
        slots.learn(i & 1);
      }
    }
  };
  learn(3, 0);
  slots.keep();
  const before = states();
  expect(before.filter((state) => state !== 0).length).toBeGreaterThan(500);
  // Two strangers at each place: both the slot and its alternative are taken.
  for (const tag of [1, 2, 3]) learn(9, tag);
  expect(states()).not.toEqual(before);
  slots.undo();
  expect(states()).toEqual(before);
});
