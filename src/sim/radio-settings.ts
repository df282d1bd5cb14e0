/**
 * What a simulated radio keeps in its flash: owner, channels, region, preset; and how it takes the orders of its
 * administrator, as the firmware's `AdminModule.cpp` does (2.7 and 2.8).
 *
 * Orders between the begin and the commit of an edit are in force at once, and in the flash after the commit, which also
 * restarts the radio. A region that it does not know leaves all as it was; a preset that does not fit the region becomes
 * the region's own.
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Config,
  type Mesh,
  type AdminMessage,
  type ChannelMessage,
  type Config as ConfigMessage,
  type DeviceConfig,
  type LoRaConfig,
  type User,
} from "@meshtastic/protobufs";
import { presetName, regionName } from "../kernel/radio-names.ts";
import { presetNamed } from "../radio/airtime.ts";
import { presetInRegion, regionNamed } from "../radio/region.ts";

/** `HardwareModel.PORTDUINO`: a radio on a Linux machine. */
export const HARDWARE = 37;
const CHANNELS = 8;
const UNSET = 0;
const MAX_LONG_NAME = 39;
const MAX_SHORT_NAME = 4;

type Words = NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>;
export type ChannelWords = Extract<Words, { case: "channel" }>["value"];

interface Kept {
  readonly owner: Pick<User, "longName" | "shortName">;
  readonly device: Pick<DeviceConfig, "role">;
  readonly lora: Pick<LoRaConfig, "usePreset" | "modemPreset" | "region" | "hopLimit" | "txEnabled">;
  readonly channels: readonly ChannelWords[];
}

export interface FactorySettings {
  readonly nodeNumber: number;
  /** `EU_868`; "UNSET" for none, as radios come from the factory. */
  readonly region: string;
  /** `LongFast` */
  readonly preset: string;
}

export class RadioFlash {
  /** As `security.is_managed`: orders from the radio's own line are ignored. */
  managed = false;
  /** Ends of edits so far: each is one write of the flash, and one restart. */
  commits = 0;
  #inForce: Kept;
  #kept: Kept;
  #editing = false;

  constructor({ nodeNumber, region, preset }: FactorySettings) {
    const short = nodeNumber.toString(16).padStart(8, "0").slice(-4);
    const lora = {
      usePreset: true,
      modemPreset: numberOf(Config.Config_LoRaConfig_ModemPreset, (name) => plain(name) === preset.toLowerCase()),
      region: numberOf(Config.Config_LoRaConfig_RegionCode, (name) => name === region),
      hopLimit: 3,
      txEnabled: region !== "UNSET",
    };
    this.#kept = {
      owner: { longName: `Meshtastic ${short}`, shortName: short },
      device: { role: 0 },
      lora,
      channels: Array.from({ length: CHANNELS }, (_, index) => factoryChannel(index)),
    };
    this.#inForce = this.#kept;
  }

  /** In force now. */
  get settings(): Kept {
    return this.#inForce;
  }

  get region(): string {
    return regionName(this.#inForce.lora.region);
  }

  /** True when the radio restarts because of it. */
  take(order: AdminMessage["payloadVariant"]): boolean {
    if (this.managed) return false;
    switch (order.case) {
      case "beginEditSettings":
        this.#editing = true;
        return false;
      case "commitEditSettings":
        this.#editing = false;
        return this.#save();
      case "setOwner":
        this.#owner(order.value);
        break;
      case "setChannel":
        this.#channel(order.value);
        break;
      case "setConfig":
        this.#config(order.value.payloadVariant);
        break;
      case undefined:
        return false;
    }
    return this.#editing ? false : this.#save();
  }

  /** The power is gone: so is what was not committed. */
  powerOff(): void {
    this.#editing = false;
    this.#inForce = this.#kept;
  }

  #save(): boolean {
    this.#kept = this.#inForce;
    this.commits++;
    return true;
  }

  #owner({ longName, shortName }: User): void {
    const { owner } = this.#inForce;
    this.#inForce = {
      ...this.#inForce,
      owner: {
        longName: longName === "" ? owner.longName : longName.slice(0, MAX_LONG_NAME),
        shortName: shortName === "" ? owner.shortName : shortName.slice(0, MAX_SHORT_NAME),
      },
    };
  }

  #channel(channel: ChannelMessage): void {
    if (channel.index < 0 || channel.index >= CHANNELS) return;
    const channels = this.#inForce.channels.with(channel.index, channel);
    this.#inForce = { ...this.#inForce, channels };
  }

  #config(config: ConfigMessage["payloadVariant"]): void {
    if (config.case === "device") this.#inForce = { ...this.#inForce, device: config.value };
    if (config.case !== "lora") return;
    const wanted = config.value;
    const isNew = wanted.region !== this.#inForce.lora.region;
    if (isNew && wanted.region !== UNSET && !regionNamed(regionName(wanted.region)).known) return;
    const txEnabled = this.#inForce.lora.region === UNSET && wanted.region !== UNSET ? true : wanted.txEnabled;
    this.#inForce = { ...this.#inForce, lora: { ...wanted, txEnabled, modemPreset: fitting(wanted) } };
  }
}

function fitting({ region, modemPreset }: LoRaConfig): number {
  const preset = presetNamed(presetName(modemPreset) ?? "");
  if (preset === undefined || region === UNSET) return modemPreset;
  const fits = presetInRegion(preset, regionName(region)).toLowerCase();
  return numberOf(Config.Config_LoRaConfig_ModemPreset, (name) => plain(name) === fits);
}

function factoryChannel(index: number): ChannelWords {
  const settings = index === 0 ? { psk: Uint8Array.of(1), name: "" } : {};
  return { index, role: index === 0 ? 1 : 0, settings };
}

/** The number under which a protobuf enumeration has the name; 0 when it has none. */
function numberOf(names: Readonly<Record<number, string>>, matches: (name: string) => boolean): number {
  const found = Object.entries(names).find(([number, name]) => /^\d+$/.test(number) && matches(name));
  return found === undefined ? 0 : Number(found[0]);
}

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}
