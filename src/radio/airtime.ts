/**
 * Time on air of a LoRa packet (Semtech AN1200.13, section 4), for Meshtastic's presets and framing.
 *
 * Times are whole microseconds, lengths whole bytes. A frame is what the radio modulates: Meshtastic's header, the
 * protobuf `Data` around the payload, and the payload. Explicit header and CRC are always on.
 * @module
 */
import { PRIVATE_APP } from "../ports/modem.ts";

export type SpreadingFactor = 7 | 8 | 9 | 10 | 11 | 12;

export interface LoraModulation {
  readonly spreadingFactor: SpreadingFactor;
  readonly bandwidthHz: number;
  /** The denominator: 5 is 4/5. */
  readonly codingRate: 5 | 6 | 7 | 8;
  readonly preambleSymbols: number;
}

/** Meshtastic's modem presets, by the names that its apps show. */
export type PresetName =
  | "ShortTurbo"
  | "ShortFast"
  | "ShortSlow"
  | "MediumFast"
  | "MediumSlow"
  | "LongTurbo"
  | "LongFast"
  | "LongModerate"
  | "LongSlow"
  | "VeryLongSlow"
  | "LiteFast"
  | "LiteSlow"
  | "NarrowFast"
  | "NarrowSlow"
  | "MediumTurbo"
  | "TinyFast"
  | "TinySlow";

const PREAMBLE_SYMBOLS = 16;
/** The firmware's `wideLoraPreambleLengthDefault`. */
const WIDE_PREAMBLE_SYMBOLS = 12;
/** The LoRa frame's limit in bytes, header included. */
export const MAX_FRAME_BYTES = 255;
const MESH_HEADER_BYTES = 16;
/** Tags of port and payload, and the bit field that the firmware adds. */
const DATA_TAG_BYTES = 4;
/** Port numbers and lengths take a second byte from here on. */
const LONG_VARINT_FROM = 128;
/** What firmware 2.8 adds to a broadcast: an XEdDSA signature with its tag and length. */
const RADIO_SIGNATURE_BYTES = 66;
/** Of a packet to one node: the tag and the nonce. */
const PKC_BYTES = 12;
/** The radio spreads each symbol's bits more safely (low data rate optimisation) above this. */
const LOW_RATE_SYMBOL_US = 16_000;
/** At 2.4 GHz the radio is an SX128x, which optimises by spreading factor alone: its datasheet, section 7.4.4. */
const WIDE_LOW_RATE_FROM_SF = 11;

/**
 * The sub-GHz parameters of the firmware's `modemPresetToParams` (`src/mesh/MeshRadio.h`). VeryLongSlow is from
 * firmware before 2.5: newer radios fall back to LongFast, which is shorter on air, so our figure errs to the safe side.
 * Their wide forms: {@link modulationOf}.
 */
export const PRESETS: Readonly<Record<PresetName, LoraModulation>> = {
  ShortTurbo: modulation(7, 500_000, 5),
  ShortFast: modulation(7, 250_000, 5),
  ShortSlow: modulation(8, 250_000, 5),
  MediumFast: modulation(9, 250_000, 5),
  MediumSlow: modulation(10, 250_000, 5),
  LongTurbo: modulation(11, 500_000, 8),
  LongFast: modulation(11, 250_000, 5),
  LongModerate: modulation(11, 125_000, 8),
  LongSlow: modulation(12, 125_000, 8),
  VeryLongSlow: modulation(12, 62_500, 8),
  LiteFast: modulation(9, 125_000, 5),
  LiteSlow: modulation(10, 125_000, 5),
  NarrowFast: modulation(7, 62_500, 6),
  NarrowSlow: modulation(8, 62_500, 6),
  MediumTurbo: modulation(9, 500_000, 5),
  TinyFast: modulation(7, 15_600, 5),
  TinySlow: modulation(8, 15_600, 6),
};

/** What each bandwidth becomes at 2.4 GHz. Presets of other bandwidths, and the Lite ones, are the same everywhere. */
const WIDE_BANDWIDTH_HZ: ReadonlyMap<number, number> = new Map([
  [500_000, 1_625_000],
  [250_000, 812_500],
  [125_000, 406_250],
]);
const WIDE_BANDWIDTHS_HZ: ReadonlySet<number> = new Set(WIDE_BANDWIDTH_HZ.values());

const BY_PLAIN_NAME: ReadonlyMap<string, PresetName> = new Map(presetNames().map((name) => [plain(name), name]));

/** @param wide true at 2.4 GHz (region LORA_24), where the firmware widens the presets and shortens the preamble */
export function modulationOf(preset: PresetName, wide = false): LoraModulation {
  const narrow = PRESETS[preset];
  if (!wide) return narrow;
  const bandwidthHz = preset.startsWith("Lite") ? undefined : WIDE_BANDWIDTH_HZ.get(narrow.bandwidthHz);
  return { ...narrow, bandwidthHz: bandwidthHz ?? narrow.bandwidthHz, preambleSymbols: WIDE_PREAMBLE_SYMBOLS };
}

