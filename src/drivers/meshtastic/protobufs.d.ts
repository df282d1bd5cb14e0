/**
 * Types of the protobuf messages that we read and write. `@meshtastic/protobufs` 2.7.18 names a type file that it does
 * not contain, so the part that we use is declared here, field by field; the golden vectors check it against the bytes.
 * @module
 */
declare module "@meshtastic/protobufs" {
  import type { Message } from "@bufbuild/protobuf";
  import type { GenMessage } from "@bufbuild/protobuf/codegenv1";

  /** A oneof of which the named cases are typed; every other case reads as undefined here. */
  type OneOf<Cases> = { [K in keyof Cases]: { case: K; value: Cases[K] } }[keyof Cases] | { case: undefined };

  export interface Data extends Message<"meshtastic.Data"> {
    portnum: number;
    payload: Uint8Array;
    wantResponse: boolean;
    requestId: number;
    replyId: number;
    bitfield?: number;
  }

  export interface MeshPacket extends Message<"meshtastic.MeshPacket"> {
    from: number;
    to: number;
    channel: number;
    payloadVariant: OneOf<{ decoded: Data; encrypted: Uint8Array }>;
    id: number;
    rxTime: number;
    rxSnr: number;
    hopLimit: number;
    wantAck: boolean;
    priority: number;
    rxRssi: number;
    hopStart: number;
    relayNode: number;
  }

  export interface MyNodeInfo extends Message<"meshtastic.MyNodeInfo"> {
    myNodeNum: number;
    rebootCount: number;
    minAppVersion: number;
    deviceId: Uint8Array;
    pioEnv: string;
    nodedbCount: number;
  }

  export interface User extends Message<"meshtastic.User"> {
    id: string;
    longName: string;
    shortName: string;
    hwModel: number;
    isLicensed: boolean;
    role: number;
  }

  export interface DeviceMetrics extends Message<"meshtastic.DeviceMetrics"> {
    batteryLevel?: number;
    voltage?: number;
    channelUtilization?: number;
    airUtilTx?: number;
    uptimeSeconds?: number;
  }

  export interface NodeInfo extends Message<"meshtastic.NodeInfo"> {
    num: number;
    user?: User;
    snr: number;
    lastHeard: number;
    deviceMetrics?: DeviceMetrics;
    hopsAway?: number;
  }

  export interface LoRaConfig extends Message<"meshtastic.Config.LoRaConfig"> {
    usePreset: boolean;
    modemPreset: number;
    region: number;
    hopLimit: number;
    txEnabled: boolean;
    txPower: number;
    channelNum: number;
    overrideDutyCycle: boolean;
  }

  export interface DeviceConfig extends Message<"meshtastic.Config.DeviceConfig"> {
    role: number;
  }

  export interface SecurityConfig extends Message<"meshtastic.Config.SecurityConfig"> {
    isManaged: boolean;
  }

  export interface Config extends Message<"meshtastic.Config"> {
    payloadVariant: OneOf<{ device: DeviceConfig; lora: LoRaConfig; security: SecurityConfig }>;
  }

  export interface ModuleConfigMqtt extends Message<"meshtastic.ModuleConfig.MQTTConfig"> {
    enabled: boolean;
  }

  export interface ModuleConfigTelemetry extends Message<"meshtastic.ModuleConfig.TelemetryConfig"> {
    deviceUpdateInterval: number;
  }

  export interface ModuleConfig extends Message<"meshtastic.ModuleConfig"> {
    payloadVariant: OneOf<{ mqtt: ModuleConfigMqtt; telemetry: ModuleConfigTelemetry }>;
  }

  export interface ModuleSettings extends Message<"meshtastic.ModuleSettings"> {
    positionPrecision: number;
  }

  export interface ChannelSettings extends Message<"meshtastic.ChannelSettings"> {
    psk: Uint8Array;
    name: string;
    uplinkEnabled: boolean;
    downlinkEnabled: boolean;
    moduleSettings?: ModuleSettings;
  }

  export interface ChannelSet extends Message<"meshtastic.ChannelSet"> {
    settings: ChannelSettings[];
    loraConfig?: LoRaConfig;
  }

  export interface ChannelMessage extends Message<"meshtastic.Channel"> {
    index: number;
    settings?: ChannelSettings;
    role: number;
  }

  export interface LogRecord extends Message<"meshtastic.LogRecord"> {
    message: string;
    source: string;
    level: number;
  }

  export interface QueueStatus extends Message<"meshtastic.QueueStatus"> {
    res: number;
    free: number;
    maxlen: number;
    meshPacketId: number;
  }

  export interface DeviceMetadata extends Message<"meshtastic.DeviceMetadata"> {
    firmwareVersion: string;
    hwModel: number;
    canShutdown: boolean;
  }

  export interface ClientNotification extends Message<"meshtastic.ClientNotification"> {
    replyId?: number;
    level: number;
    message: string;
  }

  export interface FromRadio extends Message<"meshtastic.FromRadio"> {
    id: number;
    payloadVariant: OneOf<{
      packet: MeshPacket;
      myInfo: MyNodeInfo;
      nodeInfo: NodeInfo;
      config: Config;
      moduleConfig: ModuleConfig;
      channel: ChannelMessage;
      logRecord: LogRecord;
      configCompleteId: number;
      rebooted: boolean;
      queueStatus: QueueStatus;
      metadata: DeviceMetadata;
      clientNotification: ClientNotification;
    }>;
  }

  export interface Heartbeat extends Message<"meshtastic.Heartbeat"> {
    nonce: number;
  }

  export interface ToRadio extends Message<"meshtastic.ToRadio"> {
    payloadVariant: OneOf<{ packet: MeshPacket; wantConfigId: number; disconnect: boolean; heartbeat: Heartbeat }>;
  }

  export interface Routing extends Message<"meshtastic.Routing"> {
    variant: OneOf<{ errorReason: number }>;
  }

  export interface AdminMessage extends Message<"meshtastic.AdminMessage"> {
    payloadVariant: OneOf<{
      setOwner: User;
      setChannel: ChannelMessage;
      setConfig: Config;
      beginEditSettings: boolean;
      commitEditSettings: boolean;
    }>;
  }

  export interface TelemetryMessage extends Message<"meshtastic.Telemetry"> {
    time: number;
    variant: OneOf<{ deviceMetrics: DeviceMetrics }>;
  }

  export const Admin: { readonly AdminMessageSchema: GenMessage<AdminMessage> };
  export const AppOnly: { readonly ChannelSetSchema: GenMessage<ChannelSet> };
  export const Mesh: {
    readonly DataSchema: GenMessage<Data>;
    readonly FromRadioSchema: GenMessage<FromRadio>;
    readonly RoutingSchema: GenMessage<Routing>;
    readonly ToRadioSchema: GenMessage<ToRadio>;
    /** Names by number. */
    readonly Routing_Error: Readonly<Record<number, string>>;
  };
  export const Config: {
    /** Names by number, in capitals: `CLIENT`. */
    readonly Config_DeviceConfig_Role: Readonly<Record<number, string>>;
    /** Names by number, in capitals: `LONG_FAST`. */
    readonly Config_LoRaConfig_ModemPreset: Readonly<Record<number, string>>;
    readonly Config_LoRaConfig_RegionCode: Readonly<Record<number, string>>;
  };
  export const Telemetry: { readonly TelemetrySchema: GenMessage<TelemetryMessage> };
}
