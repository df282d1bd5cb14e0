/** The sources of a node: each named one once, and the machine's own device where there is one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { entropyOpenings } from "../../../src/drivers/entropy/openings.ts";
import { FakeChip } from "../../fakes/tpm.ts";

let directory: string;
let device: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "caye-openings-"));
  device = join(directory, "hwrng");
});
afterEach(() => rmSync(directory, { recursive: true }));

const signal = new AbortController().signal;
const kernel = { uri: "kernel", claimedBits: 7 };

test("the machine's own device is mixed in where it is there, and nobody has named it", async () => {
  expect(entropyOpenings([kernel], undefined, device).map(({ uri }) => uri)).toEqual(["kernel"]);
  writeFileSync(device, "x".repeat(100));
  const found = entropyOpenings([kernel], undefined, device);
  expect(found.map(({ uri, optional }) => [uri, optional])).toEqual([
    ["kernel", false],
    [`hwrng:${device}`, true],
  ]);
  await using source = await found[1]!.open();
  expect(await source.read(100, signal)).toHaveLength(100);
  const named = entropyOpenings([{ uri: `hwrng:${device}`, claimedBits: 6 }], undefined, device);
  expect(named.map(({ optional }) => optional)).toEqual([false]);
});

test("the TPM is a source where there is one, and else a failure by name", async () => {
  const chip = new FakeChip();
  const tpm = { uri: "tpm", claimedBits: 6 };
  await using source = await entropyOpenings([tpm], chip.powerOn(), device)[0]!.open();
  expect(source).toMatchObject({ name: "tpm", claimedMinEntropyBits: 6 });
  await expect(entropyOpenings([tpm], undefined, device)[0]!.open()).rejects.toMatchObject({
    code: "ENTROPY_SOURCE",
    fix: expect.stringContaining("fit a TPM"),
  });
});
