/**
 * What a simulated radio says to its client: `FromRadio` messages as firmware 2.7 and 2.8 encode them.
 * @module
 */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Mesh, Telemetry, type ToRadio } from "@meshtastic/protobufs";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { BROADCAST, type ChannelUse } from "../ports/modem.ts";
import type { Reception } from "./air.ts";
import { ROUTING_APP } from "./mesh-frame.ts";
import { FIRMWARE_VERSION, type RadioFirmware } from "./radio-firmware.ts";
import { HARDWARE, type RadioFlash } from "./radio-settings.ts";

const TELEMETRY_APP = 67;
/** Firmware 2.5 and newer add it to each `Data`. */
const BITFIELD = 1;

type FromRadioInit = NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>;

export interface RadioIdentity {
  readonly nodeNumber: number;
  /** The other radios that it knows. */
  readonly others: readonly number[];
  readonly flash: RadioFlash;
  readonly firmware: RadioFirmware;
  readonly bootCount: number;
}

/** The answer to `want_config_id`, in the firmware's order. Two nonces ask for a part only. */
export function configuration(identity: RadioIdentity, use: ChannelUse, nonce: number): Uint8Array[] {
  const { managed, settings } = identity.flash;
  const self = nodeInfo(identity.nodeNumber);
  const user = { ...self.user, ...settings.owner };
  const own = fromRadio({ case: "nodeInfo", value: { ...self, user, deviceMetrics: percent(use) } });
  const others = identity.others.map((number) => fromRadio({ case: "nodeInfo", value: nodeInfo(number) }));
  const end = fromRadio({ case: "configCompleteId", value: nonce });
  if (nonce === 69_421) return [own, ...others, end];
  const head = [
    fromRadio({
      case: "myInfo",
      value: {
        myNodeNum: identity.nodeNumber,
        rebootCount: identity.bootCount,
        minAppVersion: 30_200,
        pioEnv: "native",
        nodedbCount: identity.others.length + 1,
      },
    }),
    own,
    fromRadio({
      case: "metadata",
      value: { firmwareVersion: FIRMWARE_VERSION[identity.firmware], hwModel: HARDWARE, canShutdown: true },
    }),
    ...settings.channels.map((value) => fromRadio({ case: "channel", value })),
    fromRadio({ case: "config", value: { payloadVariant: { case: "device", value: settings.device } } }),
    fromRadio({ case: "config", value: { payloadVariant: { case: "lora", value: settings.lora } } }),
    fromRadio({ case: "config", value: { payloadVariant: { case: "security", value: { isManaged: managed } } } }),
    fromRadio({ case: "moduleConfig", value: { payloadVariant: { case: "mqtt", value: { enabled: false } } } }),
    fromRadio({
      case: "moduleConfig",
      value: { payloadVariant: { case: "telemetry", value: { deviceUpdateInterval: 1800 } } },
    }),
  ];
  return nonce === 69_420 ? [...head, end] : [...head, ...others, end];
}

export function heardPacket({ frame, rssiDbm, snrDb }: Reception): Uint8Array {
  return fromRadio({
    case: "packet",
    value: {
      from: frame.from,
      to: frame.to,
      id: frame.id,
      hopLimit: frame.hopLimit,
      hopStart: frame.hopStart,
      rxRssi: rssiDbm,
      rxSnr: snrDb,
      wantAck: frame.wantAck === true,
      payloadVariant: {
        case: "decoded",
        value: { portnum: frame.port, payload: frame.payload, bitfield: BITFIELD, requestId: frame.requestId ?? 0 },
      },
    },
  });
}

/** The radio's own word on a packet of its client. */
export function routingError(nodeNumber: number, requestId: number, error: number, id: number): Uint8Array {
  const routing = create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: error } });
  return fromRadio({
    case: "packet",
    value: {
      from: nodeNumber,
      to: nodeNumber,
      id,
      priority: 120,
      payloadVariant: {
        case: "decoded",
        value: { portnum: ROUTING_APP, payload: toBinary(Mesh.RoutingSchema, routing), requestId },
      },
    },
  });
}

export function telemetry(nodeNumber: number, use: ChannelUse, id: number): Uint8Array {
  const message = create(Telemetry.TelemetrySchema, { variant: { case: "deviceMetrics", value: percent(use) } });
  return fromRadio({
    case: "packet",
    value: {
      from: nodeNumber,
      to: BROADCAST,
      id,
      payloadVariant: {
        case: "decoded",
        value: { portnum: TELEMETRY_APP, payload: toBinary(Telemetry.TelemetrySchema, message) },
      },
    },
  });
}

/** @param result 0, or 32 when the packet found no room @param packetId 0 when it is about no packet */
export function queueStatus(result: number, free: number, capacity: number, packetId: number): Uint8Array {
  return fromRadio({ case: "queueStatus", value: { res: result, free, maxlen: capacity, meshPacketId: packetId } });
}

export function dutyCycleNotice(minutes: number): Uint8Array {
  const message = `Duty cycle limit exceeded. You can send again in ${minutes} mins`;
  return fromRadio({ case: "clientNotification", value: { level: 30, message } });
}

export function rebooted(): Uint8Array {
  return fromRadio({ case: "rebooted", value: true });
}

export function decodeToRadio(bytes: Uint8Array): Decoded<ToRadio["payloadVariant"]> {
  try {
    return decoded(fromBinary(Mesh.ToRadioSchema, bytes, { readUnknownFields: false }).payloadVariant);
  } catch {
    return refused("not a ToRadio message");
  }
}

function fromRadio(variant: FromRadioInit): Uint8Array {
  return toBinary(Mesh.FromRadioSchema, create(Mesh.FromRadioSchema, { payloadVariant: variant }));
}

interface NodeWords {
  readonly num: number;
  readonly user: {
    readonly id: string;
    readonly longName: string;
    readonly shortName: string;
    readonly hwModel: number;
  };
}

function nodeInfo(number: number): NodeWords {
  const hex = number.toString(16).padStart(8, "0");
  const short = hex.slice(-4);
  return { num: number, user: { id: `!${hex}`, longName: `Meshtastic ${short}`, shortName: short, hwModel: HARDWARE } };
}

function percent(use: ChannelUse): { channelUtilization: number; airUtilTx: number } {
  return { channelUtilization: (use.channelUtilization ?? 0) * 100, airUtilTx: (use.airUtilTx ?? 0) * 100 };
}
