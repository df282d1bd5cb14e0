/**
 * One conversation about a radio's settings: the line is opened, the radio introduces itself, is given orders, and the line
 * is let go. Short and bounded, unlike the agent's own session, and with an ear for what is not a Meshtastic radio.
 * @module
 */
import { concatBytes } from "../../kernel/bytes.ts";
import { AgentError, describeError } from "../../kernel/errors.ts";
import { LinkedAbort } from "../../kernel/service.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { frame, FrameReader, MARK_1, MAX_MESSAGE_BYTES } from "./framing.ts";
import { explainLinkError, linkErrorCode, openLink, type ByteLink, type RadioAddress } from "./link.ts";
import { decodeFromRadio, disconnect, wantConfig } from "./messages.ts";
import { MESHCORE_QUESTION, strangerIn } from "./setup-stranger.ts";
import { completedNonce, Introduction, orderPacket, type KnownRadio } from "./setup-words.ts";

/** Asks the firmware for its configuration without the nodes that it knows, of which there may be hundreds. */
const CONFIG_ONLY = 69_420;
const OPEN_LIMIT_MS = 10_000;
const TICK_MS = 50;
const WAKE_BYTES = 32;
const WAKE_PAUSE_MS = 100;
const ASK_AGAIN_MS = 4_000;
/** Without one message of a Meshtastic radio; and in all. */
const SILENCE_LIMIT_MS = 15_000;
const INTRODUCTION_LIMIT_MS = 45_000;
const STRANGER_MS = 1_500;
const HEARD_BYTES = 4_096;
/** Between orders: the firmware reads them one by one, in its main loop. */
const ORDER_PAUSE_MS = 100;
/** The firmware restarts 7 s after the end of an edit (`DEFAULT_REBOOT_SECONDS`). */
const RESTART_LIMIT_MS = 15_000;

export interface LinePorts {
  readonly clock: Clock;
  readonly random: Random;
}

