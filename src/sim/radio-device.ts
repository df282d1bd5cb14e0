/**
 * A simulated Meshtastic radio on a TCP port, with the framing and the messages of firmware 2.7's client protocol: for the
 * agent, for tests, and for whoever has no radio at hand.
 *
 * Like the firmware it serves one client (a new one takes over), answers each packet and heartbeat with the state of
 * its queue through a ring of two, keeps 32 packets for its client, and polls rather than pushes. Its word on a packet
 * with `want_ack` is as little worth as the firmware's. Its settings can be changed (`radio-settings.ts`). Left out: the mesh's own traffic, and of the 46 messages of a handshake those that say nothing of the radio.
 * @module
 */
import type { ToRadio } from "@meshtastic/protobufs";
import { listenOnLoopback, type ClientEvents, type LoopbackClient } from "../drivers/loopback-server.ts";
import { frame, FrameReader } from "../drivers/meshtastic/framing.ts";
import { orderIn } from "../drivers/meshtastic/setup-words.ts";
import { utf8 } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import { TEXT_MESSAGE_APP } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import type { Ether } from "./ether.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import type { RadioNode, RoutingWord } from "./radio-node.ts";
import { RadioFlash } from "./radio-settings.ts";
import * as words from "./radio-words.ts";
import { TX_QUEUE_PACKETS } from "./tx-queue.ts";
import { regionNamed } from "../radio/region.ts";

const STATUS_RING = 2;
const PHONE_QUEUE_PACKETS = 32;
/** How often the firmware looks whether there is something for its client. */
const POLL_MS = 20;
const TELEMETRY_MS = 60_000;
const TEXT_PAUSE_MS = 2000;
const DEFAULT_REBOOT_MS = 3000;
/** After the end of an edit of its settings (the firmware's `DEFAULT_REBOOT_SECONDS`). */
const REBOOT_AFTER_MS = 7000;
/** `Routing.Error` */
const TOO_LARGE = 7;
const DUTY_CYCLE_LIMIT = 9;
const BAD_REQUEST = 32;
const RATE_LIMIT_EXCEEDED = 38;
/** `res` of a QueueStatus: the packet found no room. */
const ERRNO_UNKNOWN = 32;
const DEFAULT_HOPS = 3;

export interface RadioDeviceOptions {
  readonly ether: Ether;
  readonly nodeNumber: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Meshtastic's name: `EU_868`, `US`, `UNSET`. Also sets the duty cycle. An administrator may change it. */
  readonly region: string;
  /** Meshtastic's name of what the ether's modulation is: `LongFast`. Only said, not applied. */
  readonly preset: string;
  /** TCP port on 127.0.0.1; any free one when left out. */
  readonly port?: number;
  /** As the ether has it when left out. */
  readonly firmware?: RadioFirmware;
  /** Log text between frames, as serial interfaces have it. */
  readonly logText?: boolean;
}

export interface RadioDevice extends AsyncDisposable {
  readonly uri: string;
  readonly port: number;
  readonly radio: RadioNode;
  readonly flash: RadioFlash;
  /** Packets that its client was too slow to fetch. */
  readonly dropped: number;
  /** Connections that are open: 0 or 1, and 2 while one takes over. */
  readonly clients: number;
  /**
   * Restarts: off for `downMs` (3 s), then on again at the same port. `keepLine` leaves the client connected, as a
   * board behind a separate USB chip does; the radio then announces that it has restarted.
   */
  reboot(options?: { readonly downMs?: number; readonly keepLine?: boolean }): Promise<void>;
  /** The plug is pulled: radio and connection are gone until {@link plug}. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** Raw bytes to the client, as a fault on the line would give them. */
  garble(bytes: Uint8Array): void;
}

/** @throws AgentError "PORT_TAKEN" */
export async function openRadioDevice(options: RadioDeviceOptions): Promise<RadioDevice> {
  const device = new Device(options);
  try {
    await device.plug();
    return device;
  } catch (error) {
    // Else it would go on measuring, and keep the process alive.
    await device[Symbol.asyncDispose]();
    throw error;
  }
}

