/**
 * A Meshtastic radio on a serial line or a TCP port, as the port `Modem`.
 *
 * It keeps the connection for ever: whatever ends it (unplugged, rebooted, another client, silence), it waits a little
 * and tries again. Acknowledgements of the radio are dropped here, since none of them proves delivery.
 * @module
 */
import { BoundedQueue } from "../../kernel/queue.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ChannelUse, Modem, ModemState, OutgoingPacket, RadioPacket, SendOutcome } from "../../ports/modem.ts";
import type { Random } from "../../ports/random.ts";
import { calmLog } from "../calm-log.ts";
import { parseRadioUri, type RadioAddress } from "./link.ts";
import { DUTY_CYCLE_LIMIT, MAX_RETRANSMIT, routingErrorName, sendPacket, type RadioEvent } from "./messages.ts";
import { dutyCycleMinutes, packetFault, SendGate } from "./outgoing.ts";
import { Session } from "./session.ts";

const RECEIVE_QUEUE_PACKETS = 100;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export interface MeshtasticOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Index of the radio's channel for what we send, 0 … 7; 0 (the primary) when left out. */
  readonly channel?: number;
}

type Counter =
  | "packets_in"
  | "packets_out"
  | "own_packets"
  | "undecoded_packets"
  | "bad_frames"
  | "reconnects"
  | "reboots"
  | "radio_acks_ignored"
  | "radio_refusals"
  | "queue_refusals"
  | "duty_cycle_holds";

/**
 * The modem at `serial:///dev/ttyACM0?baud=115200` or `tcp://host:4403`. Nothing is opened before it runs.
 * @throws AgentError "RADIO_URI"
 */
export function openMeshtasticModem(uri: string, options: MeshtasticOptions): Modem {
  return new MeshtasticModem(uri, parseRadioUri(uri), options);
}

class MeshtasticModem implements Modem {
  readonly name = "radio";
  readonly uri: string;
  readonly #address: RadioAddress;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #channel: number;
  readonly #received = new BoundedQueue<RadioPacket>(RECEIVE_QUEUE_PACKETS);
  readonly #gate = new SendGate();
  readonly #counts = new Map<Counter, number>();
  /** Of the connections that are over: `frames_in`, `resyncs`, `log_lines`, `noise_bytes`. */
  readonly #framing = new Map<string, number>();
  #state: ModemState = { kind: "connecting", attempt: 1 };
  #use: ChannelUse = { channelUtilization: undefined, airUtilTx: undefined };
  #session: Session | undefined;
  #failures = 0;
  #told = "";
  #nodeNumber: number | undefined;
  #lora: Extract<RadioEvent, { kind: "lora" }> | undefined;
  #firmware: string | undefined;

  constructor(uri: string, address: RadioAddress, options: MeshtasticOptions) {
    this.uri = uri;
    this.#address = address;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = calmLog(options.log.named("radio"), options.clock);
    this.#channel = options.channel ?? 0;
  }

  state(): ModemState {
    return this.#state;
  }

  channelUse(): ChannelUse {
    return this.#use;
  }

