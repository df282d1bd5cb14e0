/** The agent's generator: never worse than the kernel's nor than its seed, and no copy of it says what it says. */
import { describe, expect, test } from "vitest";
import { processInstance } from "../../src/drivers/instance.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { condition, SEED_BYTES } from "../../src/entropy/conditioning.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { InstanceMark } from "../../src/ports/instance.ts";
import type { Random } from "../../src/ports/random.ts";
import { SeededRandom, type GeneratorParts } from "../../src/trust/generator.ts";
import { seeded } from "../fakes/seeded.ts";

const stuck: Random = { bytes: (length) => new Uint8Array(length) };
const mark: InstanceMark = { pid: 7, monotonicMs: 1000, wallMs: 1_750_000_000_000 };
const part = (text: string, name = "qrng") => ({ name, bytes: utf8(text) });

test("a seed depends on every part, on its name, and on where one ends and the next begins", () => {
  const seeds = [
    condition([part("ab"), part("c")]),
    condition([part("a"), part("bc")]),
    condition([part("c"), part("ab")]),
    condition([part("abc"), part("")]),
    condition([part("abc")]),
    condition([part("abc", "hwrng")]),
    condition([part("c", "qrngab")]),
    condition([]),
  ];
  expect(new Set(seeds.map(toHex)).size).toBe(seeds.length);
  for (const seed of seeds) expect(seed).toHaveLength(SEED_BYTES);
});

/** A generator whose process and clocks a test moves. */
class Rig {
  now = { ...mark };
  readonly random: SeededRandom;

  constructor(parts: Partial<GeneratorParts> = {}) {
    this.random = new SeededRandom({ parts: [part("seed")], kernel: stuck, instance: () => this.now, ...parts });
  }

  draw(length = 32): string {
    return toHex(this.random.bytes(length));
  }
}

describe("the generator", () => {
  test("gives good bytes though the kernel's are stuck", () => {
    const { random } = new Rig();
    const drawn = [random.bytes(32), random.bytes(32), random.bytes(1000)];
    expect(new Set(drawn.map(toHex)).size).toBe(3);
    expect(new Set(drawn[2]).size).toBeGreaterThan(200);
  });

  test("is no worse than the kernel's though its seed is known", () => {
    const drawn = [1, 2].map((seed) => new Rig({ kernel: seeded(seed).random }).draw(64));
    expect(drawn[0]).not.toBe(drawn[1]);
  });

  test("XORs its own bytes with the kernel's", () => {
    // The seed takes kernel bytes in, too: only what is XORed afterwards may differ.
    let afterwards = 0;
    const kernel: Random = { bytes: (length) => new Uint8Array(length).fill(afterwards) };
    const random = new Rig({ kernel }).random;
    afterwards = 0xff;
    const plain = new Rig().random.bytes(40);
    expect(toHex(random.bytes(40))).toBe(toHex(plain.map((byte) => byte ^ 0xff)));
  });

  test("gives as many bytes as asked for, on a buffer of their own", () => {
    const random = new SeededRandom({ parts: [], kernel: systemRandom(), instance: processInstance });
    for (const length of [0, 1, 31, 32, 33, 65_536]) {
      const bytes = random.bytes(length);
      expect(bytes).toHaveLength(length);
      expect(bytes.buffer.byteLength).toBe(length);
    }
  });

  test("gives other bytes after a reseed, by what it was reseeded with", () => {
    const rigs = [new Rig(), new Rig(), new Rig()];
    rigs[1]!.random.reseed([part("more")]);
    rigs[2]!.random.reseed([part("else")]);
    expect(new Set(rigs.map((rig) => rig.draw())).size).toBe(3);
  });

  test("goes on with kernel bytes when it was asked too often, and says that all sources should follow", () => {
    const rig = new Rig({ reseedInterval: 3 });
    for (let i = 0; i < 3; i++) rig.draw();
    expect(rig.random.stale).toBe(false);
    rig.draw();
    expect(rig.random.stale).toBe(true);
    rig.random.reseed([part("fresh")]);
    expect(rig.random.stale).toBe(false);
  });

  test("gives nothing once it was wiped", () => {
    const { random } = new Rig();
    random.wipe();
    expect(() => random.bytes(1)).toThrow(expect.objectContaining({ code: "DRBG_WIPED" }));
  });
});

describe("a copy of the generator", () => {
  // Same seed, same stuck kernel, same requests before: the same state. What a rig draws is then its own.
  const copies = (...changes: readonly Partial<InstanceMark>[]): readonly string[] =>
    changes.map((change) => {
      const rig = new Rig();
      rig.draw();
      rig.now = { ...mark, ...change };
      return rig.draw();
    });

  test("that is no copy but the same at the same moment says the same: the tests below could fail", () => {
    const [a, b] = copies({}, {});
    expect(a).toBe(b);
  });

  test.each([
    ["forked", { pid: 8 }],
    ["thawed after a sleep", { wallMs: mark.wallMs + 3_600_000 }],
    ["restored from an image a moment later", { wallMs: mark.wallMs + 1, monotonicMs: mark.monotonicMs + 1 }],
    ["restored on a machine whose clock starts anew", { monotonicMs: 3 }],
  ])("%s says something else", (_how, change) => {
    const [a, b] = copies({}, change);
    expect(a).not.toBe(b);
  });

  test.each([
    [{ pid: 8 }, true],
    [{ wallMs: mark.wallMs + 3_000 }, true],
    [{ monotonicMs: mark.monotonicMs + 3_000 }, true],
    [{ wallMs: mark.wallMs + 1_000 }, false],
    [{ wallMs: mark.wallMs + 9_000, monotonicMs: mark.monotonicMs + 9_000 }, false],
  ])("with %o is noticed: %s", (change, stale) => {
    const rig = new Rig();
    rig.now = { ...mark, ...change };
    rig.draw();
    expect(rig.random.stale).toBe(stale);
  });

  test("takes kernel bytes in when it is noticed, so that who knows the old state knows nothing", () => {
    const drawn = [1, 2].map((value) => {
      let awake = 0;
      const kernel: Random = { bytes: (length) => new Uint8Array(length).fill(length === 64 ? awake : 0) };
      const rig = new Rig({ kernel });
      awake = value;
      rig.now = { ...mark, pid: 8 };
      return rig.draw();
    });
    expect(drawn[0]).not.toBe(drawn[1]);
  });
});