export class SetupLine implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal;
  readonly #where: string;
  readonly #reader = new FrameReader();
  #link: ByteLink | undefined;
  #ended: string | undefined;
  /** What was said first, for whoever must tell what is there. */
  #heard: Uint8Array = new Uint8Array();
  #introduction = new Introduction();
  #introduced = 0;
  #complete = false;
  #rebooted = false;

  private constructor(where: string, { clock, random }: LinePorts, signal: AbortSignal) {
    this.#where = where;
    this.#clock = clock;
    this.#random = random;
    this.#signal = signal;
  }

  /** @throws AgentError "RADIO_ABSENT", "RADIO_BUSY", "RADIO_FORBIDDEN" */
  static async open(address: RadioAddress, ports: LinePorts, signal: AbortSignal): Promise<SetupLine> {
    const where = address.kind === "serial" ? address.path : `${address.host}:${address.port}`;
    const line = new SetupLine(where, ports, signal);
    using attempt = new LinkedAbort(signal);
    using timer = new LinkedAbort(signal);
    void ports.clock.sleep(OPEN_LIMIT_MS, timer.signal).then(() => attempt.abort());
    try {
      const link = await openLink(address, (chunk) => line.#hear(chunk), attempt.signal);
      line.#link = link;
      void link.ended.then((reason) => void (line.#ended ??= reason));
    } catch (error) {
      throw openingFailure(error, address);
    } finally {
      timer.abort();
    }
    if (address.kind === "serial") {
      await line.#link.write(new Uint8Array(WAKE_BYTES).fill(MARK_1));
      await ports.clock.sleep(WAKE_PAUSE_MS, signal);
    }
    return line;
  }

  /** @throws AgentError "RADIO_LOST", "RADIO_STRANGE", "RADIO_SILENT" */
  async introduction(): Promise<KnownRadio> {
    const startMs = this.#clock.monotonicMs();
    let askedMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      const known = this.#complete ? this.#introduction.known() : undefined;
      if (known !== undefined) return known;
      this.#mustGoOn();
      if (nowMs - startMs >= (this.#introduced > 0 ? INTRODUCTION_LIMIT_MS : SILENCE_LIMIT_MS)) break;
      if (nowMs - askedMs >= ASK_AGAIN_MS) {
        askedMs = nowMs;
        this.#complete = false;
        await this.#write(wantConfig(CONFIG_ONLY));
      }
      await this.#clock.sleep(TICK_MS, this.#signal);
    }
    throw await this.#noRadio();
  }

  /**
   * Gives the orders, and waits for the restart that follows them; a radio that does not restart is no failure.
   * @throws AgentError "RADIO_LOST"; "RADIO_STRANGE" before the first of them
   */
  async order(nodeNumber: number, orders: readonly Uint8Array[]): Promise<void> {
    this.#rebooted = false;
    const packets = orders.map((order) => orderPacket(nodeNumber, this.#freshId(), order));
    // An order holds all that the radio said of that part, also what nobody here knows.
    if (packets.some(({ length }) => length > MAX_MESSAGE_BYTES)) throw this.#tooTalkative();
    for (const packet of packets) {
      this.#mustGoOn();
      if (!(await this.#write(packet))) throw this.#lost();
      await this.#clock.sleep(ORDER_PAUSE_MS, this.#signal);
    }
    const startMs = this.#clock.monotonicMs();
    while (this.#ended === undefined && !this.#rebooted && !this.#signal.aborted) {
      if (this.#clock.monotonicMs() - startMs >= RESTART_LIMIT_MS) return;
      await this.#clock.sleep(TICK_MS, this.#signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    void this.#write(disconnect());
    await this.#link?.[Symbol.asyncDispose]();
  }

  #mustGoOn(): void {
    this.#signal.throwIfAborted();
    if (this.#ended !== undefined) throw this.#lost();
  }

  #lost(): AgentError {
    const reason = this.#ended ?? "it no longer reads";
    return new AgentError("RADIO_LOST", `the line to the radio at ${this.#where} broke: ${reason}`, {
      fix: "Look at its cable and its power, and try again.",
    });
  }

  #tooTalkative(): AgentError {
    return new AgentError("RADIO_STRANGE", `the radio at ${this.#where} tells settings that no order can hold`, {
      fix: "Install Meshtastic's own firmware on it (flasher.meshtastic.org), or take another radio.",
    });
  }

  async #noRadio(): Promise<AgentError> {
    if (this.#introduced > 0) {
      return new AgentError("RADIO_SILENT", `the radio at ${this.#where} began to tell its settings, and stopped`, {
        fix: "Unplug it, plug it in again, and try once more; if it stays so, install Meshtastic 2.5 or newer on it.",
      });
    }
    if (strangerIn(this.#heard) === undefined) {
      await this.#link?.write(MESHCORE_QUESTION);
      await this.#clock.sleep(STRANGER_MS, this.#signal);
    }
    const stranger = strangerIn(this.#heard);
    if (stranger !== undefined) {
      return new AgentError(
        "RADIO_STRANGE",
        `what is plugged in at ${this.#where} is no Meshtastic radio, but ${stranger}`,
        {
          fix: "Name the radio's own port in radio.modem (ls -l /dev/serial/by-id); a radio with other firmware: flasher.meshtastic.org.",
        },
      );
    }
    const said = this.#heard.length === 0 ? "says nothing" : "says nothing that a Meshtastic radio says";
    return new AgentError("RADIO_SILENT", `the device at ${this.#where} ${said}`, {
      fix: "Unplug it and plug it in again; check that it runs Meshtastic, and that its serial console is not switched off.",
    });
  }

  #hear(chunk: Uint8Array): void {
    if (this.#heard.length < HEARD_BYTES) {
      this.#heard = concatBytes(this.#heard, chunk.subarray(0, HEARD_BYTES - this.#heard.length));
    }
    for (const piece of this.#reader.push(chunk)) if (piece.kind === "message") this.#message(piece.bytes);
  }

  #message(bytes: Uint8Array): void {
    const event = decodeFromRadio(bytes);
    if (!event.ok) return;
    if (event.value.kind === "rebooted") {
      this.#rebooted = true;
      this.#introduction = new Introduction();
      return;
    }
    if (this.#introduction.hear(bytes)) this.#introduced++;
    if (completedNonce(bytes) === CONFIG_ONLY) this.#complete = true;
  }

  async #write(message: Uint8Array): Promise<boolean> {
    return (await this.#link?.write(frame(message))) ?? false;
  }

  #freshId(): number {
    return new DataView(this.#random.bytes(4).buffer).getUint32(0) || 1;
  }
}

function openingFailure(error: unknown, address: RadioAddress): AgentError {
  const message = explainLinkError(error, address);
  const code = linkErrorCode(error);
  if (code === "EBUSY" || code === "EAGAIN") {
    return new AgentError("RADIO_BUSY", message, {
      cause: error,
      fix: "When it is the agent: systemctl stop caye.service, and afterwards systemctl start caye.service.",
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new AgentError("RADIO_FORBIDDEN", message, { cause: error, fix: "Type it as root: sudo caye …" });
  }
  const absent = address.kind === "tcp" || code === "ENOENT";
  return new AgentError(absent ? "RADIO_ABSENT" : "RADIO_LOST", message, {
    cause: describeError(error),
    fix: "Plug the radio in by a cable that carries data, and try again.",
  });
}
