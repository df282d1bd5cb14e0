import { expect, test } from "vitest";
import { kernelEntropy } from "../../src/drivers/entropy/kernel.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { Random } from "../../src/ports/random.ts";
import { MixedRandom, mixSeed, seed } from "../../src/trust/seed.ts";
import { seeded } from "../fakes/seeded.ts";
import { FakeChip } from "../fakes/tpm.ts";

const stuck: Random = { bytes: (length) => new Uint8Array(length) };

test("a seed depends on every part, and on where one ends and the next begins", () => {
  const seeds = [
    mixSeed([utf8("ab"), utf8("c")]),
    mixSeed([utf8("a"), utf8("bc")]),
    mixSeed([utf8("abc"), utf8("")]),
    mixSeed([utf8("abc")]),
  ].map(toHex);
  expect(new Set(seeds).size).toBe(4);
});

test("the generator gives good bytes though the kernel's are stuck", () => {
  const random = new MixedRandom(mixSeed([utf8("seed")]), stuck);
  const drawn = [random.bytes(32), random.bytes(32), random.bytes(1000)];
  expect(new Set(drawn.map(toHex)).size).toBe(3);
  const counts = new Set(drawn[2]);
  expect(counts.size).toBeGreaterThan(200);
});

test("the generator is no worse than the kernel's though its seed is known", () => {
  const known = mixSeed([utf8("known to the enemy")]);
  const [a, b] = [seeded(1).random, seeded(2).random].map((kernel) => new MixedRandom(known, kernel).bytes(64));
  expect(a).not.toEqual(b);
});

test("the generator gives as many bytes as asked for, and its own buffer each time", () => {
  const random = new MixedRandom(mixSeed([]), systemRandom());
  for (const length of [0, 1, 31, 32, 33, 65_536]) {
    const bytes = random.bytes(length);
    expect(bytes).toHaveLength(length);
    expect(bytes.buffer.byteLength).toBe(length);
  }
});

test("at least 1,024 samples are tested, whatever is asked for", async () => {
  const asked: number[] = [];
  const openSource = async () => ({
    ...kernelEntropy(7),
    read: async (count: number) => {
      asked.push(count);
      return systemRandom().bytes(count);
    },
  });
  const inputs = { openSource, tpm: new FakeChip().powerOn(), kernelRandom: systemRandom() };
  const { signal } = new AbortController();
  for (const samples of [1, 5000, 1e9]) {
    expect((await seed({ ...inputs, samples, signal })).kind).toBe("seeded");
  }
  expect(asked).toEqual([1024, 5000, 65_536]);
});

test("a stop while samples are read is a failure of the source, not a crash", async () => {
  const signal = AbortSignal.abort();
  const openSource = async () => kernelEntropy(7);
  const outcome = await seed({ openSource, tpm: undefined, kernelRandom: systemRandom(), samples: 1024, signal });
  expect(outcome).toMatchObject({ kind: "source-error", detail: expect.stringContaining("told to stop") });
});