/** Takes both spellings, `LongFast` and the protobuf's `LONG_FAST`. Undefined for a name that we don't know. */
export function presetNamed(name: string): PresetName | undefined {
  return BY_PLAIN_NAME.get(plain(name));
}

export function presetNames(): readonly PresetName[] {
  return Object.keys(PRESETS).filter((name): name is PresetName => Object.hasOwn(PRESETS, name));
}

/**
 * Time on air in µs, rounded up.
 * @param frameBytes 0 … 255
 * @throws RangeError outside of that: a fault of ours
 */
export function timeOnAirUs(frameBytes: number, modulation: LoraModulation): number {
  if (!Number.isInteger(frameBytes) || frameBytes < 0 || frameBytes > MAX_FRAME_BYTES) {
    throw new RangeError("a LoRa frame holds 0 to 255 bytes");
  }
  const { spreadingFactor, bandwidthHz, codingRate, preambleSymbols } = modulation;
  const symbolUs = (2 ** spreadingFactor * 1e6) / bandwidthHz;
  const lowRate = isLowRate(spreadingFactor, bandwidthHz) ? 1 : 0;
  // 28 − 4·SF are the bits that the explicit header's block leaves over, 16 the CRC.
  const bits = 8 * frameBytes - 4 * spreadingFactor + 28 + 16;
  const codewords = Math.ceil(bits / (4 * (spreadingFactor - 2 * lowRate)));
  const payloadSymbols = 8 + Math.max(codewords * codingRate, 0);
  return Math.ceil((preambleSymbols + 4.25 + payloadSymbols) * symbolUs);
}

/** Bytes of the frame around a payload on a channel, whatever its port. May exceed {@link MAX_FRAME_BYTES}. */
export function meshFrameBytes(port: number, payloadBytes: number): number {
  const portBytes = port < LONG_VARINT_FROM ? 1 : 2;
  const lengthBytes = payloadBytes < LONG_VARINT_FROM ? 1 : 2;
  return MESH_HEADER_BYTES + DATA_TAG_BYTES + portBytes + lengthBytes + payloadBytes;
}

/**
 * Bytes of the frame around a `PRIVATE_APP` payload on a channel.
 * @param payloadBytes 0 … 231; more gives a frame that {@link timeOnAirUs} refuses
 * @param radioSigns see {@link signsBroadcasts}
 */
export function frameBytesFor(payloadBytes: number, radioSigns = false): number {
  const frameBytes = meshFrameBytes(PRIVATE_APP, payloadBytes);
  const signedBytes = frameBytes + RADIO_SIGNATURE_BYTES;
  return radioSigns && signedBytes <= MAX_FRAME_BYTES ? signedBytes : frameBytes;
}

/** Time on air in µs of a broadcast with this payload. @throws RangeError above 231 bytes */
export function payloadAirtimeUs(payloadBytes: number, modulation: LoraModulation, radioSigns = false): number {
  return timeOnAirUs(frameBytesFor(payloadBytes, radioSigns), modulation);
}

/**
 * Time on air in µs of one sending of a packet to one node, encrypted for it by the radio (PKC: X25519 and AES-CCM,
 * `MESHTASTIC_PKC_OVERHEAD` of the firmware); on a channel it would be 12 bytes less.
 * @throws RangeError above 219 bytes on a port of ours, 220 on one below 128
 */
export function directAirtimeUs(port: number, payloadBytes: number, modulation: LoraModulation): number {
  return timeOnAirUs(meshFrameBytes(port, payloadBytes) + PKC_BYTES, modulation);
}

/**
 * Whether a radio of this firmware signs each broadcast that still fits its frame (payloads up to 165 bytes): from 2.8
 * on. A version that can't be read counts as no: the simulated radios have none.
 */
export function signsBroadcasts(firmware: string | undefined): boolean {
  const parts = /^v?(\d+)\.(\d+)/.exec(firmware ?? "");
  if (parts === null) return false;
  const major = Number(parts[1]);
  return major > 2 || (major === 2 && Number(parts[2]) >= 8);
}

function isLowRate(spreadingFactor: SpreadingFactor, bandwidthHz: number): boolean {
  if (WIDE_BANDWIDTHS_HZ.has(bandwidthHz)) return spreadingFactor >= WIDE_LOW_RATE_FROM_SF;
  return (2 ** spreadingFactor * 1e6) / bandwidthHz > LOW_RATE_SYMBOL_US;
}

function modulation(
  spreadingFactor: SpreadingFactor,
  bandwidthHz: number,
  codingRate: LoraModulation["codingRate"],
): LoraModulation {
  return Object.freeze({ spreadingFactor, bandwidthHz, codingRate, preambleSymbols: PREAMBLE_SYMBOLS });
}

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}
