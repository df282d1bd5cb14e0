/** `caye entropy assess`: what can be typed, what comes out, and what goes wrong. */
import { beforeEach, expect, test } from "vitest";
import { ESTIMATORS } from "../../src/kernel/entropy.ts";
import { assess } from "../../src/entropy/assess.ts";
import { SOURCES } from "../entropy/sources.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const uniform = SOURCES["uniform4"]!.make(4096);
const bits = SOURCES["biased06"]!.make(7000);

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
  cli.files.set("samples.bin", uniform);
  cli.files.set("bits.bin", bits);
});

const assessed = (...words: string[]) => cli.run("entropy", "assess", ...words);

test("every figure comes unrounded in JSON, without an agent", async () => {
  cli.answer = undefined;
  cli.env["CAYE_STATE"] = "/nowhere";
  const { code, out } = await assessed("samples.bin", "--bits", "4", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ file: "samples.bin", ...assess(uniform, 4) });
  const { literal, bitstring } = JSON.parse(out);
  expect(Object.keys(literal)).toEqual([...ESTIMATORS]);
  expect(Object.keys(bitstring)).toEqual([...ESTIMATORS]);
  expect(literal.collision).toBeNull();
});

test("a table shows both views, and what counts", async () => {
  const { code, out, err } = await assessed("samples.bin", "--bits", "4");
  const { literal, assessed: result } = assess(uniform, 4);
  expect(code).toBe(0);
  expect(out).toMatch(/^4096 samples of 4 bits, 16 different\n/);
  expect(out).toMatch(/^estimator +bits a sample +bits a bit$/m);
  expect(out).toMatch(new RegExp(`^LZ78Y +${literal.lz78y!.toFixed(6)} +0\\.\\d{6}$`, "m"));
  expect(out).toMatch(/^Markov +– +0\.\d{6}$/m);
  expect(out).toContain(`Assessed: ${result.toFixed(6)} bits of min-entropy a sample, of 4\n`);
  expect(err).toBe(
    "caye: 4096 samples are fewer than the 1000000 of SP 800-90B: even a perfect source is then judged too low\n",
  );
});

test("bits have one view, and one symbol no entropy", async () => {
  const { out } = await assessed("bits.bin", "--bits", "1");
  expect(out).toMatch(/^7000 samples of 1 bit, 2 different\n\nestimator +bits a sample\n/);
  expect(out).toMatch(/^compression +0\.\d{6}$/m);
  cli.files.set("dead.bin", new Uint8Array(2000).fill(7));
  const dead = await assessed("dead.bin", "--bits", "8");
  expect([dead.code, dead.out]).toEqual([0, expect.stringContaining("There is one symbol only: no entropy at all.")]);
  expect(dead.out).toContain("Assessed: 0.000000 bits");
});

test.each([
  { words: ["none.bin", "--bits", "8"], code: "FILE_UNREADABLE", said: "none.bin: there is no such file" },
  { words: [".", "--bits", "8"], code: "FILE_UNREADABLE", said: ".: it is a directory" },
  { words: ["empty.bin", "--bits", "8"], code: "SAMPLES_TOO_FEW", said: "empty.bin: it is empty" },
  { words: ["short.bin", "--bits", "4"], code: "SAMPLES_TOO_FEW", said: "1023 samples are too few: at least 1024" },
  {
    words: ["samples.bin", "--bits", "3"],
    code: "SAMPLE_TOO_WIDE",
    said: `samples.bin: the byte at offset ${uniform.findIndex((sample) => sample > 7)} is `,
  },
  { words: ["/dev/hwrng", "--bits", "8"], code: "FILE_UNREADABLE", said: "it is a device, which has no end" },
])("$words fails by its name: $code", async ({ words, code, said }) => {
  cli.files.set("empty.bin", new Uint8Array(0));
  cli.files.set("short.bin", uniform.subarray(0, 1023));
  cli.special.set("/dev/hwrng", { kind: "device", mode: 0o600, readable: true, writable: true });
  const plain = await assessed(...words);
  expect([plain.code, plain.out, plain.err]).toEqual([1, "", expect.stringContaining(said)]);
  const json = await assessed(...words, "--json");
  expect(JSON.parse(json.out)).toMatchObject({ error: { code, message: expect.stringContaining(said) } });
});

test("a file that is too large is refused before it is read", async () => {
  cli.special.set("huge.bin", { kind: "file", mode: 0o600, readable: true, writable: true, bytes: 2 ** 40 });
  const { code, err } = await assessed("huge.bin", "--bits", "8");
  expect([code, err]).toEqual([1, expect.stringContaining("huge.bin: 1099511627776 samples of 8 bits are too many")]);
});

test("what is piped is read as a file is, and one that never ends is given up", async () => {
  cli.files.set("/dev/stdin", uniform);
  cli.special.set("/dev/stdin", { kind: "other", mode: 0o600, readable: true, writable: true });
  expect(JSON.parse((await assessed("/dev/stdin", "--bits", "4", "--json")).out)).toMatchObject({ samples: 4096 });
  cli.files.set("/dev/stdin", new Uint8Array(2 ** 23));
  const { code, err } = await assessed("/dev/stdin", "--bits", "8");
  expect([code, err]).toEqual([1, expect.stringContaining("more than 4194304 samples of 8 bits are too many")]);
});

test.each([
  { words: ["samples.bin"], said: "--bits" },
  { words: ["samples.bin", "--bits", "0"], said: "from 1 to 8" },
  { words: ["samples.bin", "--bits", "9"], said: "from 1 to 8" },
  { words: ["samples.bin", "--bits", "many"], said: "from 1 to 8" },
  { words: ["--bits", "8"], said: "file" },
])("$words is typed wrongly", async ({ words, said }) => {
  const { code, err } = await assessed(...words);
  expect([code, err]).toEqual([2, expect.stringContaining(said)]);
});

test("help explains the command", async () => {
  const { code, out } = await assessed("--help");
  expect(code).toBe(0);
  for (const word of ["--bits <n>", "--json", "one a byte", "Example:"]) expect(out).toContain(word);
});

/** Each estimate takes so long. */
async function slowly(ms: number): Promise<{ readonly out: string; readonly err: string }> {
  cli.entropyTools = {
    assess: (samples, width, onStep) =>
      assess(samples, width, (step) => {
        onStep?.(step);
        cli.nowMs += ms;
      }),
  };
  return assessed("samples.bin", "--bits", "4", "--json");
}

test("what takes longer than a second says how far it is, in few lines", async () => {
  const { err, out } = await slowly(1000);
  const lines = err.split("\n").filter((line) => line.includes("estimate"));
  expect(lines[0]).toBe("caye: estimate 2 of 20: collision of 4096 samples (1 s)");
  expect(lines.map((line) => /\((.*)\)/.exec(line)?.[1])).toEqual(["1 s", "6 s", "11 s", "16 s"]);
  expect(JSON.parse(out).file).toBe("samples.bin");
  expect((await slowly(40)).err).not.toContain("estimate");
});

test("on a terminal one line overwrites itself, and none is left", async () => {
  cli.isTty = true;
  cli.columns = 40;
  const { err } = await slowly(1000);
  const progress = err.slice(0, err.lastIndexOf("\u001b[K") + 3);
  expect(progress).not.toContain("\n");
  const shown = progress.split("\r\u001b[K");
  expect(shown.length).toBe(21);
  expect(shown.at(-1)).toBe("");
  for (const line of shown) expect(line.length).toBeLessThan(40);
});
