/**
 * Opens the source of random samples that a URI names: `kernel`, `hwrng:/dev/hwrng`, or a generator on a serial line,
 * `qrng:qcicada:/dev/ttyUSB0`.
 * @module
 */
import { fromHex } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { EntropySource } from "../../ports/entropy.ts";
import { ByteLine, LINE_LIMITS, type LineLimits } from "./byte-line.ts";
import { openSerialPort } from "./byte-port.ts";
import { openHwrng } from "./hwrng.ts";
import { kernelEntropy } from "./kernel.ts";
import { ONERNG_BAUD, openOnerng } from "./onerng.ts";
import { openQcicada } from "./qcicada.ts";
import { QCICADA_BAUD } from "./qcicada-protocol.ts";
import { notGiving } from "./source-failure.ts";
import { TRUERNG_BAUD, openTruerng } from "./truerng.ts";

/** What a generator's URI says beside its path. */
interface Wanted {
  readonly name: string;
  readonly claimedBits: number;
  readonly serial: string | undefined;
  readonly authority: Uint8Array | undefined;
}

interface Generator {
  readonly baud: number;
  /** What its URI may ask of the device: each can be checked. */
  readonly pins: readonly string[];
  readonly open: (line: ByteLine, wanted: Wanted, signal: AbortSignal) => Promise<EntropySource>;
}

const GENERATORS: Readonly<Record<string, Generator>> = {
  qcicada: { baud: QCICADA_BAUD, pins: ["serial", "ca"], open: openQcicada },
  truerng: {
    baud: TRUERNG_BAUD,
    pins: [],
    open: (line, wanted, signal) => openTruerng(line, { ...wanted, mustBeRaw: false }, signal),
  },
  truerngpro: {
    baud: TRUERNG_BAUD,
    pins: [],
    open: (line, wanted, signal) => openTruerng(line, { ...wanted, mustBeRaw: true }, signal),
  },
  onerng: { baud: ONERNG_BAUD, pins: ["serial"], open: openOnerng },
};

/** x ‖ y. */
const PUBLIC_KEY_BYTES = 64;

export interface EntropyOptions {
  /** Gives up opening. */
  readonly signal?: AbortSignal;
  readonly limits?: LineLimits;
}

/**
 * @param claimedBits the claimed min-entropy of a sample of 8 bits, 0 < H ≤ 8
 * @throws AgentError "ENTROPY_URI", "ENTROPY_SOURCE"
 */
export async function openEntropy(
  uri: string,
  claimedBits: number,
  options: EntropyOptions = {},
): Promise<EntropySource> {
  if (!(claimedBits > 0 && claimedBits <= 8)) {
    throw new AgentError("ENTROPY_URI", `a sample of 8 bits can't hold ${claimedBits} bits of entropy`, {
      fix: "set entropy.min_entropy_bits above 0 and at most 8",
    });
  }
  if (uri === "kernel") return kernelEntropy(claimedBits);
  const device = /^hwrng:(\/.+)$/.exec(uri)?.[1];
  if (device !== undefined) return openHwrng(device, claimedBits);
  return openGenerator(uri, claimedBits, options);
}

async function openGenerator(uri: string, claimedBits: number, options: EntropyOptions): Promise<EntropySource> {
  const [, kind = "", path = "", query = ""] = /^qrng:([a-z]{1,20}):(\/[^?]+)(?:\?(.*))?$/.exec(uri) ?? [];
  const generator = GENERATORS[kind];
  const asked = Object.fromEntries(new URLSearchParams(query));
  if (generator === undefined || !Object.keys(asked).every((key) => generator.pins.includes(key))) throw noSource(uri);
  const authority = asked["ca"] === undefined ? undefined : fromHex(asked["ca"]);
  // A key that can't be read must not pass for one that was not asked for.
  if (asked["ca"] !== undefined && authority?.length !== PUBLIC_KEY_BYTES) throw noSource(uri);
  const { signal = new AbortController().signal, limits = LINE_LIMITS } = options;
  const wanted: Wanted = { name: uri, claimedBits, serial: asked["serial"], authority };
  return generator.open(await openLine(path, generator.baud, limits), wanted, signal);
}

function noSource(uri: string): AgentError {
  return new AgentError("ENTROPY_URI", `no entropy source has the URI ${uri}`, {
    fix: 'use "kernel", "hwrng:/dev/hwrng", "tpm" or "qrng:qcicada:/dev/ttyUSB0"; docs/entropy-devices.md names all',
  });
}

async function openLine(path: string, baud: number, limits: LineLimits): Promise<ByteLine> {
  try {
    return new ByteLine(path, await openSerialPort(path, baud), limits);
  } catch (error) {
    throw notGiving(path, error);
  }
}