  counters(): Readonly<Record<string, number>> {
    const framing = new Map(this.#framing);
    if (this.#session !== undefined) addFraming(framing, this.#session);
    return {
      ...Object.fromEntries(framing),
      ...Object.fromEntries(this.#counts),
      dropped_packets: this.#received.dropped,
    };
  }

  receive(signal: AbortSignal): Promise<RadioPacket | undefined> {
    return this.#received.take(signal);
  }

  async send(packet: OutgoingPacket, signal: AbortSignal): Promise<SendOutcome> {
    const fault = packetFault(packet);
    if (fault !== undefined) return { kind: "refused", reason: fault };
    const session = this.#session;
    if (session === undefined || this.#state.kind !== "ready") return { kind: "busy", reason: "no link to the radio" };
    if (signal.aborted) return { kind: "busy", reason: "given up" };
    const verdict = this.#gate.verdict(this.#clock.monotonicMs());
    if (verdict !== undefined) return verdict;
    const id = this.#freshId();
    this.#gate.sent(id);
    const taken = await untilAborted(session.write(sendPacket(packet, id, this.#channel)), signal);
    if (taken !== true) return { kind: "busy", reason: "the link to the radio is stuck" };
    this.#count("packets_out");
    return { kind: "taken" };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#state = { kind: "connecting", attempt: this.#failures + 1 };
      const session = new Session(this.#address, this.#events(), { clock: this.#clock, random: this.#random });
      this.#session = session;
      const reason = await session.run(signal);
      this.#session = undefined;
      addFraming(this.#framing, session);
      if (!signal.aborted) await this.#pause(reason, signal);
    }
    this.#state = { kind: "down", reason: "stopped", retryInMs: 0 };
  }

  async #pause(reason: string, signal: AbortSignal): Promise<void> {
    const fullMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    // Between half and all of it, so that many agents on one host do not knock in step.
    const retryInMs = Math.round(fullMs * (0.5 + this.#u32() / 2 ** 33));
    this.#failures = Math.min(this.#failures + 1, 1000);
    this.#count("reconnects");
    this.#state = { kind: "down", reason, retryInMs };
    if (reason === this.#told) this.#log.debug("radio still down", { reason, retryInMs });
    else this.#log.warn("radio down", { reason, retryInMs, uri: this.uri });
    this.#told = reason;
    await this.#clock.sleep(retryInMs, signal);
  }

  #events(): ConstructorParameters<typeof Session>[1] {
    return {
      configuring: () => {
        this.#state = { kind: "configuring" };
        this.#gate.forgetQueue();
      },
      ready: (nodeNumber) => this.#ready(nodeNumber),
      event: (event) => this.#hear(event),
      badMessage: (reason) => {
        this.#count("bad_frames");
        this.#log.debug("message of the radio dropped", { reason });
      },
      text: (line) => this.#log.debug("radio log", { line }),
    };
  }

  #ready(nodeNumber: number): void {
    const news = this.#state.kind !== "ready";
    this.#failures = 0;
    this.#told = "";
    const settings = {
      nodeNumber,
      preset: this.#lora?.preset,
      region: this.#lora?.region,
      firmware: this.#firmware,
    };
    this.#state = { kind: "ready", settings };
    if (!news) return;
    this.#log.info("radio ready", { uri: this.uri, ...settings });
    if (this.#lora === undefined) return;
    if (this.#lora.region === undefined) this.#log.warn("the radio has no region set and will stay silent");
    if (!this.#lora.txEnabled) this.#log.warn("the radio's transmitter is switched off");
  }

  #hear(event: RadioEvent): void {
    if (isTraffic(event)) this.#traffic(event);
    else this.#learn(event);
  }

  #traffic(event: Traffic): void {
    switch (event.kind) {
      case "packet":
        this.#takeIn(event.packet);
        break;
      case "undecoded":
        this.#count("undecoded_packets");
        break;
      case "routing":
        this.#routing(event);
        break;
      case "queue":
        if (event.result !== 0) this.#count("queue_refusals");
        this.#gate.queueIs(event.free, this.#clock.monotonicMs());
        break;
    }
  }

  /** What the radio says of itself. */
  #learn(event: Exclude<RadioEvent, Traffic>): void {
    switch (event.kind) {
      case "my-info":
        this.#nodeNumber = event.nodeNumber;
        break;
      case "lora":
        this.#lora = event;
        break;
      case "firmware":
        this.#firmware = event.version;
        break;
      case "node":
        if (event.nodeNumber === this.#nodeNumber && event.use !== undefined) this.#use = event.use;
        break;
      case "channel-use":
        if (event.from === this.#nodeNumber) this.#use = event.use;
        break;
      case "rebooted":
        this.#count("reboots");
        this.#log.info("the radio has restarted");
        break;
      case "notice":
        this.#notice(event.text);
        break;
      case "log":
        this.#log.debug("radio log", { line: event.text });
        break;
      case "config-complete":
      case "other":
        break;
    }
  }

  #takeIn(packet: RadioPacket): void {
    if (packet.radioTimeS !== undefined) this.#timed(packet.radioTimeS);
    // Some firmware hands our own packets back; the sender's number is the only way to tell.
    if (packet.from === this.#nodeNumber) {
      this.#count("own_packets");
      return;
    }
    if (this.#received.offer(packet)) this.#count("packets_in");
  }

  #timed(atS: number): void {
    if (this.#state.kind !== "ready") return;
    const clock = { atS, monotonicMs: this.#clock.monotonicMs() };
    this.#state = { kind: "ready", settings: { ...this.#state.settings, clock } };
  }

  #routing(event: Extract<RadioEvent, { kind: "routing" }>): void {
    const local = event.from === 0 || event.from === this.#nodeNumber;
    const proves = event.error !== 0 && event.error !== MAX_RETRANSMIT;
    if (!proves || !local || !this.#gate.isOurs(event.requestId)) {
      this.#count("radio_acks_ignored");
      return;
    }
    this.#count("radio_refusals");
    this.#log.warn("the radio refused a packet", { reason: routingErrorName(event.error) });
    if (event.error === DUTY_CYCLE_LIMIT) {
      this.#count("duty_cycle_holds");
      this.#gate.hold(this.#clock.monotonicMs());
    }
  }

  #notice(text: string): void {
    this.#log.info("notice of the radio", { text });
    const minutes = dutyCycleMinutes(text);
    if (minutes !== undefined) this.#gate.hold(this.#clock.monotonicMs(), minutes);
  }

  /** Receivers drop an id that they have seen: every packet has its own, and 0 is none. */
  #freshId(): number {
    for (;;) {
      const id = this.#u32();
      if (id !== 0 && !this.#gate.isOurs(id)) return id;
    }
  }

  #u32(): number {
    return new DataView(this.#random.bytes(4).buffer).getUint32(0);
  }

  #count(counter: Counter): void {
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + 1);
  }
}

type Traffic = Extract<RadioEvent, { kind: "packet" | "undecoded" | "routing" | "queue" }>;

function isTraffic(event: RadioEvent): event is Traffic {
  return event.kind === "packet" || event.kind === "undecoded" || event.kind === "routing" || event.kind === "queue";
}

function addFraming(totals: Map<string, number>, session: Session): void {
  const { messages, lines, resyncs, noiseBytes } = session.framingCounts();
  const add = (name: string, count: number): void => void totals.set(name, (totals.get(name) ?? 0) + count);
  add("frames_in", messages);
  add("log_lines", lines);
  add("resyncs", resyncs);
  add("noise_bytes", noiseBytes);
}

/** The promise's value, or undefined as soon as the signal aborts. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined);
    signal.addEventListener("abort", giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
