/** Who hears whom: links between radios, and the usual shapes. @module */
import type { BurstLoss } from "./burst-loss.ts";

/** Radios are named by their node numbers. */
export interface AirLink {
  readonly a: number;
  readonly b: number;
  /** Share of frames lost beside collisions and noise, 0 … 1; 1 is no link. */
  readonly loss: number;
  /** Signal above noise in dB; relays that hear worse repeat sooner. */
  readonly snrDb?: number;
  /**
   * Strength at the receiver. A link that has it, or {@link snrDb}, takes part in capture: of two frames that overlap the
   * stronger may survive. Two frames of which one came over a link without either are both lost.
   */
  readonly rssiDbm?: number;
  /** When given, noise takes its part, too: the strength is drawn for each frame with this standard deviation, 0 and more. */
  readonly fadingDb?: number;
  /** Losses that come in bursts, beside all others. */
  readonly burst?: BurstLoss;
  /** `b` hears `a`, and what `a` hears of `b` stays as it is. Both directions when left out. */
  readonly oneWay?: boolean;
  /** Too weak to be heard or sensed, strong enough to spoil: `loss` then counts for nothing. */
  readonly onlyDisturbs?: boolean;
}

/** Node numbers of a simulated village: the first is 0x0ca7e001. */
export function nodeNumber(index: number): number {
  return 0x0ca7_e001 + index;
}

/** `count` radios, each of which hears its two neighbours. */
export function line(count: number, loss = 0): AirLink[] {
  return Array.from({ length: Math.max(count - 1, 0) }, (_, i) => ({ a: nodeNumber(i), b: nodeNumber(i + 1), loss }));
}

/** `count` radios that all hear each other. */
export function fullMesh(count: number, loss = 0): AirLink[] {
  return Array.from({ length: count }, (_, a) =>
    Array.from({ length: count - a - 1 }, (_, i) => ({ a: nodeNumber(a), b: nodeNumber(a + i + 1), loss })),
  ).flat();
}

/** A hub and `leaves` radios that hear only the hub, and so never each other's carrier. */
export function star(leaves: number, loss = 0): AirLink[] {
  return Array.from({ length: leaves }, (_, i) => ({ a: nodeNumber(0), b: nodeNumber(i + 1), loss }));
}
