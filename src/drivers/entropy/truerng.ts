/**
 * The TrueRNG of ubld.it: it streams as long as DTR is up, and takes no commands.
 *
 * A Pro changes its mode by the baud rate: 110, 300, 110, then the mode's own. In the mode "raw binary" a sample of both
 * generators is four bytes, each with its place in the two high bits: 00 generator 1, bits 9 … 6; 01 its bits 5 … 0;
 * 10 and 11 the same of generator 2. A V3 has one mode, whitened, which is how the two are told apart.
 *
 * Source: ubld.it, "How-To Change TrueRNGpro's Mode" and "TrueRNGpro Raw Binary Format"; not tried on a real device.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { EntropySource } from "../../ports/entropy.ts";
import type { ByteLine } from "./byte-line.ts";
import { flagless } from "./flagless.ts";
import { refuseText, sourceFault } from "./source-failure.ts";

export const TRUERNG_BAUD = 300;

export interface TruerngOptions {
  readonly name: string;
  /** Min-entropy of one sample of 8 bits. */
  readonly claimedBits: number;
  /** Nothing else will do. */
  readonly mustBeRaw: boolean;
}

const KNOCK = [110, 300, 110];
const RAW_BINARY_BAUD = 19_200;
const NORMAL_BAUD = 300;
const PACKET_BYTES = 4;
const PROBE_BYTES = 64 * PACKET_BYTES;
/** Four low bits of a sample of ten: where the noise is, and little of the signal. */
const LOW_BITS = 4;

/** Takes the line over. @throws AgentError "ENTROPY_SOURCE"; the signal's reason */
export async function openTruerng(
  line: ByteLine,
  { name, claimedBits, mustBeRaw }: TruerngOptions,
  signal: AbortSignal,
): Promise<EntropySource> {
  await using owned = new AsyncDisposableStack();
  owned.use(line);
  await chooseMode(line, RAW_BINARY_BAUD, signal);
  const raw = samplesIn(await fresh(line, PROBE_BYTES, signal)).length >= PROBE_BYTES / PACKET_BYTES - 1;
  if (!raw) {
    if (mustBeRaw)
      throw sourceFault(line.path, "does not change to raw samples", "write qrng:truerng: for a TrueRNG V3");
    await chooseMode(line, NORMAL_BAUD, signal);
    refuseText(line.path, await fresh(line, PROBE_BYTES, signal));
  }
  owned.move();
  return {
    ...flagless,
    name,
    raw,
    claimedMinEntropyBits: claimedBits,
    status: async (signal) => {
      signal.throwIfAborted();
      line.throwIfGone();
      return flagless.status(signal);
    },
    read: (count, signal) => (raw ? readRaw(line, count, signal) : readWhitened(line, count, signal)),
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

async function chooseMode(line: ByteLine, baud: number, signal: AbortSignal): Promise<void> {
  for (const step of [...KNOCK, baud]) await line.setBaud(step);
  await sleep(line.limits.quietMs, undefined, { signal });
}

/** Bytes of now, not those that waited since the last time. */
async function fresh(line: ByteLine, count: number, signal: AbortSignal): Promise<Uint8Array> {
  await line.discard();
  return line.read(count, signal);
}

async function readWhitened(line: ByteLine, count: number, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const samples = await fresh(line, count, signal);
  refuseText(line.path, samples);
  return samples;
}

async function readRaw(line: ByteLine, count: number, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  if (count === 0) return new Uint8Array();
  // Before the first whole packet, and after one that broke, up to three bytes belong to none.
  const spare = 2 + Math.floor(count / 64);
  const samples = samplesIn(await fresh(line, (count + spare) * PACKET_BYTES, signal));
  if (samples.length < count) {
    throw sourceFault(line.path, "left the mode of raw samples, or loses bytes", "restart the agent");
  }
  return Uint8Array.from(samples.slice(0, count));
}

/** One a whole packet, four bits of each generator: when one of the two sticks, each sample shows it. */
function samplesIn(bytes: Uint8Array): number[] {
  const samples: number[] = [];
  for (let at = 0; at + PACKET_BYTES <= bytes.length;) {
    const packet = bytes.subarray(at, at + PACKET_BYTES);
    const whole = packet.every((byte, place) => byte >> 6 === place);
    const mask = (1 << LOW_BITS) - 1;
    if (whole) samples.push((((packet[1] ?? 0) & mask) << LOW_BITS) | ((packet[3] ?? 0) & mask));
    at += whole ? PACKET_BYTES : 1;
  }
  return samples;
}
