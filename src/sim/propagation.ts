/**
 * From places to links: how strongly radios hear each other, and how often a frame of some length is lost in the noise.
 *
 * Powers in dBm, gains and losses in dB, lengths in metres. Path loss: free space to 1 m, then log-distance with
 * shadowing that is drawn once for each pair (T. Rappaport, Wireless Communications, 2nd ed., 4.9). Noise:
 * −174 dBm/Hz and a noise figure of 6 dB, which gives the sensitivities of Semtech's SX1272/73 data sheet (rev. 2,
 * RFS_L125 and RFS_L250) within a decibel and a half. Errors: the closed
 * form of T. Elshabrawy and J. Robert for LoRa in white noise (IEEE Communications Letters 22(9), 2018), bits taken as
 * independent: the firmware's 4/5 code finds errors and corrects none.
 * @module
 */
import type { LoraModulation, SpreadingFactor } from "../radio/airtime.ts";
import { seededRandom, uniform } from "./seeded-random.ts";
import type { AirLink } from "./topology.ts";
import type { Random } from "../ports/random.ts";

export interface Placement {
  readonly number: number;
  readonly xMetres: number;
  readonly yMetres: number;
  /** Above the same plain; 2 m when left out. */
  readonly heightMetres?: number;
}

export interface PropagationOptions {
  readonly modulation: LoraModulation;
  /** For the shadows. The same two radios at the same seed have the same, whoever else is there. */
  readonly seed: string | number;
  /** 2 is free space. The default meets the 128.95 dB at 1 km that J. Petäjäjärvi et al. measured (ITST 2015). */
  readonly exponent?: number;
  /** Standard deviation of the shadows; 7.8 dB by the same source. */
  readonly shadowingDb?: number;
  /** Standard deviation from frame to frame: people, leaves and boats that move. */
  readonly fadingDb?: number;
  readonly transmitDbm?: number;
  /** Of both antennas together. */
  readonly antennaGainDb?: number;
  readonly frequencyHz?: number;
}

const LIGHT_METRES_PER_SECOND = 299_792_458;
const THERMAL_NOISE_DBM_HZ = -174;
const NOISE_FIGURE_DB = 6;
const DEFAULT_HEIGHT_METRES = 2;
/** The centre of LongFast's default slot in the US: 902 MHz and 19.5 slots of 250 kHz. */
const DEFAULT_FREQUENCY_HZ = 906_875_000;
const DEFAULT_EXPONENT = 3.25;
const DEFAULT_SHADOWING_DB = 7.8;
const DEFAULT_FADING_DB = 2;
/** What an SX1262 can give. */
const DEFAULT_TRANSMIT_DBM = 22;
/** Two dipoles. */
const DEFAULT_ANTENNA_GAIN_DB = 4.3;
/** Weaker than the demodulator's limit by more than this is never heard, however the signal swings. */
const HOPELESS_DB = 6;
/** … and by more than this beside that, disturbs nobody. */
const HARMLESS_DB = 16;

/** Semtech data sheets, LoRa demodulator: the signal-to-noise ratio in dB at which it still works. */
export const DEMODULATOR_LIMIT_DB: Readonly<Record<SpreadingFactor, number>> = {
  7: -7.5,
  8: -10,
  9: -12.5,
  10: -15,
  11: -17.5,
  12: -20,
};

export function noiseDbm(bandwidthHz: number): number {
  return THERMAL_NOISE_DBM_HZ + 10 * Math.log10(bandwidthHz) + NOISE_FIGURE_DB;
}

/** The weakest signal that the demodulator works with. */
export function sensitivityDbm({ spreadingFactor, bandwidthHz }: LoraModulation): number {
  return noiseDbm(bandwidthHz) + DEMODULATOR_LIMIT_DB[spreadingFactor];
}

/** Without shadows. Nearer than 1 m counts as 1 m. */
export function pathLossDb(metres: number, exponent: number, frequencyHz: number): number {
  const atOneMetre = 20 * Math.log10((4 * Math.PI * frequencyHz) / LIGHT_METRES_PER_SECOND);
  return atOneMetre + 10 * exponent * Math.log10(Math.max(metres, 1));
}

/**
 * The links between all radios that are near enough to matter: those that hear each other, more or less, and those that
 * only disturb (`onlyDisturbs`).
 */
export function linksBetween(placements: readonly Placement[], options: PropagationOptions): AirLink[] {
  const links: AirLink[] = [];
  for (const [i, a] of placements.entries()) {
    for (const b of placements.slice(i + 1)) {
      const link = linkBetween(a, b, options);
      if (link !== undefined) links.push(link);
    }
  }
  return links;
}

function linkBetween(a: Placement, b: Placement, options: PropagationOptions): AirLink | undefined {
  const { modulation, seed, exponent = DEFAULT_EXPONENT, frequencyHz = DEFAULT_FREQUENCY_HZ } = options;
  const { transmitDbm = DEFAULT_TRANSMIT_DBM, antennaGainDb = DEFAULT_ANTENNA_GAIN_DB } = options;
  const { shadowingDb = DEFAULT_SHADOWING_DB, fadingDb = DEFAULT_FADING_DB } = options;
  const shadows = seededRandom(`${seed}/shadow/${Math.min(a.number, b.number)}/${Math.max(a.number, b.number)}`);
  const shadowDb = shadowingDb * normal(shadows);
  const rssiDbm = transmitDbm + antennaGainDb - pathLossDb(metresBetween(a, b), exponent, frequencyHz) + shadowDb;
  const snrDb = rssiDbm - noiseDbm(modulation.bandwidthHz);
  const marginDb = snrDb - DEMODULATOR_LIMIT_DB[modulation.spreadingFactor];
  const link = { a: a.number, b: b.number, rssiDbm, snrDb };
  if (marginDb >= -HOPELESS_DB) return { ...link, loss: 0, fadingDb };
  return marginDb >= -HARMLESS_DB ? { ...link, loss: 1, onlyDisturbs: true } : undefined;
}

function metresBetween(a: Placement, b: Placement): number {
  const up = (a.heightMetres ?? DEFAULT_HEIGHT_METRES) - (b.heightMetres ?? DEFAULT_HEIGHT_METRES);
  return Math.hypot(a.xMetres - b.xMetres, a.yMetres - b.yMetres, up);
}

/**
 * The chance that white noise spoils a frame.
 * @param snrDb of this frame, in the channel's bandwidth @param frameBytes 0 … 255
 */
export function noiseLoss(snrDb: number, frameBytes: number, spreadingFactor: SpreadingFactor): number {
  const gain = Math.sqrt(10 ** (snrDb / 10) * 2 ** (spreadingFactor + 1));
  const bitErrors = 0.5 * upperTail(gain - Math.sqrt(1.386 * spreadingFactor + 1.154));
  return 1 - (1 - bitErrors) ** (8 * frameBytes);
}

/** Standard normal, by Box and Muller; takes two draws. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(random)));
  return radius * Math.cos(2 * Math.PI * uniform(random));
}

/** Q(x) of the normal distribution: Abramowitz and Stegun 26.2.17, error below 7.5e-8. */
function upperTail(x: number): number {
  if (x < 0) return 1 - upperTail(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
