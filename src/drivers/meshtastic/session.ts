/**
 * One connection to a radio, from the first byte to the last: handshake, heartbeats, and the watch for its silent death.
 *
 * Ready means: the radio told its number and ended its configuration with our nonce. Nothing else is required, so that
 * minimal devices work too. After that any message is a sign of life; when none comes, a heartbeat and then a new
 * request for the configuration must bring one, or the connection is given up.
 * @module
 */
import { LinkedAbort } from "../../kernel/service.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { frame, FrameReader, MARK_1, type FramingCounts } from "./framing.ts";
import { explainLinkError, openLink, type ByteLink, type RadioAddress } from "./link.ts";
import { decodeFromRadio, disconnect, heartbeat, wantConfig, type RadioEvent } from "./messages.ts";

const OPEN_LIMIT_MS = 10_000;
/** How often it looks after the handshake, and after the connection. */
const HANDSHAKE_TICK_MS = 1000;
const TICK_MS = 5000;
/** Bytes that wake a sleeping serial interface; a partial frame in its buffer ends with them too. */
const WAKE_BYTES = 32;
const WAKE_PAUSE_MS = 100;
/** Silence during the handshake after which we ask again. A long node list is not silence. */
const ASK_AGAIN_MS = 5000;
const HANDSHAKE_LIMIT_MS = 90_000;
const HEARTBEAT_MS = 30_000;
/** Some firmware does not answer heartbeats; every one answers a request for its configuration. */
const PROBE_AFTER_MS = 75_000;
const DEAD_AFTER_MS = 95_000;
/** What two nonces mean to the firmware: configuration only, and nodes only. */
const SPECIAL_NONCES: ReadonlySet<number> = new Set([69_420, 69_421]);

export interface SessionEvents {
  /** The bytes can flow; the handshake begins, at first or anew because the radio has restarted. */
  configuring(): void;
  /** The handshake is complete. Comes again with every configuration that was asked for. */
  ready(nodeNumber: number): void;
  /** Every message, in its order, those of the handshake included. Must not throw. */
  event(event: RadioEvent): void;
  badMessage(reason: string): void;
  /** A line of the firmware's own log. */
  text(line: string): void;
}

export interface SessionPorts {
  readonly clock: Clock;
  readonly random: Random;
}

export class Session {
  readonly #address: RadioAddress;
  readonly #events: SessionEvents;
  readonly #clock: Clock;
  readonly #nonce: number;
  readonly #reader = new FrameReader();
  #link: ByteLink | undefined;
  #nodeNumber: number | undefined;
  #configured = false;
  #handshakeSinceMs = 0;
  #heardMs = 0;
  #askedMs = 0;
  #beatMs = 0;

  constructor(address: RadioAddress, events: SessionEvents, ports: SessionPorts) {
    this.#address = address;
    this.#events = events;
    this.#clock = ports.clock;
    this.#nonce = configNonce(ports.random);
  }

  framingCounts(): FramingCounts {
    return this.#reader.counts();
  }

  /** One message to the radio; false when it was not taken. Never rejects. */
  async write(message: Uint8Array): Promise<boolean> {
    return (await this.#link?.write(frame(message))) ?? false;
  }

  /** Opens, talks, and closes. Resolves with the reason of the end, for people; never rejects. */
  async run(signal: AbortSignal): Promise<string> {
    using life = new LinkedAbort(signal);
    let link: ByteLink;
    try {
      link = await this.#open(life.signal);
    } catch (error) {
      return explainLinkError(error, this.#address);
    }
    this.#link = link;
    const ended = link.ended.then((reason) => {
      life.abort();
      return reason;
    });
    const verdict = await this.#keepUp(life.signal);
    if (!life.signal.aborted || signal.aborted) void this.write(disconnect());
    this.#link = undefined;
    await link[Symbol.asyncDispose]();
    const reason = await ended;
    return verdict ?? reason;
  }

  async #open(signal: AbortSignal): Promise<ByteLink> {
    using attempt = new LinkedAbort(signal);
    using timer = new LinkedAbort(signal);
    void this.#clock.sleep(OPEN_LIMIT_MS, timer.signal).then(() => attempt.abort());
    try {
      return await openLink(this.#address, (chunk) => this.#hear(chunk), attempt.signal);
    } finally {
      timer.abort();
    }
  }

  /** Until the signal aborts (then undefined) or the radio must be given up (then why). */
  async #keepUp(signal: AbortSignal): Promise<string | undefined> {
    this.#heardMs = this.#clock.monotonicMs();
    this.#events.configuring();
    if (this.#address.kind === "serial") {
      void this.#link?.write(new Uint8Array(WAKE_BYTES).fill(MARK_1));
      await this.#clock.sleep(WAKE_PAUSE_MS, signal);
    }
    this.#beginHandshake();
    while (!signal.aborted) {
      await this.#clock.sleep(this.#configured ? TICK_MS : HANDSHAKE_TICK_MS, signal);
      const verdict = signal.aborted ? undefined : this.#tick();
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  #tick(): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    const sinceAskedMs = nowMs - this.#askedMs;
    if (!this.#configured) {
      if (nowMs - this.#handshakeSinceMs >= HANDSHAKE_LIMIT_MS)
        return "the device does not answer as a Meshtastic radio";
      if (Math.min(silentMs, sinceAskedMs) >= ASK_AGAIN_MS) this.#ask(nowMs);
      return undefined;
    }
    if (silentMs >= DEAD_AFTER_MS) return "the radio fell silent";
    if (silentMs >= PROBE_AFTER_MS && sinceAskedMs >= PROBE_AFTER_MS) this.#ask(nowMs);
    if (nowMs - this.#beatMs >= HEARTBEAT_MS) {
      this.#beatMs = nowMs;
      void this.write(heartbeat());
    }
    return undefined;
  }

  #beginHandshake(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#configured = false;
    this.#handshakeSinceMs = nowMs;
    this.#beatMs = nowMs;
    this.#ask(nowMs);
  }

  #ask(nowMs: number): void {
    this.#askedMs = nowMs;
    void this.write(wantConfig(this.#nonce));
  }

  #hear(chunk: Uint8Array): void {
    for (const piece of this.#reader.push(chunk)) {
      if (piece.kind === "text") this.#events.text(piece.line);
      else this.#message(piece.bytes);
    }
  }

  #message(bytes: Uint8Array): void {
    const message = decodeFromRadio(bytes);
    if (!message.ok) {
      this.#events.badMessage(message.reason);
      return;
    }
    this.#heardMs = this.#clock.monotonicMs();
    const event = message.value;
    if (event.kind === "my-info") this.#nodeNumber = event.nodeNumber;
    this.#events.event(event);
    if (event.kind === "rebooted") {
      this.#events.configuring();
      this.#beginHandshake();
    } else if (event.kind === "config-complete" && event.nonce === this.#nonce && this.#nodeNumber !== undefined) {
      this.#configured = true;
      this.#events.ready(this.#nodeNumber);
    }
  }
}

function configNonce(random: Random): number {
  for (;;) {
    const nonce = new DataView(random.bytes(4).buffer).getUint32(0);
    if (nonce !== 0 && !SPECIAL_NONCES.has(nonce)) return nonce;
  }
}
