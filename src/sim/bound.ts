/**
 * What the air must carry at the least: one all-knowing sender, who sends packets of an MDS code, full to the brim, until
 * the unluckiest receiver has as many as it needs.
 *
 * No protocol reaches it: nobody knows who lacks what, several know a part each, and asking costs air, too.
 * @module
 */
import { SIGNATURE_BYTES } from "../kernel/ed25519.ts";
import type { Random } from "../ports/random.ts";
import { payloadAirtimeUs, type LoraModulation } from "../radio/airtime.ts";
import { chance } from "../radio/chance.ts";

export interface Bound {
  /** Packets that everybody must have. */
  readonly needed: number;
  /** Packets that must be sent, on average over the draws. */
  readonly sent: number;
  readonly payloadBytes: number;
  readonly airMs: number;
}

/** Draws of the losses over which a bound is the mean. */
const DRAWS = 256;
/** Payload of a full packet without our header. */
const FULL_BYTES = 219;
const HEADER_BYTES = 12;

export interface IndexBoundOptions {
  /** Bytes of all new entries. */
  readonly entryBytes: number;
  /** Authors who have something new: each needs a signature, which nobody can recompute. */
  readonly authors: number;
  readonly receivers: number;
  readonly lossRatio: number;
  readonly modulation: LoraModulation;
  readonly random: Random;
}

/** B bytes of news, split evenly into ⌈B / 219⌉ packets with 12 bytes of header. */
export function indexBound(options: IndexBoundOptions): Bound {
  const bytes = options.entryBytes + options.authors * SIGNATURE_BYTES;
  const needed = Math.ceil(bytes / FULL_BYTES);
  const payloadBytes = needed === 0 ? 0 : Math.ceil(bytes / needed) + HEADER_BYTES;
  return meanBound({ ...options, needed, payloadBytes });
}

export interface MeanBoundOptions {
  readonly needed: number;
  readonly payloadBytes: number;
  readonly receivers: number;
  readonly lossRatio: number;
  readonly modulation: LoraModulation;
  readonly random: Random;
}

/** The mean over 256 draws of independent losses. */
export function meanBound({ needed, payloadBytes, receivers, lossRatio, modulation, random }: MeanBoundOptions): Bound {
  let total = 0;
  for (let draw = 0; draw < DRAWS; draw++)
    total += packetsUntilAllHave(needed, receivers, () => chance(random) >= lossRatio);
  const sent = total / DRAWS;
  return { needed, sent, payloadBytes, airMs: (sent * payloadAirtimeUs(payloadBytes, modulation)) / 1000 };
}

/**
 * Packets that are sent until each receiver has `needed` of them.
 * @param hears whether this receiver hears the packet of that ordinal, from 0; asked once for each pair, in rising order
 */
export function packetsUntilAllHave(
  needed: number,
  receivers: number,
  hears: (receiver: number, ordinal: number) => boolean,
): number {
  let most = 0;
  for (let receiver = 0; receiver < receivers; receiver++) {
    let [sent, heard] = [0, 0];
    while (heard < needed) if (hears(receiver, sent++)) heard++;
    most = Math.max(most, sent);
  }
  return most;
}

/**
 * Losses that don't depend on who sends: the i-th data packet of a run is lost at a receiver, or not, whoever sends it. So
 * a run and its bound are compared under the same luck. Everything else is lost by a draw of its own.
 */
export class SharedLosses {
  readonly #seed: number;
  readonly #lossRatio: number;
  readonly #ordinals = new WeakMap<Uint8Array, number>();
  #sent = 0;

  constructor(seed: number, lossRatio: number) {
    this.#seed = mix(seed % 2 ** 32, Math.floor(seed / 2 ** 32));
    this.#lossRatio = lossRatio;
  }

  /** This frame is the next data packet. */
  note(payload: Uint8Array): void {
    this.#ordinals.set(payload, this.#sent++);
  }

  /** As `LossOracle`. */
  readonly loses = (from: number, to: number, ordinal: number, payload: Uint8Array): boolean => {
    const data = this.#ordinals.get(payload);
    return data === undefined ? this.#draw(from, mix(to, ordinal)) : this.losesData(to, data);
  };

  /** Whether this receiver loses the data packet of that ordinal, from 0. */
  losesData(to: number, ordinal: number): boolean {
    return this.#draw(to, ordinal);
  }

  #draw(a: number, b: number): boolean {
    return mix(mix(this.#seed, a), b) / 2 ** 32 < this.#lossRatio;
  }
}

/** A hash of two numbers below 2^32, evenly in 0 … 2^32 − 1. Finaliser: MurmurHash3 (A. Appleby, public domain). */
function mix(a: number, b: number): number {
  let h = (Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca77)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
