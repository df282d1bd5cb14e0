/** `[entropy]`: one source as ever, several with their claims, and what can't be meant. */
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";

const entropyOf = (lines: string) => parseConfig(`[entropy]\n${lines}\n`, {}).entropy;

test("one source is named as ever", () => {
  expect(entropyOf('source = "hwrng:/dev/hwrng"\nmin_entropy_bits = 6')).toMatchObject({
    source: { kind: "hwrng", path: "/dev/hwrng" },
    sources: [],
    min_entropy_bits: 6,
  });
});

test("further sources stand beside it, each with its own claim or the common one", () => {
  const { sources } = entropyOf('sources = ["qrng:onerng:/dev/ttyACM0 at 6.5", "tpm"]');
  expect(sources).toMatchObject([
    { address: { kind: "qrng", uri: "qrng:onerng:/dev/ttyACM0" }, claimedBits: 6.5 },
    { address: { kind: "tpm", uri: "tpm" }, claimedBits: undefined },
  ]);
});

test("further sources can be named by the environment", () => {
  const { sources } = parseConfig("", { CAYE_ENTROPY_SOURCES: "hwrng:/dev/hwrng at 6, tpm" }).entropy;
  expect(sources.map(({ address, claimedBits }) => [address.uri, claimedBits])).toEqual([
    ["hwrng:/dev/hwrng", 6],
    ["tpm", undefined],
  ]);
});

test.each([
  ['sources = ["tpm at 9"]', "above 0 and at most 8"],
  ['sources = ["tpm at 0"]', "above 0 and at most 8"],
  ['sources = ["tpm at -1"]', "above 0 and at most 8"],
  ['sources = ["tpm at many"]', "above 0 and at most 8"],
  ['sources = ["camera"]', "none of kernel"],
  ['sources = ["kernel"]', "must not name a source twice"],
  ['source = "tpm"\nsources = ["hwrng:/dev/hwrng", "tpm at 6"]', "must not name a source twice"],
  [`sources = [${'"tpm",'.repeat(8)}]`, "at most 7"],
  ['on_failure = "ignore"', "must be degrade or quarantine"],
  ["reseed_minutes = 0", "from 1 to 1440"],
  ["assess_days = 366", "from 0 to 365"],
])("%s is refused by name", (lines, said) => {
  expect(() => entropyOf(lines)).toThrow(said);
});
