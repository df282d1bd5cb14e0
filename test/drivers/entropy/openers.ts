/** Opens a generator on any cable, with a short patience. @module */
import { ByteLine, type LineLimits } from "../../../src/drivers/entropy/byte-line.ts";
import type { BytePort } from "../../../src/drivers/entropy/byte-port.ts";
import { openOnerng } from "../../../src/drivers/entropy/onerng.ts";
import { type QcicadaOptions, openQcicada } from "../../../src/drivers/entropy/qcicada.ts";
import { openTruerng } from "../../../src/drivers/entropy/truerng.ts";
import type { EntropySource } from "../../../src/ports/entropy.ts";

/** Long enough for a busy machine, as nothing waits for it where all is well. */
const PATIENT: LineLimits = { silenceMs: 3_000, quietMs: 20 };
/** For those who wait for a silence that is sure to come. */
export const IMPATIENT: LineLimits = { silenceMs: 300, quietMs: 20 };

/** Patient, until it is told not to be. */
export function patience(): LineLimits & { end(): void } {
  let { silenceMs } = PATIENT;
  return {
    get silenceMs() {
      return silenceMs;
    },
    quietMs: PATIENT.quietMs,
    end: () => {
      silenceMs = 30;
    },
  };
}

export type Pins = Partial<Pick<QcicadaOptions, "serial" | "authority">>;

/** @param kind as in the URI */
export function openers(kind: string, limits = PATIENT, pins: Pins = {}): (port: BytePort) => Promise<EntropySource> {
  const { signal } = new AbortController();
  const options = { name: `qrng:${kind}:/dev/tty`, claimedBits: 7, ...pins };
  const lineOn = (port: BytePort): ByteLine => new ByteLine("/dev/tty", port, limits);
  if (kind === "qcicada") return (port) => openQcicada(lineOn(port), options, signal);
  if (kind === "onerng") return (port) => openOnerng(lineOn(port), options, signal);
  return (port) => openTruerng(lineOn(port), { ...options, mustBeRaw: kind === "truerngpro" }, signal);
}
