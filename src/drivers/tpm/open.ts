/** Opens the TPM that a URI names: `tpm:/dev/tpmrm0`, or `swtpm:` for one in software that the agent owns. @module */
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Tpm } from "../../ports/tpm.ts";
import { openDeviceTransport } from "./device.ts";
import { startSwtpm } from "./swtpm.ts";
import type { TpmLimits } from "./scopes.ts";
import { DEFAULT_LIMITS, TransportTpm } from "./tpm.ts";
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
  if (device !== undefined) return answering(uri, false, await openDeviceTransport(device), options);
  if (uri !== "swtpm:") {
    throw new AgentError("TPM_URI", `no TPM has the URI ${uri}`, { fix: "use tpm:/dev/tpmrm0 or swtpm:" });
  }
  for (let attempt = 0; ; attempt++) {
    try {
      return await answering(uri, true, await startSwtpm(options.stateDir), options);
    } catch (error) {
      const locked = isAgentError(error, "TPM_GONE") && /lock/i.test(error.message);
      if (!locked || attempt >= LOCKED_RETRIES || signal.aborted) throw error;
      await options.clock.sleep(LOCKED_RETRY_MS, signal);
    }
  }
}

async function answering(uri: string, software: boolean, transport: Transport, options: OpenTpmOptions): Promise<Tpm> {
  const log = options.log.named("tpm");
  const { random, limits = DEFAULT_LIMITS } = options;
  const tpm = new TransportTpm(transport, { uri, software, random, log, limits });
  try {
    const { manufacturer, banks } = await tpm.identity();
    log.info("The TPM answers", { uri, manufacturer: manufacturer.trim(), banks: banks.join(" ") });
    return tpm;
  } catch (error) {
    await tpm[Symbol.asyncDispose]();
    throw error;
  }
}