class Device implements RadioDevice {
  readonly radio: RadioNode;
  readonly flash: RadioFlash;
  readonly #options: RadioDeviceOptions;
  readonly #life = new AbortController();
  readonly #detach: () => void;
  #server: Awaited<ReturnType<typeof listenOnLoopback>> | undefined;
  #port: number;
  #client: LoopbackClient | undefined;
  /** True once the client has its configuration: only then do packets flow. */
  #configured = false;
  #polling = false;
  #bootCount = 1;
  #lastTextMs = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  #clients = 0;
  #statuses: Uint8Array[] = [];
  #packets: Uint8Array[] = [];

  constructor(options: RadioDeviceOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.radio = options.ether.radio(options.nodeNumber);
    this.flash = new RadioFlash(options);
    this.#keepLaw();
    this.#detach = this.radio.attach({
      packet: (reception) => this.#keep(words.heardPacket(reception)),
      power: () => undefined,
      routing: (word) => this.#keep(this.#routing(word)),
    });
    if (options.firmware !== undefined) this.radio.firmware = options.firmware;
    void this.#measure();
  }

  get uri(): string {
    return `tcp://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get clients(): number {
    return this.#clients;
  }

  async plug(): Promise<void> {
    if (this.#server !== undefined || this.#life.signal.aborted) return;
    this.#server = await listenOnLoopback(this.#port, (client) => this.#welcome(client));
    this.#port = this.#server.port;
    this.radio.power(true);
  }

  async unplug(): Promise<void> {
    this.#forget();
    const server = this.#server;
    this.#server = undefined;
    this.#client = undefined;
    await server?.[Symbol.asyncDispose]();
  }

  async reboot(options: { readonly downMs?: number; readonly keepLine?: boolean } = {}): Promise<void> {
    const { downMs = DEFAULT_REBOOT_MS, keepLine = false } = options;
    if (keepLine) this.#forget();
    else await this.unplug();
    this.#bootCount++;
    await this.#options.clock.sleep(downMs, this.#life.signal);
    if (this.#life.signal.aborted) return;
    if (!keepLine) return this.plug();
    this.radio.power(true);
    this.garble(utf8("\r\nBooting...\r\n"));
    this.#tell(words.rebooted());
  }

  garble(bytes: Uint8Array): void {
    this.#client?.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    this.#detach();
    const server = this.#server;
    this.#server = undefined;
    await server?.[Symbol.asyncDispose]();
  }

  #forget(): void {
    this.radio.power(false);
    this.flash.powerOff();
    this.#keepLaw();
    this.#configured = false;
    this.#statuses = [];
    this.#packets = [];
  }

  #welcome(client: LoopbackClient): ClientEvents {
    this.#client?.close();
    this.#client = client;
    this.#clients++;
    this.#configured = false;
    const reader = new FrameReader();
    return {
      bytes: (chunk) => {
        for (const piece of reader.push(chunk)) {
          if (piece.kind === "message" && this.#client === client) this.#hear(piece.bytes);
        }
      },
      closed: () => {
        this.#clients--;
        if (this.#client !== client) return;
        this.#client = undefined;
        this.#configured = false;
      },
    };
  }

  #hear(bytes: Uint8Array): void {
    const message = words.decodeToRadio(bytes);
    // The firmware drops what it can't read, and is deaf while it restarts.
    if (!message.ok || !this.radio.powered) return;
    switch (message.value.case) {
      case "wantConfigId":
        this.#configure(message.value.value);
        break;
      case "heartbeat":
        this.#status(0, 0);
        break;
      case "packet":
        this.#submit(message.value.value);
        break;
      case "disconnect":
        this.#configured = false;
        break;
      case undefined:
        break;
    }
  }

  #configure(nonce: number): void {
    const { nodeNumber, ether } = this.#options;
    const others = ether.nodes().filter((number) => number !== nodeNumber);
    const { firmware } = this.radio;
    const identity = { nodeNumber, others, flash: this.flash, firmware, bootCount: this.#bootCount };
    for (const message of words.configuration(identity, this.radio.channelUse(), nonce)) this.#tell(message);
    this.#configured = true;
    void this.#poll();
  }

  #submit(packet: Extract<ToRadio["payloadVariant"], { case: "packet" }>["value"]): void {
    const id = packet.id === 0 ? this.#freshId() : packet.id;
    const refuse = (error: number): void => this.#keep(this.#routing({ requestId: id, error }));
    if (packet.payloadVariant.case !== "decoded") {
      refuse(BAD_REQUEST);
      return;
    }
    const { portnum, payload } = packet.payloadVariant.value;
    if (packet.to === this.#options.nodeNumber && this.#obey(portnum, payload)) {
      this.#status(0, id);
      return;
    }
    if (portnum === TEXT_MESSAGE_APP && !this.#mayText()) {
      this.#status(0, id);
      refuse(RATE_LIMIT_EXCEEDED);
      return;
    }
    // Left at 0 the firmware chooses the default, but only for packets that want an acknowledgement.
    const hopLimit = packet.hopLimit === 0 && packet.wantAck ? DEFAULT_HOPS : Math.min(packet.hopLimit, 7);
    const { to, wantAck } = packet;
    const admission = this.radio.submit({ to, id, port: portnum, payload: payload.slice(), hopLimit, wantAck });
    switch (admission.kind) {
      case "too-large":
        refuse(TOO_LARGE);
        break;
      case "duty-cycle":
        this.#keep(words.dutyCycleNotice(admission.minutes));
        refuse(DUTY_CYCLE_LIMIT);
        break;
      case "full":
      case "queued":
        break;
    }
    this.#status(admission.kind === "full" ? ERRNO_UNKNOWN : 0, id);
  }

  /** False when that is no order of its administrator. */
  #obey(port: number, payload: Uint8Array): boolean {
    const order = orderIn(port, payload);
    if (order !== undefined && this.flash.take(order)) void this.#rebootSoon();
    return order !== undefined;
  }

  async #rebootSoon(): Promise<void> {
    this.#keepLaw();
    await this.#options.clock.sleep(REBOOT_AFTER_MS, this.#life.signal);
    if (!this.#life.signal.aborted && this.radio.powered) await this.reboot();
  }

  #keepLaw(): void {
    this.radio.limitDutyCycle(regionNamed(this.flash.region).dutyCycle);
  }

  #routing({ requestId, error }: RoutingWord): Uint8Array {
    return words.routingError(this.#options.nodeNumber, requestId, error, this.#freshId());
  }

  /** Text messages: one in two seconds. */
  #mayText(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#lastTextMs < TEXT_PAUSE_MS) return false;
    this.#lastTextMs = nowMs;
    return true;
  }

  /** The ring keeps the newest two: a burst of packets loses the others. */
  #status(result: number, packetId: number): void {
    this.#statuses.push(words.queueStatus(result, this.radio.free, TX_QUEUE_PACKETS, packetId));
    if (this.#statuses.length > STATUS_RING) this.#statuses.shift();
    void this.#poll();
  }

  #keep(message: Uint8Array): void {
    if (this.#packets.length >= PHONE_QUEUE_PACKETS) this.#dropped++;
    else this.#packets.push(message);
    void this.#poll();
  }

  /** Soon, when there is something to fetch and somebody to fetch it. */
  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    await this.#options.clock.sleep(POLL_MS, this.#life.signal);
    this.#polling = false;
    if (!this.#life.signal.aborted && this.#configured) this.#flush();
  }

  #flush(): void {
    const messages = [...this.#statuses, ...this.#packets];
    this.#statuses = [];
    this.#packets = [];
    for (const message of messages) this.#tell(message);
  }

  #tell(message: Uint8Array): void {
    if (this.#options.logText === true) {
      const seconds = Math.floor(this.#options.clock.monotonicMs() / 1000);
      this.#client?.write(utf8(`\u001B[34mDEBUG\u001B[0m | ??:??:?? ${seconds} [Phone] ${message.length} bytes\r\n`));
    }
    this.#client?.write(frame(message));
  }

  async #measure(): Promise<void> {
    const { clock, nodeNumber } = this.#options;
    const { signal } = this.#life;
    while (!signal.aborted) {
      await clock.sleep(TELEMETRY_MS, signal);
      if (signal.aborted || !this.radio.powered) continue;
      if (this.#configured) this.#keep(words.telemetry(nodeNumber, this.radio.channelUse(), this.#freshId()));
    }
  }

  #freshId(): number {
    return new DataView(this.#options.random.bytes(4).buffer).getUint32(0) || 1;
  }
}
