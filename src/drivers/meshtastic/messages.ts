/**
 * What we say to a Meshtastic radio and what we understand of its answers: protobuf messages as plain values.
 *
 * `decodeFromRadio` is total: any bytes give an event or a reason. Messages that do not concern us are `other`.
 * @module
 */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Mesh, Telemetry, type FromRadio, type MeshPacket, type NodeInfo } from "@meshtastic/protobufs";
import { copyBytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { presetName, regionName } from "../../kernel/radio-names.ts";
import type { ChannelUse, OutgoingPacket, RadioPacket } from "../../ports/modem.ts";

/** Meshtastic's own ports that we read. */
const ROUTING_APP = 5;
const TELEMETRY_APP = 67;
/** `Routing.Error`: the hour of the duty cycle is used up. */
export const DUTY_CYCLE_LIMIT = 9;
/** `Routing.Error`: nobody acknowledged. It may have arrived all the same. */
export const MAX_RETRANSMIT = 5;
const READ = { readUnknownFields: false } as const;
/** Notices and log lines of the radio are cut to this length. */
const MAX_TEXT_CHARACTERS = 240;

export type RadioEvent =
  | { readonly kind: "my-info"; readonly nodeNumber: number }
  /** A node that the radio knows; `use` is what that node measured. */
  | { readonly kind: "node"; readonly nodeNumber: number; readonly use: ChannelUse | undefined }
  | {
      readonly kind: "lora";
      readonly preset: string | undefined;
      readonly region: string | undefined;
      readonly hopLimit: number;
      readonly txEnabled: boolean;
    }
  | { readonly kind: "firmware"; readonly version: string }
  | { readonly kind: "config-complete"; readonly nonce: number }
  | { readonly kind: "rebooted" }
  | { readonly kind: "packet"; readonly packet: RadioPacket }
  /** A packet that the radio could not decrypt: a channel that is not ours. */
  | { readonly kind: "undecoded" }
  /** The radio's word on a packet of ours. `error` 0 is its acknowledgement, which proves nothing. */
  | { readonly kind: "routing"; readonly from: number; readonly requestId: number; readonly error: number }
  | { readonly kind: "channel-use"; readonly from: number; readonly use: ChannelUse }
  /** `free` of `capacity` slots; `result` other than 0: a packet was not taken. */
  | { readonly kind: "queue"; readonly result: number; readonly free: number; readonly capacity: number }
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "log"; readonly text: string }
  | { readonly kind: "other" };

/** Asks for the whole configuration; the radio ends it with the same nonce. @param nonce 1 … 2^32 − 1 */
export function wantConfig(nonce: number): Uint8Array {
  return toRadio({ case: "wantConfigId", value: nonce });
}

/** Keeps the link open, and is answered with the state of the queue. */
export function heartbeat(): Uint8Array {
  return toRadio({ case: "heartbeat", value: {} });
}

/** Tells the radio that the client goes. */
export function disconnect(): Uint8Array {
  return toRadio({ case: "disconnect", value: true });
}

/** One packet for the air. @param id 1 … 2^32 − 1, never used before @param channel unless the packet names one */
export function sendPacket(packet: OutgoingPacket, id: number, channel: number): Uint8Array {
  return toRadio({
    case: "packet",
    value: {
      to: packet.to,
      channel: packet.channel ?? channel,
      id,
      hopLimit: packet.hopLimit,
      wantAck: packet.wantAck ?? false,
      payloadVariant: { case: "decoded", value: { portnum: packet.port, payload: packet.payload } },
    },
  });
}

export function decodeFromRadio(bytes: Uint8Array): Decoded<RadioEvent> {
  let message: FromRadio;
  try {
    message = fromBinary(Mesh.FromRadioSchema, bytes, READ);
  } catch {
    return refused("not a FromRadio message");
  }
  return decoded(eventOf(message.payloadVariant));
}

/** For people: `DUTY_CYCLE_LIMIT`, or `error 77`. */
export function routingErrorName(error: number): string {
  return Mesh.Routing_Error[error] ?? `error ${error}`;
}

function toRadio(variant: NonNullable<MessageInitShape<typeof Mesh.ToRadioSchema>["payloadVariant"]>): Uint8Array {
  return toBinary(Mesh.ToRadioSchema, create(Mesh.ToRadioSchema, { payloadVariant: variant }));
}

