/** What every implementation of the port `EntropySource` promises. @module */
import { afterEach, beforeEach, describe, expect, test, type TestContext } from "vitest";
import type { EntropySource } from "../../src/ports/entropy.ts";

export interface EntropyRig extends AsyncDisposable {
  readonly source: EntropySource;
  /** Takes the device away; undefined: it can't be. */
  readonly unplug?: () => unknown;
  /** The device is there, and gives nothing any more. The source gives up after milliseconds, or waits for the signal. */
  readonly silence?: () => unknown;
}

const never = new AbortController().signal;

/**
 * @param open a source and what stands behind it, or why there is none
 * @param faults what can befall it: it is tested under those, and its rig must be able to play them
 */
export function describeEntropy(
  name: string,
  open: () => Promise<EntropyRig | string>,
  faults: readonly ("unplug" | "silence")[],
): void {
  describe(name, () => {
    let rig: EntropyRig | string;
    beforeEach(async () => {
      rig = await open();
    });
    afterEach(async () => {
      if (typeof rig !== "string") await rig[Symbol.asyncDispose]();
    });
    const here = (context: TestContext): EntropyRig => (typeof rig === "string" ? context.skip(rig) : rig);

    test("says what its samples are", (context) => {
      const { source } = here(context);
      expect(source.name).toMatch(/^(?:kernel|tpm|hwrng:|qrng:)/);
      expect(source.bitsPerSample).toBeGreaterThanOrEqual(1);
      expect(source.bitsPerSample).toBeLessThanOrEqual(8);
      expect(source.claimedMinEntropyBits).toBeGreaterThan(0);
      expect(source.claimedMinEntropyBits).toBeLessThanOrEqual(source.bitsPerSample);
      expect(Object.keys(source.identity).sort()).toEqual(["firmware", "serial"]);
    });

    const counts = [0, 1, 63, 64, 65, 1024, 4096, 4097, 10_000];
    test.for(counts)("gives exactly %d samples, one a byte", async (count, context) => {
      const { source } = here(context);
      const samples = await source.read(count, never);
      expect(samples).toBeInstanceOf(Uint8Array);
      expect([samples.length, samples.byteOffset, samples.buffer.byteLength]).toEqual([count, 0, count]);
      expect(samples.every((sample) => sample < 2 ** source.bitsPerSample)).toBe(true);
    });

    test("gives others each time", async (context) => {
      const { source } = here(context);
      const [a, b] = [await source.read(64, never), await source.read(64, never)];
      expect(a).not.toEqual(b);
    });

    test("is well, and says so before and after it is read", async (context) => {
      const { source } = here(context);
      expect(await source.status(never)).toEqual({ ok: true, flags: [] });
      await source.read(100, never);
      expect(await source.status(never)).toEqual({ ok: true, flags: [] });
    });

    test("obeys a signal that is aborted already, and works on", async (context) => {
      const { source } = here(context);
      await expect(source.read(100, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
      expect(await source.read(100, never)).toHaveLength(100);
    });

    test("has the faults that it is tested under, and no others", (context) => {
      const { unplug, silence } = here(context);
      expect({ unplug: unplug !== undefined, silence: silence !== undefined }).toEqual({
        unplug: faults.includes("unplug"),
        silence: faults.includes("silence"),
      });
    });

    const testUnder = (
      fault: "unplug" | "silence",
      sentence: string,
      run: (rig: EntropyRig) => Promise<void>,
    ): void => {
      if (faults.includes(fault)) test(sentence, (context) => run(here(context)));
    };

    testUnder("silence", "obeys a signal while it waits for a silent device", async ({ source, silence }) => {
      await silence?.();
      const stop = new AbortController();
      const reading = source.read(5000, stop.signal);
      stop.abort(new Error("stop"));
      await expect(reading).rejects.toThrow("stop");
    });

    testUnder("unplug", "says that it is gone once it was taken away, with what to do", async ({ source, unplug }) => {
      const gone = { code: "ENTROPY_SOURCE", fix: expect.stringMatching(/\S/) };
      await source.read(10, never);
      await unplug?.();
      await expect(source.read(10, never)).rejects.toMatchObject(gone);
      await expect(source.read(10, never)).rejects.toMatchObject(gone);
    });

    test("closes twice without harm", async (context) => {
      const { source } = here(context);
      await source[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
    });
  });
}
