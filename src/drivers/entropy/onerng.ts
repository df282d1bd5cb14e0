/**
 * The OneRNG of Moonbase Otago: `cmd` and one character each. `o` pauses, `O` runs, `w` empties its pool, `v` and `I` ask
 * for version and identity, and a hexadecimal digit says what goes into the pool: bit 0 leaves out the whitener (a CRC),
 * bit 1 adds the radio's noise, bit 2 leaves out the avalanche diode. `1` is the diode's own bits.
 *
 * Eight bytes 00 or FF in a row, and the firmware takes no more of them: a diode that sticks is a device that is silent.
 *
 * Source: the device's firmware (github.com/OneRNG/firmware, cdc_app.c); not tried on a real device.
 * @module
 */
import { utf8 } from "../../kernel/bytes.ts";
import { isAgentError } from "../../kernel/errors.ts";
import type { EntropyIdentity, EntropySource } from "../../ports/entropy.ts";
import type { ByteLine } from "./byte-line.ts";
import { flagless } from "./flagless.ts";
import { refuseText, sourceFault } from "./source-failure.ts";

export const ONERNG_BAUD = 9_600;

export interface OnerngOptions {
  readonly name: string;
  /** Min-entropy of one byte. */
  readonly claimedBits: number;
  /** Which device it must be. */
  readonly serial?: string | undefined;
}

const PAUSE = utf8("cmdo\n");
const RUN = utf8("cmdO\n");
const EMPTY_POOL = utf8("cmdw\n");
const NO_NOISE = utf8("cmd4\n");
const RAW_AVALANCHE = utf8("cmd1\n");
const VERSION = utf8("cmdv\n");
const IDENTITY = utf8("cmdI\n");
const FIRST_WITH_IDENTITY = 3;
const MAX_ANSWER_BYTES = 4_096;
/** Two USB packets may stand before the new bytes; what waited in the pool was mixed with itself, and is not raw. */
const STALE_BYTES = 128;

/** Takes the line over. @throws AgentError "ENTROPY_SOURCE"; the signal's reason */
export async function openOnerng(
  line: ByteLine,
  { name, claimedBits, serial }: OnerngOptions,
  signal: AbortSignal,
): Promise<EntropySource> {
  await using owned = new AsyncDisposableStack();
  owned.use(line);
  const identity = await askIdentity(line, signal);
  if (serial !== undefined && serial !== identity.serial) {
    const fix = "check which device is plugged in, and put its identity into the URI";
    throw sourceFault(line.path, `is the OneRNG ${identity.serial ?? "without a number"}, not ${serial}`, fix);
  }
  owned.move();
  return {
    ...flagless,
    name,
    raw: true,
    claimedMinEntropyBits: claimedBits,
    identity,
    status: async (signal) => {
      signal.throwIfAborted();
      line.throwIfGone();
      return flagless.status(signal);
    },
    read: (count, signal) => readSamples(line, count, signal),
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

async function readSamples(line: ByteLine, count: number, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  if (count === 0) return new Uint8Array();
  await line.discard();
  // The mode each time: whoever else opened the device may have changed it.
  for (const command of [RAW_AVALANCHE, EMPTY_POOL, RUN]) await line.write(command);
  try {
    const samples = (await line.read(STALE_BYTES + count, signal)).slice(STALE_BYTES);
    refuseText(line.path, samples);
    return samples;
  } finally {
    await pause(line);
  }
}

/** The reason why reading failed is worth more than that pausing failed, too. */
async function pause(line: ByteLine): Promise<void> {
  try {
    await line.write(PAUSE);
  } catch {
    return;
  }
}

/** With all noise off the line holds text only. */
async function askIdentity(line: ByteLine, signal: AbortSignal): Promise<EntropyIdentity> {
  for (const command of [PAUSE, NO_NOISE, EMPTY_POOL]) await line.write(command);
  await line.untilQuiet(signal);
  const firmware = await answerTo(line, VERSION, /Version (\d{1,5})\r?\n/, signal);
  if (firmware === undefined) throw sourceFault(line.path, "is no OneRNG: it does not tell its version");
  if (Number(firmware) < FIRST_WITH_IDENTITY) return { serial: undefined, firmware };
  return { serial: await answerTo(line, IDENTITY, /___([\x21-\x7e]{1,64})\r?\n/, signal), firmware };
}

/** What the pattern finds in the answer; undefined when it does not come. @throws AgentError "ENTROPY_SOURCE" when nothing comes */
async function answerTo(
  line: ByteLine,
  command: Uint8Array,
  pattern: RegExp,
  signal: AbortSignal,
): Promise<string | undefined> {
  await line.write(command);
  await line.write(RUN);
  let heard = "";
  let found: string | undefined;
  while (found === undefined && heard.length < MAX_ANSWER_BYTES) {
    const first = await line.read(1, signal).catch((error: unknown) => silenceAfter(heard, error));
    if (first === undefined) break;
    heard += Buffer.concat([first, await line.untilQuiet(signal)]).toString("latin1");
    found = pattern.exec(heard)?.[1];
  }
  await line.write(PAUSE);
  return found;
}

/** Silence after words that are not the answer says as much as they do. */
function silenceAfter(heard: string, error: unknown): undefined {
  if (heard === "" || !isAgentError(error, "ENTROPY_SOURCE")) throw error;
}
