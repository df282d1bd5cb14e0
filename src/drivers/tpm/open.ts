/**
 * Opens the TPM that a URI names: `tpm:/dev/tpmrm0`; `swtpm:` for one in software that the agent owns; or one in software
 * that somebody else runs, `swtpm:tcp://127.0.0.1:2321` or `swtpm:unix:/run/x.sock`.
 * @module
 */
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Tpm } from "../../ports/tpm.ts";
import { openDeviceTransport } from "./device.ts";
import { openSocketTransport, swtpmSocket } from "./socket.ts";
import { startSwtpm } from "./swtpm.ts";
import type { TpmLimits } from "./scopes.ts";
import { DEFAULT_LIMITS, TransportTpm, type TransportTpmOptions } from "./tpm.ts";
import type { Transport } from "./transport.ts";

/** A software TPM whose owner was just killed holds its files for a moment longer. */
const LOCKED_RETRIES = 20;
const LOCKED_RETRY_MS = 100;

export interface OpenTpmOptions {
  /** Where `swtpm:` keeps its state; unused by a device. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly limits?: TpmLimits;
}

/**
 * Resolves once the TPM has answered.
 * @throws AgentError "TPM_URI", "TPM_NO_SWTPM", "TPM_GONE", "TPM_BAD_WIRE", "TPM_RC"
 */
export async function openTpm(uri: string, options: OpenTpmOptions): Promise<Tpm> {
  const signal = options.signal ?? new AbortController().signal;
  const device = /^tpm:(\/.+)$/.exec(uri)?.[1];
  if (device !== undefined) return answering(await openDeviceTransport(device), { uri, software: false }, options);
  const socket = swtpmSocket(uri);
  if (socket !== undefined) return answering(await openSocketTransport(socket), { uri, software: true }, options);
  if (uri !== "swtpm:") {
    throw new AgentError("TPM_URI", `no TPM has the URI ${uri}`, {
      fix: "use tpm:/dev/tpmrm0, swtpm:, swtpm:tcp://127.0.0.1:2321 or swtpm:unix:/run/swtpm.sock",
    });
  }
  for (let attempt = 0; ; attempt++) {
    try {
      return await answering(await startSwtpm(options.stateDir), { uri, software: true, owned: true }, options);
    } catch (error) {
      const locked = isAgentError(error, "TPM_GONE") && /lock/i.test(error.message);
      if (!locked || attempt >= LOCKED_RETRIES || signal.aborted) throw error;
      await options.clock.sleep(LOCKED_RETRY_MS, signal);
    }
  }
}

type Nature = Pick<TransportTpmOptions, "uri" | "software" | "owned">;

async function answering(transport: Transport, nature: Nature, options: OpenTpmOptions): Promise<Tpm> {
  const log = options.log.named("tpm");
  const { random, limits = DEFAULT_LIMITS } = options;
  const tpm = new TransportTpm(transport, { ...nature, random, log, limits });
  try {
    const { manufacturer, banks } = await tpm.identity();
    log.info("The TPM answers", { uri: nature.uri, manufacturer: manufacturer.trim(), banks: banks.join(" ") });
    return tpm;
  } catch (error) {
    await tpm[Symbol.asyncDispose]();
    throw error;
  }
}
