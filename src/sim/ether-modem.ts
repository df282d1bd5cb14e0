/**
 * The port `Modem` straight on a simulated radio, without a device or a socket between: for simulations on a virtual
 * clock.
 * @module
 */
import { packetFault } from "../drivers/meshtastic/outgoing.ts";
import { BoundedQueue } from "../kernel/queue.ts";
import { aborted } from "../kernel/service.ts";
import type { ChannelUse, Modem, ModemState, OutgoingPacket, RadioPacket, SendOutcome } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import type { Reception } from "./air.ts";
import type { Ether } from "./ether.ts";
import type { AirFrame } from "./mesh-frame.ts";
import { FIRMWARE_VERSION, type RadioFirmware } from "./radio-firmware.ts";
import type { RadioNode } from "./radio-node.ts";
import { regionNamed } from "../radio/region.ts";

const RECEIVE_QUEUE_PACKETS = 100;
export interface EtherModemOptions {
  readonly ether: Ether;
  readonly nodeNumber: number;
  /** For packet ids. */
  readonly random: Random;
  readonly region: string;
  readonly preset: string;
  /** As the ether has it when left out. */
  readonly firmware?: RadioFirmware;
}

export function openEtherModem(options: EtherModemOptions): Modem {
  return new EtherModem(options);
}

class EtherModem implements Modem {
  readonly name = "radio";
  readonly uri: string;
  readonly #options: EtherModemOptions;
  readonly #radio: RadioNode;
  readonly #received = new BoundedQueue<RadioPacket>(RECEIVE_QUEUE_PACKETS);
  #state: ModemState = { kind: "connecting", attempt: 1 };
  #sent = 0;
  #heard = 0;
  #reconnects = 0;

  constructor(options: EtherModemOptions) {
    this.#options = options;
    this.uri = `sim://${options.nodeNumber.toString(16)}`;
    this.#radio = options.ether.radio(options.nodeNumber);
    this.#radio.limitDutyCycle(regionNamed(options.region).dutyCycle);
    if (options.firmware !== undefined) this.#radio.firmware = options.firmware;
  }

  state(): ModemState {
    return this.#state;
  }

  channelUse(): ChannelUse {
    return this.#radio.channelUse();
  }

  counters(): Readonly<Record<string, number>> {
    return {
      packets_in: this.#heard,
      packets_out: this.#sent,
      reconnects: this.#reconnects,
      dropped_packets: this.#received.dropped,
    };
  }

  receive(signal: AbortSignal): Promise<RadioPacket | undefined> {
    return this.#received.take(signal);
  }

  send(packet: OutgoingPacket, signal: AbortSignal): Promise<SendOutcome> {
    return Promise.resolve(signal.aborted ? { kind: "busy", reason: "given up" } : this.#send(packet));
  }

  async run(signal: AbortSignal): Promise<void> {
    const leave = this.#radio.attach({
      packet: (reception) => this.#take(reception),
      power: (on) => this.#follow(on),
    });
    this.#follow(this.#radio.powered);
    await aborted(signal);
    leave();
    this.#state = { kind: "down", reason: "stopped", retryInMs: 0 };
  }

  #follow(on: boolean): void {
    const { nodeNumber, preset, region } = this.#options;
    const firmware = `${FIRMWARE_VERSION[this.#radio.firmware]} (simulated)`;
    if (this.#state.kind === "ready" && !on) this.#reconnects++;
    this.#state = on
      ? { kind: "ready", settings: { nodeNumber, preset, region, firmware } }
      : { kind: "down", reason: "the simulated radio is off", retryInMs: 0 };
  }

  #send(packet: OutgoingPacket): SendOutcome {
    const fault = packetFault(packet);
    if (fault !== undefined) return { kind: "refused", reason: fault };
    if (this.#state.kind !== "ready" || !this.#radio.powered) return { kind: "busy", reason: "no link to the radio" };
    const id = new DataView(this.#options.random.bytes(4).buffer).getUint32(0);
    const { to, port, hopLimit, wantAck = false } = packet;
    // A copy: what is on the air no longer changes when the sender reuses its buffer.
    const admission = this.#radio.submit({ to, id, port, hopLimit, wantAck, payload: packet.payload.slice() });
    switch (admission.kind) {
      case "full":
        return { kind: "busy", reason: "the radio's queue is full" };
      case "too-large":
        return { kind: "refused", reason: "too large for a frame" };
      case "duty-cycle":
        return { kind: "duty-cycle", waitMs: admission.minutes * 60_000 };
      case "queued":
        break;
    }
    this.#sent++;
    return { kind: "taken" };
  }

  #take(reception: Reception): void {
    if (this.#state.kind !== "ready") return;
    if (this.#received.offer(packetOf(reception))) this.#heard++;
  }
}

/** Each receiver has its own copy of the payload. */
function packetOf({ frame, rssiDbm, snrDb }: Reception): RadioPacket {
  const { from, to, id, port, payload, hopStart, hopLimit }: AirFrame = frame;
  return { from, to, id, port, payload: payload.slice(), hopsTaken: hopStart - hopLimit, rssiDbm, snrDb };
}
