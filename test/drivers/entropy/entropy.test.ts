import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openHwrng } from "../../../src/drivers/entropy/hwrng.ts";
import { openEntropy } from "../../../src/drivers/entropy/open.ts";
import { tpmEntropy } from "../../../src/drivers/entropy/tpm.ts";
import { temporaryDirectory } from "../../fakes/chips.ts";
import { FakeChip } from "../../fakes/tpm.ts";

const never = new AbortController().signal;

describe("an entropy source", () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  test("of the kernel gives as many samples as asked for, and says that they are conditioned", async () => {
    await using source = await openEntropy("kernel", 7.5);
    expect(source).toMatchObject({ name: "kernel", raw: false, claimedMinEntropyBits: 7.5 });
    expect(await source.read(1024, never)).toHaveLength(1024);
    await expect(source.read(1, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });

  test("behind a device file is read to the last sample asked for", async () => {
    const path = join(directory.path, "hwrng");
    const content = randomBytes(10_000);
    writeFileSync(path, content);
    await using source = await openEntropy(`hwrng:${path}`, 7);
    expect(source.name).toBe(`hwrng:${path}`);
    const samples = await source.read(9_000, never);
    expect(Buffer.from(samples).equals(content.subarray(0, 9_000))).toBe(true);
    await expect(source.read(9_000, never)).rejects.toMatchObject({ code: "ENTROPY_SOURCE" });
  });

  test("that falls silent is given up on, and holds up nothing", async (context) => {
    const path = join(directory.path, "fifo");
    if (spawnSync("mkfifo", [path]).status !== 0) context.skip("no mkfifo here");
    await using source = await openHwrng(path, 7, 20);
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await expect(source.read(10, never)).rejects.toMatchObject({
        code: "ENTROPY_SOURCE",
        message: expect.stringMatching(/silent/),
      });
      const stop = new AbortController();
      const reading = source.read(10, stop.signal);
      stop.abort();
      await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    } finally {
      closeSync(writer);
    }
  });

  test("of a TPM comes in pieces that the chip can give, and fails with the chip", async () => {
    const chip = new FakeChip();
    await using source = tpmEntropy(chip.powerOn(), 8);
    expect(await source.read(1000, never)).toHaveLength(1000);
    chip.gone = true;
    await expect(source.read(1000, never)).rejects.toMatchObject({ code: "ENTROPY_SOURCE" });
  });

  test("that is not there says what to do", async () => {
    const uri = `hwrng:${join(directory.path, "none")}`;
    await expect(openEntropy(uri, 7)).rejects.toMatchObject({
      code: "ENTROPY_SOURCE",
      fix: expect.stringMatching(/entropy.source/),
    });
  });

  test.each(["qcicada", "truerng", "truerngpro", "onerng"])(
    "of a serial %s that is not there does, too",
    async (kind) => {
      const uri = `qrng:${kind}:${join(directory.path, "none")}`;
      await expect(openEntropy(uri, 7)).rejects.toMatchObject({
        code: "ENTROPY_SOURCE",
        fix: expect.stringMatching(/plug the device in/),
      });
    },
  );

  test.each([
    ["sensor:", 7],
    ["kernel", 0],
    ["kernel", 8.1],
    ["kernel", Number.NaN],
    ["hwrng:relative", 7],
    ["qrng:quantis:/dev/qrandom0", 7],
    ["qrng:truerng:relative", 7],
    ["qrng:truerng:/dev/none?serial=1", 7],
    ["qrng:onerng:/dev/none?ca=00", 7],
    ["qrng:qcicada:/dev/none?ca=0011", 7],
    ["qrng:qcicada:/dev/none?key=0011", 7],
  ])("%s with %d bits is a mistake of the configuration", async (uri, bits) => {
    await expect(openEntropy(uri, bits)).rejects.toMatchObject({ code: "ENTROPY_URI" });
  });
});
