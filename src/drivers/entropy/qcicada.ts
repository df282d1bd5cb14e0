/**
 * The QCicada as a source of raw noise: it is told to leave out its SHA-256, to run its own tests, and to stop when one
 * of them fails; each block that it gives comes with its flags.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { concatBytes } from "../../kernel/bytes.ts";
import { isAgentError } from "../../kernel/errors.ts";
import type { EntropySource, EntropyStatus } from "../../ports/entropy.ts";
import type { ByteLine } from "./byte-line.ts";
import {
  type Command,
  COMMANDS,
  MAX_BLOCK_BYTES,
  NACK,
  type QcicadaInfo,
  type QcicadaStatus,
  SIGNATURE_BYTES,
  STOP,
  infoOf,
  isCertified,
  isSigned,
  oneShot,
  rawConfig,
  signedCount,
  statusOf,
} from "./qcicada-protocol.ts";
import { refuseText, sourceFault } from "./source-failure.ts";

export interface QcicadaOptions {
  readonly name: string;
  /** Min-entropy of one byte. */
  readonly claimedBits: number;
  /** Which device it must be. */
  readonly serial?: string | undefined;
  /** The maker's public key, x ‖ y, 64 bytes: the device must then prove that it is one of theirs. */
  readonly authority?: Uint8Array | undefined;
}

const POLL_MS = 20;
const REPLACED = "check which device is plugged in, and put its serial number into the URI";
const REPLACE = "unplug it, wait ten seconds and plug it in again; when the flag comes back, replace it";

