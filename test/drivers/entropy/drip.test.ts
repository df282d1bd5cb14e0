/** A device that never falls silent, and never gives much: the boot must not wait for it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ByteLine, LINE_LIMITS } from "../../../src/drivers/entropy/byte-line.ts";
import type { BytePort } from "../../../src/drivers/entropy/byte-port.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A byte each `everyMs`, whoever listens. */
function dripping(everyMs: number): BytePort {
  let listener: ((chunk: Uint8Array) => void) | undefined;
  const drip = setInterval(() => listener?.(Uint8Array.of(1)), everyMs);
  return {
    ended: new Promise(() => undefined),
    listen: (onBytes) => {
      listener = onBytes;
    },
    flush: async () => undefined,
    write: async () => undefined,
    setBaud: async () => undefined,
    [Symbol.asyncDispose]: async () => clearInterval(drip),
  };
}

test.each([
  ["that was told to stop", 30, (line: ByteLine, signal: AbortSignal) => line.untilQuiet(signal), "goes on sending"],
  ["that is asked for a block", 30, (line: ByteLine, signal: AbortSignal) => line.read(4_096, signal), "fell silent"],
])("a device %s, and drips, is given up within the time of its bytes", async (_what, everyMs, ask, message) => {
  await using line = new ByteLine("/dev/tty", dripping(everyMs), LINE_LIMITS);
  const given = ask(line, new AbortController().signal);
  const refused = expect(given).rejects.toMatchObject({
    code: "ENTROPY_SOURCE",
    message: expect.stringContaining(message),
  });
  await vi.advanceTimersByTimeAsync(LINE_LIMITS.silenceMs + 4_096 + 1_000);
  let settled = false;
  given.then(
    () => undefined,
    () => (settled = true),
  );
  await vi.advanceTimersByTimeAsync(0);
  expect(settled).toBe(true);
  await refused;
});
