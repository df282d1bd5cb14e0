/**
 * A radio's settings in Meshtastic's own messages: what it tells of them during the handshake, and the orders of its
 * administrator (`AdminMessage`, port 6) that change them.
 *
 * An order replaces a whole part of the settings. So it is made from what the radio said, with whatever this version does
 * not know still in it, and only what is to change is changed.
 * @module
 */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Admin,
  Config,
  Mesh,
  type AdminMessage,
  type ChannelMessage,
  type DeviceConfig,
  type FromRadio,
  type LoRaConfig,
  type NodeInfo,
  type User,
} from "@meshtastic/protobufs";
import { copyBytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import { RADIO_CHANNELS, type RadioChanges, type RadioChannel, type RadioSettings } from "../../ports/radio-setup.ts";
import { presetName, regionName } from "../../kernel/radio-names.ts";

const ADMIN_APP = 6;
/** `Channel.Role` */
const [DISABLED, PRIMARY, SECONDARY] = [0, 1, 2];
const ENUM_VALUES = 256;
const MAX_TEXT_CHARACTERS = 60;
const MAX_KEY_BYTES = 32;

type Words = NonNullable<MessageInitShape<typeof Admin.AdminMessageSchema>["payloadVariant"]>;

/** What a radio's settings were made of. */
export interface KnownRadio {
  readonly nodeNumber: number;
  readonly firmware: string;
  readonly managed: boolean;
  readonly user: User | undefined;
  readonly lora: LoRaConfig;
  readonly device: DeviceConfig;
  readonly channels: ReadonlyMap<number, ChannelMessage>;
}

/** Gathers what a radio tells of itself in one handshake. */
export class Introduction {
  readonly #channels = new Map<number, ChannelMessage>();
  #nodeNumber: number | undefined;
  #user: User | undefined;
  #firmware = "";
  #managed = false;
  #lora: LoRaConfig | undefined;
  #device: DeviceConfig | undefined;

  /** Any bytes; true when they were one of the messages by which a radio introduces itself. */
  hear(bytes: Uint8Array): boolean {
    const words = decoded(bytes);
    if (words?.case === "config") this.#config(words.value.payloadVariant);
    else if (words?.case === "channel") this.#channel(words.value);
    else if (words?.case === "metadata") this.#firmware = clip(words.value.firmwareVersion);
    else if (words?.case === "myInfo") this.#nodeNumber = words.value.myNodeNum;
    else if (words?.case === "nodeInfo") this.#node(words.value);
    else return false;
    return true;
  }

  /** Undefined while something is missing that every radio tells. */
  known(): KnownRadio | undefined {
    const [nodeNumber, lora, device] = [this.#nodeNumber, this.#lora, this.#device];
    if (nodeNumber === undefined || lora === undefined || device === undefined) return undefined;
    const rest = { firmware: this.#firmware, managed: this.#managed, channels: new Map(this.#channels) };
    return { nodeNumber, lora, device, user: this.#user, ...rest };
  }

  #channel(channel: ChannelMessage): void {
    if (channel.index >= 0 && channel.index < RADIO_CHANNELS) this.#channels.set(channel.index, channel);
  }

  /** The radio tells its number before the nodes that it knows, itself the first. */
  #node({ num, user }: NodeInfo): void {
    if (num === this.#nodeNumber) this.#user = user;
  }

  #config(config: Extract<FromRadio["payloadVariant"], { case: "config" }>["value"]["payloadVariant"]): void {
    if (config.case === "lora") this.#lora = config.value;
    if (config.case === "device") this.#device = config.value;
    if (config.case === "security") this.#managed = config.value.isManaged;
  }
}

/** The nonce of the request that this message ends, if it is such a one. */
export function completedNonce(bytes: Uint8Array): number | undefined {
  const words = decoded(bytes);
  return words?.case === "configCompleteId" ? words.value : undefined;
}

function decoded(bytes: Uint8Array): FromRadio["payloadVariant"] | undefined {
  try {
    return fromBinary(Mesh.FromRadioSchema, bytes).payloadVariant;
  } catch {
    return undefined;
  }
}

export function settingsOf(known: KnownRadio): RadioSettings {
  const { nodeNumber, firmware, managed, user, lora, device } = known;
  return {
    nodeNumber,
    firmware,
    managed,
    longName: clip(user?.longName ?? ""),
    shortName: clip(user?.shortName ?? ""),
    role: roleName(device.role),
    region: regionName(lora.region),
    preset: lora.usePreset ? (presetName(lora.modemPreset) ?? `PRESET_${lora.modemPreset}`) : undefined,
    hopLimit: lora.hopLimit,
    txEnabled: lora.txEnabled,
    overrideDutyCycle: lora.overrideDutyCycle,
    slot: lora.channelNum,
    channels: Array.from({ length: RADIO_CHANNELS }, (_, index) => channelOf(known.channels.get(index))),
  };
}

function channelOf(channel: ChannelMessage | undefined): RadioChannel | undefined {
  if (channel === undefined || channel.role === DISABLED) return undefined;
  const { name = "", psk = new Uint8Array() } = channel.settings ?? {};
  return { name: clip(name), psk: copyBytes(psk.subarray(0, MAX_KEY_BYTES)) };
}

/**
 * The orders that bring a radio from what is known of it to what is wanted, in one edit that its flash sees once.
 * @throws AgentError "RADIO_SETTING"
 */
export function orders(known: KnownRadio, changes: RadioChanges): readonly Uint8Array[] {
  const parts = [...ownerOrders(known, changes), ...configOrders(known, changes), ...channelOrders(known, changes)];
  const all: Words[] = [
    { case: "beginEditSettings", value: true },
    ...parts,
    { case: "commitEditSettings", value: true },
  ];
  return all.map((payloadVariant) =>
    toBinary(Admin.AdminMessageSchema, create(Admin.AdminMessageSchema, { payloadVariant })),
  );
}

function ownerOrders({ user }: KnownRadio, { longName, shortName }: RadioChanges): Words[] {
  if (longName === undefined && shortName === undefined) return [];
  const named = { ...(longName !== undefined && { longName }), ...(shortName !== undefined && { shortName }) };
  return [{ case: "setOwner", value: user === undefined ? named : { ...user, ...named } }];
}

function configOrders({ lora, device }: KnownRadio, changes: RadioChanges): Words[] {
  const words: Words[] = [];
  const { role, region, preset, slot, ...rest } = changes;
  if (role !== undefined) {
    const value = { ...device, role: numberNamed(role, roleName) };
    words.push({ case: "setConfig", value: { payloadVariant: { case: "device", value } } });
  }
  const wanted = {
    ...(region !== undefined && { region: numberNamed(region, regionName) }),
    ...(preset !== undefined && { usePreset: true, modemPreset: numberNamed(preset, presetName) }),
    ...(slot !== undefined && { channelNum: slot }),
    ...(rest.hopLimit !== undefined && { hopLimit: rest.hopLimit }),
    ...(rest.txEnabled !== undefined && { txEnabled: rest.txEnabled }),
    ...(rest.overrideDutyCycle !== undefined && { overrideDutyCycle: rest.overrideDutyCycle }),
  };
  if (Object.keys(wanted).length > 0) {
    const value = { ...lora, ...wanted };
    words.push({ case: "setConfig", value: { payloadVariant: { case: "lora", value } } });
  }
  return words;
}

/** Only those that are to be otherwise. */
function channelOrders(known: KnownRadio, { channels = [] }: RadioChanges): Words[] {
  const now = settingsOf(known).channels;
  return channels.flatMap((channel, index): Words[] => {
    if (sameChannel(channel, now[index])) return [];
    const role = channel === undefined ? DISABLED : index === 0 ? PRIMARY : SECONDARY;
    // Nothing of this channel goes to the internet by the radio, and no position of the node goes out on it.
    const closed = { uplinkEnabled: false, downlinkEnabled: false, moduleSettings: { positionPrecision: 0 } };
    const settings = channel === undefined ? {} : { name: channel.name, psk: copyBytes(channel.psk), ...closed };
    return [{ case: "setChannel", value: { index, role, settings } }];
  });
}

function sameChannel(a: RadioChannel | undefined, b: RadioChannel | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.name === b.name && Buffer.compare(a.psk, b.psk) === 0;
}

/** The order as a packet to the radio itself. @param id 1 … 2^32 − 1, never used before */
export function orderPacket(nodeNumber: number, id: number, order: Uint8Array): Uint8Array {
  const data = { case: "decoded", value: { portnum: ADMIN_APP, payload: order } } as const;
  const packet = { case: "packet", value: { to: nodeNumber, id, payloadVariant: data } } as const;
  return toBinary(Mesh.ToRadioSchema, create(Mesh.ToRadioSchema, { payloadVariant: packet }));
}

/** The order in a packet's content; undefined when it holds none. For radios that are simulated. */
export function orderIn(port: number, payload: Uint8Array): AdminMessage["payloadVariant"] | undefined {
  if (port !== ADMIN_APP) return undefined;
  try {
    return fromBinary(Admin.AdminMessageSchema, payload).payloadVariant;
  } catch {
    return undefined;
  }
}

function roleName(role: number): string {
  return Config.Config_DeviceConfig_Role[role] ?? `ROLE_${role}`;
}

function numberNamed(name: string, nameOf: (number: number) => string | undefined): number {
  for (let number = 0; number < ENUM_VALUES; number++) if (nameOf(number) === name) return number;
  throw new AgentError("RADIO_SETTING", `this version can't set ${name} on a radio`, {
    fix: "Set it with Meshtastic's own app, or choose another.",
  });
}

function clip(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS);
}