/** Takes the line over. @throws AgentError "ENTROPY_SOURCE"; the signal's reason */
export async function openQcicada(
  line: ByteLine,
  { name, claimedBits, serial, authority }: QcicadaOptions,
  signal: AbortSignal,
): Promise<EntropySource> {
  await using owned = new AsyncDisposableStack();
  owned.use(line);
  const device = new Qcicada(line);
  const info = await device.info(signal);
  if (serial !== undefined && serial !== info.serial) {
    throw sourceFault(line.path, `is the QCicada ${info.serial}, not ${serial}`, REPLACED);
  }
  if (authority !== undefined) await device.prove(info, authority, signal);
  await device.chooseRawNoise(signal);
  await device.ready(signal);
  owned.move();
  return {
    name,
    raw: true,
    bitsPerSample: 8,
    claimedMinEntropyBits: claimedBits,
    identity: { serial: info.serial, firmware: info.firmware },
    status: (signal) => device.status(signal),
    read: (count, signal) => device.read(count, signal),
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

class Qcicada {
  readonly #line: ByteLine;
  /** False after a command that did not end: what still comes must not be taken for the next answer. */
  #inStep = false;

  constructor(line: ByteLine) {
    this.#line = line;
  }

  /** Asked a second time when the first answer is out of step: what was under way may come late on a busy machine. */
  async info(signal: AbortSignal): Promise<QcicadaInfo> {
    const info = infoOf(await this.#ask(COMMANDS.info, signal).catch((error: unknown) => this.#again(error, signal)));
    if (!info.ok) throw sourceFault(this.#line.path, `is no QCicada: ${info.reason}`);
    return info.value;
  }

  async status(signal: AbortSignal): Promise<EntropyStatus> {
    const { initialized, startingUp, failures } = statusOf(await this.#ask(COMMANDS.status, signal));
    const flags = [
      ...failures,
      ...(initialized ? [] : ["not initialized"]),
      ...(startingUp ? ["its start-up test is not over"] : []),
    ];
    return { ok: flags.length === 0, flags };
  }

  async chooseRawNoise(signal: AbortSignal): Promise<void> {
    const now = await this.#ask(COMMANDS.getConfig, signal);
    const wanted = rawConfig(now);
    if (Buffer.compare(now, wanted) === 0) return;
    await this.#ask(COMMANDS.setConfig, signal, wanted);
    const then = await this.#ask(COMMANDS.getConfig, signal);
    // What it must be, whatever else the device has rounded.
    if (Buffer.compare(then, rawConfig(then)) !== 0) {
      throw sourceFault(
        this.#line.path,
        "does not take the configuration for raw noise",
        "update the device's firmware",
      );
    }
  }

  /** Waits for the end of its start-up test. What it finds wrong with itself its status tells, by name. */
  async ready(signal: AbortSignal): Promise<void> {
    const endMs = performance.now() + this.#line.limits.silenceMs;
    for (;;) {
      const { initialized, startingUp, failures } = statusOf(await this.#ask(COMMANDS.status, signal));
      if (failures.length > 0 || (initialized && !startingUp)) return;
      if (performance.now() > endMs) throw sourceFault(this.#line.path, "does not end its start-up test", REPLACE);
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** One signed read: who answers holds the key that the maker has certified. It could have been recorded before. */
  async prove(info: QcicadaInfo, authority: Uint8Array, signal: AbortSignal): Promise<void> {
    const device = await this.#ask(COMMANDS.publicKey, signal);
    const certificate = await this.#ask(COMMANDS.certificate, signal);
    if (!isCertified(info, { authority, device, certificate })) {
      throw sourceFault(this.#line.path, "has no certificate of the maker whose key the URI names", REPLACED);
    }
    const count = 32;
    const signed = await this.#askFor(count + SIGNATURE_BYTES, COMMANDS.signedRead, signedCount(count), signal);
    if (!isSigned(device, signed.subarray(0, count), signed.subarray(count))) {
      throw sourceFault(this.#line.path, "does not hold the key of its certificate", REPLACED);
    }
  }

  async read(count: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const blocks: Uint8Array[] = [];
    for (let left = count; left > 0; left -= MAX_BLOCK_BYTES) {
      const length = Math.min(left, MAX_BLOCK_BYTES);
      // A device that has failed a test says so, and then gives nothing.
      const check = (payload: Uint8Array): void => this.#refuseFailures(statusOf(payload));
      const block = await this.#askFor(length, COMMANDS.start, oneShot(length), signal, check);
      refuseText(this.#line.path, block);
      blocks.push(block);
    }
    return concatBytes(...blocks);
  }

  #again(error: unknown, signal: AbortSignal): Promise<Uint8Array> {
    if (!isAgentError(error, "ENTROPY_SOURCE") || this.#inStep) throw error;
    return this.#ask(COMMANDS.info, signal);
  }

  #refuseFailures({ failures }: QcicadaStatus): void {
    if (failures.length > 0) throw sourceFault(this.#line.path, `reports: ${failures.join(", ")}`, REPLACE);
  }

  /** The bytes that follow an answer's payload. */
  async #askFor(
    count: number,
    command: Command,
    words: Uint8Array,
    signal: AbortSignal,
    check?: (payload: Uint8Array) => void,
  ): Promise<Uint8Array> {
    const payload = await this.#ask(command, signal, words);
    this.#inStep = false;
    check?.(payload);
    const bytes = await this.#line.read(count, signal);
    this.#inStep = true;
    return bytes;
  }

  /** The payload of the answer. */
  async #ask(command: Command, signal: AbortSignal, words: Uint8Array = new Uint8Array()): Promise<Uint8Array> {
    signal.throwIfAborted();
    if (!this.#inStep) await this.#fallInStep(signal);
    this.#inStep = false;
    await this.#line.discard();
    await this.#line.write(concatBytes(Uint8Array.of(command.code), words));
    const [code] = await this.#line.read(1, signal);
    if (code === NACK) {
      this.#inStep = true;
      throw sourceFault(this.#line.path, `refuses the command "${command.name}"`, "update the device's firmware");
    }
    if (code !== command.answer) {
      const said = `answers 0x${(code ?? 0).toString(16).padStart(2, "0")} to the command "${command.name}"`;
      throw sourceFault(this.#line.path, `${said}: it is no QCicada, or out of step`);
    }
    const payload = await this.#line.read(command.payloadBytes, signal);
    this.#inStep = true;
    return payload;
  }

  /** Whoever used the device before may have left it streaming. */
  async #fallInStep(signal: AbortSignal): Promise<void> {
    await this.#line.write(STOP);
    await this.#line.untilQuiet(signal);
  }
}