function eventOf(message: FromRadio["payloadVariant"]): RadioEvent {
  switch (message.case) {
    case "packet":
      return packetEvent(message.value);
    case "myInfo":
      return { kind: "my-info", nodeNumber: message.value.myNodeNum };
    case "nodeInfo":
      return nodeEvent(message.value);
    case "config":
      return configEvent(message.value.payloadVariant);
    case "metadata":
      return { kind: "firmware", version: clip(message.value.firmwareVersion) };
    case "configCompleteId":
      return { kind: "config-complete", nonce: message.value };
    case "rebooted":
      return { kind: "rebooted" };
    case "queueStatus": {
      const { res, free, maxlen } = message.value;
      return { kind: "queue", result: res, free, capacity: maxlen };
    }
    case "clientNotification":
      return { kind: "notice", text: clip(message.value.message) };
    case "logRecord":
      return { kind: "log", text: clip(message.value.message) };
    case "channel":
    case "moduleConfig":
    case undefined:
    default:
      return { kind: "other" };
  }
}

function nodeEvent(info: NodeInfo): RadioEvent {
  return { kind: "node", nodeNumber: info.num, use: info.deviceMetrics && channelUse(info.deviceMetrics) };
}

type ConfigVariant = Extract<FromRadio["payloadVariant"], { case: "config" }>["value"]["payloadVariant"];

function configEvent(config: ConfigVariant): RadioEvent {
  if (config.case !== "lora") return { kind: "other" };
  const { usePreset, modemPreset, region, hopLimit, txEnabled } = config.value;
  return {
    kind: "lora",
    preset: usePreset ? presetName(modemPreset) : undefined,
    region: region === 0 ? undefined : regionName(region),
    hopLimit,
    txEnabled,
  };
}

function packetEvent(packet: MeshPacket): RadioEvent {
  if (packet.payloadVariant.case !== "decoded") return { kind: "undecoded" };
  const data = packet.payloadVariant.value;
  if (data.portnum === ROUTING_APP) {
    const error = routingError(data.payload);
    if (error !== undefined) return { kind: "routing", from: packet.from, requestId: data.requestId, error };
  }
  if (data.portnum === TELEMETRY_APP) {
    const use = telemetryUse(data.payload);
    if (use !== undefined) return { kind: "channel-use", from: packet.from, use };
  }
  return {
    kind: "packet",
    packet: {
      from: packet.from,
      to: packet.to,
      id: packet.id,
      port: data.portnum,
      payload: copyBytes(data.payload),
      hopsTaken: hopsTaken(packet, data.bitfield),
      // The radio leaves out what it did not measure, and no packet is heard with 0 dBm.
      rssiDbm: packet.rxRssi === 0 ? undefined : packet.rxRssi,
      snrDb: packet.rxRssi === 0 && packet.rxSnr === 0 ? undefined : packet.rxSnr,
      channel: packet.channel,
      // 0: the radio does not know the time.
      ...(packet.rxTime === 0 ? {} : { radioTimeS: packet.rxTime }),
    },
  };
}

/**
 * Firmware before 2.3 leaves `hop_start` at 0. A zero-hop packet of a newer one has the same 0, but then its `Data` has
 * the bit field, which came later than `hop_start`.
 */
function hopsTaken(packet: MeshPacket, bitfield: number | undefined): number | undefined {
  const hops = packet.hopStart - packet.hopLimit;
  if (hops < 0 || packet.hopStart > 7) return undefined;
  return packet.hopStart === 0 && bitfield === undefined ? undefined : hops;
}

function routingError(payload: Uint8Array): number | undefined {
  try {
    const { variant } = fromBinary(Mesh.RoutingSchema, payload, READ);
    return variant.case === "errorReason" ? variant.value : undefined;
  } catch {
    return undefined;
  }
}

function telemetryUse(payload: Uint8Array): ChannelUse | undefined {
  try {
    const { variant } = fromBinary(Telemetry.TelemetrySchema, payload, READ);
    return variant.case === "deviceMetrics" ? channelUse(variant.value) : undefined;
  } catch {
    return undefined;
  }
}

function channelUse(metrics: { channelUtilization?: number | undefined; airUtilTx?: number | undefined }): ChannelUse {
  return { channelUtilization: ratio(metrics.channelUtilization), airUtilTx: ratio(metrics.airUtilTx) };
}

/** The radio reports percent; what is no percentage is no report. */
function ratio(percent: number | undefined): number | undefined {
  return percent !== undefined && percent >= 0 && percent <= 100 ? percent / 100 : undefined;
}

function clip(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).trim();
}
